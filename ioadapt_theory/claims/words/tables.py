"""Statements about the paper's tables, counted over the printed cells.

A sign test treats cells as independent, which they are not (CLIP-I and DINO-I judge the same images, models recur), so
its p-values are too small. Table 7 holds no results, and Table 4 has no second placement to compare.
"""

from collections.abc import Iterable
from decimal import Decimal

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.settings.printed import Score, gains, score, table, values

IMAGE = ("CLIP-I", "DINO-I")
SIDES = ("input", "output")
LEVEL = 0.05
Gains = Mapping[tuple[str, ...], Decimal]
QUANTIFIERS: Mapping[str, Callable[[Iterable[Decimal]], bool]] = {
    "no cell of {} is below": lambda g: all(x >= 0 for x in g),
    "some cell of {} is below": lambda g: any(x < 0 for x in g),
    "every column of {} is above": lambda g: all(x > 0 for x in g),
    "it is above in {}": lambda g: all(x > 0 for x in g),
}
"""Condition on the gains over another placement, by the wording in the claims."""
NOT_BELOW, SOMEWHERE_BELOW, ABOVE, IT_IS_ABOVE = QUANTIFIERS


def image(number: int) -> dict[str, Gains]:
    """Return a table's gains over weight adapters in image similarity on the target, by name ("Table 8 input")."""
    return {f"Table {number} {p}": gains(number, "target", p, keep=IMAGE.__contains__) for p in SIDES}


def counted(by_name: Mapping[str, Gains]) -> str:
    return "wins-ties-losses: " + ", ".join(f"{name} {Score.of(g.values())}" for name, g in by_name.items())


def lost(by_name: Mapping[str, Gains]) -> str:
    return ", ".join(dict.fromkeys(" ".join(key) for g in by_name.values() for key, x in g.items() if x <= 0))


def on_par() -> tuple[float, str]:
    """Return the least p-value of sign tests of input and output adapters against LoRA on the source, and a summary."""
    metrics = ("CLIP-T", *IMAGE)
    least = min(score(8, "source", p, m).p_value for p in SIDES for m in metrics)
    moves = [abs(g) for p in SIDES for m in metrics for g in gains(8, "source", p, keep=m.__eq__).values()]
    summary = f"least p of six sign tests over 16 cells: {least:.2f}, at a level of {LEVEL:g}"
    return least, f"{summary}; single cells move by up to {max(moves)}"


def within_deviation() -> tuple[list[str], str]:
    """Return the names of the target's gains in Table 11 of at most one standard deviation in size, and a summary."""
    cells = [c for c in table(11) if c["side"] == "target" and c["quantity"] == "diff" and c["metric"] in IMAGE]
    within = [f"{c['placement']} {c['metric']}" for c in cells if abs(float(c["value"])) <= float(c["std"])]
    return within, f"{len(within)} of {len(cells)} gains is within its deviation: {', '.join(within)}"


def overall() -> Gains:
    """Return the gain of input over weight adapters in Table 5's overall score; its key holds both scores."""
    found_ = {p: next(v for k, v in values(5, placement=p).items() if k[-1] == "Overall") for p in ("weight", "input")}
    return {("Overall", str(found_["input"]), "against", str(found_["weight"])): found_["input"] - found_["weight"]}


def over_subspace() -> Gains:
    """Return the gains of input and output adapters over LoRA-X in image similarity on the target (Table 10)."""
    other, ours = (values(10, side="target", peft=peft) for peft in ("LoRA-X", "LoRA"))
    model = "FLUX-1.schnell"
    return {(p, m): ours[model, p, m] - other[model, "subspace", m] for p in SIDES for m in IMAGE}


