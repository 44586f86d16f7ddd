"""`ioadapt extract`: turn the difference between a fine-tuned model and its base into a LoRA."""

import argparse

from ioadapt_theory.cli.files import Files, check_counts
from ioadapt_theory.cli.moves import Moved, add_inputs, outcomes_of, read_inputs, show, write
from ioadapt_theory.cli.options import PROMPTS, Progress, device_of, moved, shown, written
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import together, write_text

EXAMPLES = """The LoRA on MODEL keeps the effect of the weight difference on the given inputs, see `ioadapt resize
--help`. The column 'if copied' shows a plain SVD of the same rank. Changes of biases, norms, embeddings are left out.
If MODEL is a quantised or pruned copy of SOURCE, the LoRA gives back what the copy lost. For models and inputs, see
`ioadapt transfer --help`.

examples:
  ioadapt extract ./tuned ./base --rank 8 --inputs texts.txt --out lora
  ioadapt extract tuned.safetensors base.safetensors --share 0.95 --prompts prompts.txt --out lora.safetensors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("tuned", metavar="SOURCE", help="the fine-tuned model")
    add("base", metavar="MODEL", help="the model before tuning, or a quantised or pruned copy")
    add("--rank", type=int, metavar="R", help="largest rank of a layer")
    add("--share", type=float, metavar="F", help="share of each layer's squared effect to keep (default 0.98)")
    style = "format (default: peft for a model's folder, else kohya)"
    add("--style", choices=("peft", "diffusers", "kohya"), help=style)
    add_inputs(parser)


def files(args: argparse.Namespace) -> Files:
    reads = (args.tuned, args.base, args.inputs, args.prompts, args.config)
    return Files(reads, {"--html": args.html}, adapter=written(args))


def run(args: argparse.Namespace) -> int:
    with shown(quiet=args.quiet) as progress:
        progress("starting", 0, 1)
        from ioadapt_theory.reporting import carried as told

        check_counts(batch=(args.batch, 1), rows=(args.rows, 3))
        if args.prompts is None and args.inputs is None:
            msg = f"Give unlabelled inputs: --prompts FILE for diffusion models, --inputs BATCH for others. {PROMPTS}"
            raise InvalidValueError(msg)
        with together():
            result, lines = _extracted(args, progress)
            if args.html is not None:
                write_text(args.html, told.to_html(outcomes_of(result), f"{args.tuned} - {args.base}"))
    return show(args, result, lines)


def _extracted(args: argparse.Namespace, progress: Progress) -> tuple[list[Moved], list[str]]:
    from ioadapt_theory.formats.provenance import KEPT, notes, require_replaceable
    from ioadapt_theory.models.sources import open_source
    from ioadapt_theory.moving import extract

    device, result, lines = device_of(args.device), list[Moved](), list[str]()
    entries = notes("extract", args.tuned, args.base)
    require_replaceable(args.out, entries, force=args.force)
    tuned, base = open_source(args.tuned, args.config), open_source(args.base, args.config)
    both = [part for part in base.parts if part in tuned.parts and args.component in {None, part}]
    for part in both or [base.main]:
        there = part if part in tuned.parts else tuned.main
        progress(f"loading {base.given}", 0, 2)
        models = [base.load(part).to(device), tuned.load(there).to(device)]
        inputs = read_inputs(args, base, base, part)
        need = args.need or ("change" if part.startswith("text_encoder") else None)
        options = {"call": inputs.call, "need": need, "size": args.batch, "seed": args.seed, "progress": progress}
        options |= {"rank": args.rank} | ({} if args.share is None else {"rank_share": args.share})
        try:
            outcome = extract(models[0], models[1], moved(inputs.source, device), **options)
        except InvalidValueError as error:
            if len(both) < 2 or "has the base's weights" not in str(error):
                raise
            lines.append(f"{part} is left out: {error.reason}.")
            continue
        result.append(Moved(part, part, None, outcome))
    if not result:
        msg = (
            f"{args.tuned} has the weights of {args.base} in all parts ({', '.join(both)}); give the tuned model first."
        )
        raise InvalidValueError(msg)
    entries[KEPT] = " ".join(f"{one.part}:{one.outcome.kept:z.2f}".lstrip(":") for one in result)
    write(args, None, result, base, entries)
    return result, lines
