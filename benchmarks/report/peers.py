"""The report beside Cisco's provenance kit and MergeLens: what each says of pairs of known history, and what it costs.

Each is one command in a process of its own, as its users start it: whole CPU seconds, imports included, and the largest
resident memory. All see the same folders of transformers: weights, configuration, and one tokenizer for all of them.
All three are installed apart, in one environment, whose packages change what importing torch takes. The kit asks for
Python 3.12; in the record it ran on 3.11, where ``--ignore-requires-python`` installs it and nothing is amiss:

    python -m venv VENV && VENV/bin/pip install . cisco-ai-provenance-kit mergelens bitsandbytes
    python -m benchmarks.report.peers --models FOLDER --peers VENV/bin
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ioadapt_theory.report.kin.kinship import Kin

from benchmarks.report.histories import pairs, write
from ioadapt_theory.results import record, write_json

NETWORK: Final = ("llama", 1)
"""A network and seed whose pairs the rules were not made on."""
ASKED: Final = (
    ("base", "base.bf16"), ("base", "base.neurons"), ("base", "full"), ("base", "few"), ("base", "lora"),
    ("full", "average"), ("full", "other"), ("base", "student"), ("base", "fewer blocks"), ("base", "fewer neurons"),
    ("base", "zeros"), ("base", "base.nf4"), ("base", "stranger"), ("full", "stranger, tuned"),
)  # fmt: skip
RECORD: Final = Path(__file__).resolve().parent.parent / "recorded" / "peers.json"
NF4: Final = {
    "quant_method": "bitsandbytes",
    "load_in_4bit": True,
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": True,
}


def prepared(folder: Path, made: Path) -> None:
    """Folders that all three can read: with a tokenizer, which the kit asks for, and what is quantised named so."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    letters = Tokenizer(WordLevel({chr(k): k for k in range(128)}, unk_token=chr(0)))
    build: Any = PreTrainedTokenizerFast
    tokenizer = build(tokenizer_object=letters, unk_token=chr(0), eos_token=chr(2))
    for name in {name for pair in ASKED for name in pair}:
        place = folder / name.replace(" ", "_").replace(",", "")
        place.mkdir()
        for file in (made / name).glob("*.safetensors"):
            (place / file.name).symlink_to(file.resolve())
        config = json.loads((made / name / "config.json").read_text(encoding="utf-8"))
        if name.endswith(".nf4"):
            config["quantization_config"] = NF4
        (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
        tokenizer.save_pretrained(place)


LAUNCH: Final = """
import json, os, subprocess, sys
with open(sys.argv[1], "wb") as out:
    process = subprocess.Popen(sys.argv[2:], stdout=out, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""Starts a command from a small process: the largest memory of whoever starts one counts as the command's, too."""


def measured(command: list[str]) -> dict[str, Any]:
    """What a command prints and costs."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    with TemporaryDirectory() as aside:
        out = Path(aside) / "out"
        call = [sys.executable, "-I", "-c", LAUNCH, str(out), *command]
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
        said = out.read_text(encoding="utf-8", errors="replace")
    status, cpu, mb = json.loads(done.stdout)
    return {"said": said, "status": status, "cpu": cpu, "mb": mb}


def ours(a: str, b: str, where: Path) -> dict[str, Any]:
    """The word for the kinship."""
    found = measured([str(where / "ioadapt"), "report", a, b, "--format", "json"])
    return found | {"verdict": json.loads(found.pop("said"))["kinship"]["kin"] if not found["status"] else "-"}


def kit(a: str, b: str, where: Path) -> dict[str, Any]:
    """Its label and score."""
    found = measured([str(where / "provenancekit"), "compare", a, b, "--json", "--no-cache"])
    said = found.pop("said")
    if found["status"]:
        return found | {"verdict": "-"}
    told = json.loads(said[said.index("{") :])
    return found | {"verdict": f"{told['interpretation']['label'].lower()}, {told['scores']['pipeline_score']:.2f}"}


def lens(a: str, b: str, where: Path) -> dict[str, Any]:
    """Its score of 100 for merging and its word for the risk; it gives no kinship."""
    with TemporaryDirectory() as aside:
        file = Path(aside) / "found.json"
        found = measured([str(where / "mergelens"), "compare", a, b, "--json", str(file)])
        found.pop("said")
        if found["status"] or not file.exists():
            return found | {"verdict": "-"}
        told = json.loads(file.read_text(encoding="utf-8"))["mci"]
    score = "no score" if told["score"] is None else f"{told['score']:.0f} of 100"
    return found | {"verdict": f"{told['risk_tier'].replace('_', ' ')}, {score}"}


TOOLS: Final[Mapping[str, Callable[[str, str, Path], dict[str, Any]]]] = {
    "ioadapt report": ours,
    "provenancekit compare": kit,
    "mergelens compare": lens,
}


def main(argv: list[str] | None = None) -> int:
    """Ask all three of every pair and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="trained there if they are not yet")
    parser.add_argument("--peers", type=Path, required=True, help="the folder with the commands of all three")
    parser.add_argument("--out", type=Path, default=RECORD)
    parser.add_argument("--jobs", type=int, default=1, help="pairs at a time (default %(default)s)")
    args = parser.parse_args(argv)
    made = args.models / f"{NETWORK[0]}-{NETWORK[1]}"
    write(made, *NETWORK)
    right = {(pair.source, pair.target): (pair.kin, pair.leaves) for pair in pairs()}
    with TemporaryDirectory() as name, ThreadPoolExecutor(args.jobs) as pool:
        folder = Path(name)
        prepared(folder, made)

        def asked(pair: tuple[str, str]) -> dict[str, Any]:
            a, b = (str(folder / one.replace(" ", "_").replace(",", "")) for one in pair)
            kin: Kin = right[pair][0]
            said = {tool: ask(a, b, args.peers) for tool, ask in TOOLS.items()}
            return {"source": pair[0], "target": pair[1], "history": str(kin), "said": said}

        rows = list(pool.map(asked, ASKED))
    config = {"network": made.name, "jobs": args.jobs}
    write_json(args.out, record("peers", config=config, results={"pairs": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
