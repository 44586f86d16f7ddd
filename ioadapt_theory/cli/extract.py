"""`ioadapt extract`: turn the difference between a fine-tuned model and its base into a LoRA."""

import argparse

from ioadapt_theory.cli.files import Files
from ioadapt_theory.cli.options import NO_INPUTS, Moved, Progress, Work, add_inputs, carry_out, written
from ioadapt_theory.errors import InvalidValueError

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
    return carry_out(args, _extracted, f"{args.tuned} - {args.base}")


def _extracted(args: argparse.Namespace, progress: Progress) -> Work:
    from ioadapt_theory.cli import moves
    from ioadapt_theory.models.sources import open_source
    from ioadapt_theory.moving import extract

    if args.prompts is None and args.inputs is None:
        raise InvalidValueError(NO_INPUTS)
    entries, result, lines = moves.entries(args, None, args.base), list[Moved](), []
    tuned, base = open_source(args.tuned, args.config), open_source(args.base, args.config)
    both = [part for part in base.parts if part in tuned.parts and args.component in {None, part}]
    for part in both or [base.main]:
        progress(f"loading {base.given}", 0, 2)
        models = [moves.loaded(args, model, part) for model in (base, tuned)]
        inputs = moves.read_inputs(args, base, base, part)
        options = moves.options_of(args, inputs, progress) | {"rank": args.rank}
        options |= {} if args.share is None else {"share": args.share}
        try:
            outcome = extract(models[0], models[1], inputs.source, **options)
        except InvalidValueError as error:
            if len(both) < 2 or "has the base's weights" not in str(error):
                raise
            lines.append(f"{part} is left out: {error.reason}.")
            continue
        result.append(Moved(part, part, None, outcome))
    if not result:
        parts = ", ".join(both)
        msg = f"{args.tuned} has the weights of {args.base} in all parts ({parts}); give the tuned model first."
        raise InvalidValueError(msg)
    moves.write(args, None, result, base, entries, progress, tuned)
    return result, lines
