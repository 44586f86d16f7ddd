"""`python -m proofs`: compile the Coq proofs, and check that every theorem is about the formula of its claim.

python -m proofs             build, and compare with the committed files
python -m proofs --render    write the rendered files (after a claim's formula has changed), without a build
python -m proofs --record    build, and write the record
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.evidence.formal import RECORD, digest, formula_digest, theorem_name
from ioadapt_theory.claims.findings import Verdict
from proofs.render import NoCoqError, identifier, statement, statements
from proofs.witnesses import witnesses

HERE = Path(__file__).parent / "coq"
RECORD_FILE = Path(__file__).parents[1] / "ioadapt_theory" / "claims" / RECORD
MISSING = (
    "coqc is missing, so no proof was checked. The proofs need Coq 8.20 with mathcomp 2.3 and its algebra tactics:"
    " apt-get install coq libcoq-mathcomp-algebra libcoq-mathcomp-algebra-tactics."
)
CLOSED = "Closed under the global context"


def sources() -> list[Path]:
    return sorted(path for path in HERE.glob("*.v") if path.stem != "Check_tmp")


def digests() -> dict[str, str]:
    return {path.name: digest(path.read_text(encoding="utf-8")) for path in sources()}


def theorems() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in sources())
    return {name for text in texts for name in re.findall(r"^Theorem (\w+)", text, re.MULTILINE)}


def settled() -> list[Claim]:
    """Return the claims that can be stated in Coq and whose theorem is in one of the Coq files."""
    names, claims = theorems(), []
    for claim in CLAIMS.values():
        try:
            statement(claim)
        except NoCoqError:
            continue
        if theorem_name(claim) in names:
            claims.append(claim)
    return claims


def rendered() -> dict[str, str]:
    return {"Statements.v": statements(CLAIMS.values()), "Witnesses.v": witnesses()}


def checks(claims: list[Claim]) -> str:
    """Return a Coq file that checks that each theorem proves (or disproves) its claim, and prints all assumptions."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in sources()}
    modules = [name for text in files.values() for name in re.findall(r"^Module (\w+)\.$", text, re.MULTILINE)]
    lines = [
        "From mathcomp Require Import ssreflect ssralg ssrnum.",
        f"From ioadapt Require Import {' '.join(files)}.",
        *[f"Import {' '.join(modules)}."] * bool(modules),
    ]
    for claim in claims:
        sign = "~ " if claim.expected is Verdict.REFUTED else ""
        name = theorem_name(claim)
        lines.append(
            f"Definition checked_{name} : forall R : rcfType, {sign}Statements.{identifier(claim)} R := @{name}."
        )
    every = ", ".join(f"checked_{theorem_name(claim)}" for claim in claims)
    lines += [f"Definition checked := ({every}).", "Print Assumptions checked."]  # in one go: each print is slow
    return "\n".join(lines) + "\n"


def stop(message: str, status: int = 1) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(status)


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        stop(f"{done.stdout}{done.stderr}\n{' '.join(command)} failed: the proofs do not compile.")
    return done.stdout


def build(jobs: int) -> None:
    files = [path.name for path in sources()]
    run("coq_makefile", "-Q", ".", "ioadapt", "-arg", "-w", "-arg", "none", *files, "-o", "CoqMakefile")
    run("make", "-f", "CoqMakefile", f"-j{jobs}")


def assumptions(claims: list[Claim]) -> str:
    """Return the assumptions of all theorems, as printed by Coq."""
    file = HERE / "Check_tmp.v"
    file.write_text(checks(claims), encoding="utf-8")
    try:
        return run("coqc", "-w", "none", "-Q", ".", "ioadapt", file.name).strip()
    finally:
        for left in (*HERE.glob("Check_tmp*"), *HERE.glob(".Check_tmp*")):
            left.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m proofs", description="Compile the Coq proofs and check the record of theorems."
    )
    parser.add_argument(
        "--render", action="store_true", help="write the Coq files that are rendered from claims and witnesses"
    )
    parser.add_argument("--record", action="store_true", help="write the record of the build")
    parser.add_argument(
        "--jobs", type=int, default=int(os.environ.get("PROOF_JOBS", "1")), help="number of files compiled at once"
    )
    options = parser.parse_args()
    for name, text in rendered().items():
        path = HERE / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue  # not written, so that it is not compiled again
        if options.render:
            path.write_text(text, encoding="utf-8")
        else:
            stop(f"proofs/coq/{name} does not match the claims; run `python -m proofs --render`.")
    if options.render:
        return
    if shutil.which("coqc") is None:
        stop(MISSING, 2)
    build(options.jobs)
    claims = settled()
    if (said := assumptions(claims)) != CLOSED:
        stop(f"The theorems have assumptions beyond logic: {said}")
    entries = {
        c.id: {"theorem": theorem_name(c), "statement": digest(statement(c)), "formula": formula_digest(c)}
        for c in claims
    }
    text = json.dumps({"sources": digests(), "claims": entries}, indent=1) + "\n"
    if options.record:
        RECORD_FILE.write_text(text, encoding="utf-8")
    elif not RECORD_FILE.is_file() or RECORD_FILE.read_text(encoding="utf-8") != text:
        stop(f"{RECORD} is not the record of this build; run `python -m proofs --record`.")
    print(f"{len(claims)} of {len(CLAIMS)} claims are settled by theorems without further assumptions.")


if __name__ == "__main__":
    main()