def about_cells(
    name: str, source: str, says: str, quantifier: str, cells: Mapping[str, Gains], *, reading: str = ""
) -> Claim:
    """Return the claim that the differences in ``cells`` are as ``quantifier``, a key of ``QUANTIFIERS``, says."""
    every = [x for g in cells.values() for x in g.values()]
    where = source.rpartition(", ")[2]
    prose = f"{says}: {quantifier.format(where)}"
    return settled(name, source, prose, lambda: QUANTIFIERS[quantifier](every), reading, lambda: (
        f"{counted(cells)}" + (f"; not above: {lost(cells)}" if lost(cells) else "")))  # fmt: skip


def settled(
    name: str, source: str, prose: str, holds: Callable[[], bool], reading: str, remark: Callable[[], str]
) -> Claim:
    verdict = VERDICTS[name]

    @argued(Shown if verdict is PROVED else Refuted)
    def lines_(claim: Claim) -> Iterator[Step]:
        yield Step(remark(), Check(holds() is (verdict is PROVED)))
        yield Step(f"the claim says: {prose}", found(claim.prose, prose))

    return Claim(id=f"tables-{name}", source=source, origin=READING if reading else PRINTED, reading=reading,
                 prose=prose, proofs=(lines_,), expected=verdict, remark=remark)  # fmt: skip


VERDICTS = {
    **dict.fromkeys(("consistent", "on-par", "prompt-fidelity", "ranks", "distilled", "geneval-overall"), PROVED),
    **dict.fromkeys(("language-lora", "subspace"), PROVED),
    **dict.fromkeys(("consistent-all", "seeds", "geneval", "language-output"), REFUTED),
}
CONSISTENT = '"consistently" better than the baseline on the targets in image similarity'
CLAIMS = (
    about_cells("consistent", "Section 5.1, Tables 1 and 2", CONSISTENT, NOT_BELOW, image(1) | image(2),
                reading="in no cell below"),
    about_cells("consistent-all", "Section 5.1 and App. C, Table 8", CONSISTENT, NOT_BELOW, image(8),
                reading="in no cell below"),
    settled("on-par", "Section 5.1, Table 8",
            '"on par" with the baseline on the source: no metric tells a placement from LoRA\'s at 5 %',
            lambda: on_par()[0] > LEVEL, "not told apart by a sign test", lambda: on_par()[1]),
    about_cells("prompt-fidelity", "Section 5.1, Table 8", "CLIP-T may be lower in some cases", SOMEWHERE_BELOW,
                {p: gains(8, "target", p, keep="CLIP-T".__eq__) for p in SIDES}),
    about_cells("ranks", "App. C, Table 9", "insensitive to the rank, image similarity on the target", NOT_BELOW,
                image(9)),
    settled("seeds", "App. C, Table 11",
            '"consistently" above LoRA on various seeds: every gain in image similarity exceeds its deviation',
            lambda: not within_deviation()[0], "by more than a standard deviation", lambda: within_deviation()[1]),
    about_cells("distilled", "Section 5.1, Table 3", "the input adapter transfers better to the targets",
                ABOVE, {"targets": gains(3, "target", "input")}),
    about_cells("geneval", "Section 5.1, Table 5", '"advantages" of the input adapter', ABOVE,
                {"columns": gains(5, "target", "input")}, reading="in every column"),
    about_cells("geneval-overall", "Section 5.1, Table 5", '"advantages" of the input adapter in the overall score',
                IT_IS_ABOVE, {"overall": overall()}, reading="overall"),
    about_cells("language-lora", "Section 5.1, Table 6", "on the target the input adapter outperforms LoRA",
                ABOVE, {"11 columns": gains(6, "target", "input")}),
    about_cells("language-output", "Section 5.1, Table 6",
                "on the target the input adapter outperforms the output adapter", ABOVE,
                {"11 columns": gains(6, "target", "input", over="output")}, reading="in every column"),
    about_cells("subspace", "App. C, Table 10",
                "input and output adapters against LoRA-X on the target in image similarity", ABOVE,
                {"one run": over_subspace()}, reading="in image similarity; in CLIP-T output adapters are below"),
)  # fmt: skip
