"""A page for every claim in the registry: statement, verdict, correction, proofs, witnesses, commands."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Final

from ioadapt_theory.claims import CLAIMS, Claim, report
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.formal import record
from ioadapt_theory.claims.expression.notation import latex, text
from ioadapt_theory.claims.instances import witness

INDEX: Final = "claims/index.md"
SPECIAL: Final = str.maketrans({c: f"\\{c}" for c in "\\*_`[]<>#|$~"})


def pages() -> Iterator[tuple[str, str]]:
    """Yield the list of claims, and one page for each."""
    yield INDEX, index()
    for claim in CLAIMS.values():
        yield f"claims/{claim.id}.md", page(claim)


def index() -> str:
    """Return the list of claims with their verdicts, grouped by the paper's statements."""
    lines = ["# Every claim\n", f"{report.counted(CLAIMS.values())}\n"]
    source = ""
    for claim in CLAIMS.values():
        if claim.source != source:
            source = claim.source
            lines.append(f"\n## {plain(source)}\n")
        lines.append(f"- [{claim.id}]({claim.id}.md): {claim.expected}. {plain(report.remark(claim))}")
    tree = "\n".join(f"{name} <{name}>" for name in CLAIMS)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"


def page(claim: Claim) -> str:
    parts = [
        f"# {claim.id}",
        f"**{str(claim.expected).upper()}** · {plain(claim.source)} · {plain(report.reading(claim))}",
        *_statement(claim),
        *_true(claim),
        *_related(claim),
        *_proofs(claim),
        *_instances(claim),
        *_evidence(claim),
        *_commands(claim),
    ]
    return "\n\n".join(parts) + "\n"


def plain(said: str) -> str:
    """Escape text for Markdown."""
    return said.translate(SPECIAL)


def _statement(claim: Claim) -> Iterator[str]:
    yield "## What is stated"
    if claim.prose:
        yield plain(claim.prose)
    if claim.given:
        yield "Given " + ", ".join(mathml(latex(g)) for g in claim.given) + ":"
    if claim.latex:
        yield mathml(claim.latex, display=True)
    lines = [f"given  {text(g)}" for g in claim.given]
    yield fenced("\n".join([*lines, claim.statement]))
    if claim.words:
        yield f"Further remarks: {', '.join(claim.words)}."


def _true(claim: Claim) -> Iterator[str]:
    if said := report.remark(claim):
        yield f"## Verdict\n\n{plain(said[:1].upper() + said[1:])}."


def _related(claim: Claim) -> Iterator[str]:
    better = [other.id for other in CLAIMS.values() if other.amends == claim.id]
    if claim.amends:
        yield f"It sharpens or corrects {linked(claim.amends)}."
    if better:
        yield f"Sharpened or corrected by {', '.join(map(linked, better))}."


def _proofs(claim: Claim) -> Iterator[str]:
    if claim.proofs:
        yield "## Arguments\n\nTheir formulas are computed by a program.\n\n" + fenced(report.proofs(claim).rstrip())


def _instances(claim: Claim) -> Iterator[str]:
    for title, names in (("Counterexamples", claim.witnesses), ("Instances that attain the bound", claim.attained)):
        if names:
            yield f"## {title}"
        for name in names:
            yield f"`{name}`{_measured(claim, name)}\n\n{fenced(_instance(name), 'json')}"


def _measured(claim: Claim, name: str) -> str:
    if claim.inequality is None or not any("≤" in text(r) for r in claim.concludes):
        return ""
    return f": {evaluate(claim, witness(name)).decisive_ratio:.6g} times the bound"


@cache
def _instance(name: str) -> str:
    entries = (f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in witness(name).items())
    return "{\n" + ",\n".join(entries) + "\n}"


def _evidence(claim: Claim) -> Iterator[str]:
    kinds = dict.fromkeys(str(s.kind) for s in (*claim.proofs, *claim.strategies))
    if formal := record().get(claim.id):
        kinds[f"formal (theorem `{formal.theorem}` in Coq, about this formula)"] = None
    if kinds:
        yield f"## Evidence\n\nKinds: {', '.join(kinds)}."


def _commands(claim: Claim) -> Iterator[str]:
    lines = [f"ioadapt claims {claim.id} --proof", f"ioadapt verify {claim.id}"]
    lines += [f"ioadapt verify {claim.id} --instance {name}" for name in (*claim.witnesses, *claim.attained)[:1]]
    yield "## Check it\n\n" + fenced("\n".join(lines), "sh")


def linked(name: str) -> str:
    return f"[{name}]({name}.md)"


def fenced(said: str, language: str = "text") -> str:
    return f"```{language}\n{said}\n```"


def mathml(formula: str, *, display: bool = False) -> str:
    """Convert LaTeX to MathML, which browsers show without scripts or extra fonts."""
    from latex2mathml.converter import convert

    made = str(convert(formula, display="block" if display else "inline")).replace("\n", " ")
    return f'<div style="overflow-x: auto">{made}</div>' if display else made
