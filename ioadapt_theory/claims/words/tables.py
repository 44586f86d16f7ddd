"""What Tables 1-6 and 8-11 are said to show, counted cell by printed cell.

A sign test treats cells as independent, which they are not (CLIP-I and DINO-I judge the same images, models recur), so
its p-values are optimistic. Table 7 holds no results, Table 4 no other placement to compare with.
"""

from collections.abc import Callable, Iterator

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import Check, Step, computed
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.settings.printed import Score, gains, score, table, values

IMAGE = ("CLIP-I", "DINO-I")
ALL = ("CLIP-T", *IMAGE)
SIDES = ("input", "output")
LEVEL = 0.05
Counts = Callable[[], tuple[bool, str]]
"""Whether the statement holds of the printed figures, and the counts in words."""


def image(number: int, placement: str) -> Score:
    """Wins, ties and losses on the target in image similarity."""
    return Score.of(gains(number, "target", placement, keep=IMAGE.__contains__).values())


def tables_1_and_2() -> tuple[bool, str]:
    """No loss on the target."""
    scores = {(n, p): image(n, p) for n in (1, 2) for p in SIDES}
    words = ", ".join(f"Table {n} {p} {s}" for (n, p), s in scores.items())
    return not any(s.losses for s in scores.values()), f"wins-ties-losses: {words}; a tie is no gain"


def table_8() -> tuple[bool, str]:
    """No loss on the target, over all models and families."""
    scores = {p: image(8, p) for p in SIDES}
    lost = [k for p in SIDES for k, g in gains(8, "target", p, keep=IMAGE.__contains__).items() if g < 0]
    where = " and ".join(sorted({f"{model} with {family}" for model, family, _ in lost}))
    words = ", ".join(f"{p} {s}" for p, s in scores.items())
    return not lost, f"wins-ties-losses {words}; output loses for {where}"


def on_par() -> tuple[bool, str]:
    """No metric tells a placement from LoRA's on the source."""
    scores = {(p, m): score(8, "source", p, m) for p in SIDES for m in ALL}
    least = min(s.p_value for s in scores.values())
    moves = [abs(g) for p in SIDES for m in ALL for g in gains(8, "source", p, keep=m.__eq__).values()]
    return (
        least > LEVEL,
        f"least p of six sign tests over 16 cells: {least:.2f}, at a level of {LEVEL:g};"
        f" single cells move by up to {max(moves)}",
    )


def prompt_fidelity() -> tuple[bool, str]:
    """CLIP-T falls somewhere on the target."""
    scores = {p: score(8, "target", p, "CLIP-T") for p in SIDES}
    return any(s.losses for s in scores.values()), ", ".join(f"Table 8, target, {p}: {s}" for p, s in scores.items())


def ranks() -> tuple[bool, str]:
    """No rank of Table 9 at which image similarity falls."""
    scores = {p: image(9, p) for p in SIDES}
    return not any(s.losses for s in scores.values()), ", ".join(f"{p} {s}" for p, s in scores.items())


def seeds() -> tuple[bool, str]:
    """Every gain of Table 11 on the target in image similarity exceeds its standard deviation."""
    cells = [c for c in table(11) if c["side"] == "target" and c["quantity"] == "diff" and c["metric"] in IMAGE]
    within = [f"{c['placement']} {c['metric']}" for c in cells if abs(float(c["value"])) <= float(c["std"])]
    return not within, f"{len(within)} of {len(cells)} gains is within its deviation: {', '.join(within)}"


def distilled() -> tuple[bool, str]:
    """Table 3: the input adapter is above on every target."""
    found = Score.of(gains(3, "target", "input").values())
    source = Score.of(gains(3, "source", "input").values())
    return not found.losses and not found.ties, f"targets {found}, the source itself {source}"


def geneval() -> tuple[bool, str]:
    """Table 5: the input adapter is above in every column."""
    found = Score.of(gains(5, "target", "input").values())
    return not found.losses and not found.ties, f"columns {found}, overall {geneval_overall()[1]}"


def geneval_overall() -> tuple[bool, str]:
    """Table 5: the overall score is higher."""
    overall = {p: next(v for k, v in values(5, placement=p).items() if k[-1] == "Overall") for p in ("weight", "input")}
    return overall["input"] > overall["weight"], f"{overall['input']} against {overall['weight']}"


def language(over: str) -> Counts:
    """Table 6: the input adapter is above another placement in every column of the target."""

    def counts() -> tuple[bool, str]:
        g = gains(6, "target", "input", over=over)
        below = [metric for (_, _, metric), d in g.items() if d <= 0]
        return not below, f"{Score.of(g.values())} over 11 columns" + (f"; not in {', '.join(below)}" if below else "")

    return counts


def subspace() -> tuple[bool, str]:
    """Table 10: input and output are above LoRA-X on the target in image similarity."""
    other = values(10, side="target", peft="LoRA-X")
    ours = values(10, side="target", peft="LoRA")
    above = [ours["FLUX-1.schnell", p, m] > other["FLUX-1.schnell", "subspace", m] for p in SIDES for m in IMAGE]
    return all(above), f"{sum(above)} of {len(above)} cells, from one run"


def claim(
    name: str, source: str, prose: str, counts: Counts, verdict: Verdict, origin: Origin, reading: str = ""
) -> Claim:
    """A statement about printed figures; its remark is the counts."""

    @computed(f"the cells of {source} counted", prose=True)
    def chain(claim: Claim) -> Iterator[Step]:
        yield Step("as counted", Check(counts()[0] is (verdict is Verdict.PROVED)))

    return Claim(
        id=f"tables-{name}",
        source=source,
        origin=origin,
        reading=reading,
        prose=prose,
        expected=verdict,
        remark=lambda: counts()[1],
        proofs=(Proof("printed cells", chain, refutes=verdict is Verdict.REFUTED),),
    )


P, R = Verdict.PROVED, Verdict.REFUTED
W, L = Origin.PRINTED, Origin.READING
CLAIMS = (
    claim(
        "consistent",
        "Section 5.1, Tables 1 and 2",
        '"consistently" above the baseline on the targets in image similarity: never below',
        tables_1_and_2,
        P,
        L,
        "never below",
    ),
    claim(
        "consistent-all",
        "Section 5.1 and App. C, Table 8",
        '"consistently" above the baseline on the targets in image similarity: never below',
        table_8,
        R,
        L,
        "never below, all models and families",
    ),
    claim(
        "on-par",
        "Section 5.1, Table 8",
        '"on par" with the baseline on the source: no metric tells a placement from LoRA\'s at 5 %',
        on_par,
        P,
        L,
        "not told apart by a sign test",
    ),
    claim("prompt-fidelity", "Section 5.1, Table 8", "CLIP-T may be lower in some cases", prompt_fidelity, P, W),
    claim(
        "ranks",
        "App. C, Table 9",
        "the conclusion is insensitive to the rank: image similarity never falls on the target",
        ranks,
        P,
        W,
    ),
    claim(
        "seeds",
        "App. C, Table 11",
        '"consistently" above LoRA on various seeds: every gain in image similarity exceeds its deviation',
        seeds,
        R,
        L,
        "by more than a standard deviation",
    ),
    claim("distilled", "Section 5.1, Table 3", "the input adapter transfers better to every target", distilled, P, W),
    claim(
        "geneval",
        "Section 5.1, Table 5",
        '"advantages" of the input adapter: above in every column',
        geneval,
        R,
        L,
        "in every column",
    ),
    claim(
        "geneval-overall",
        "Section 5.1, Table 5",
        '"advantages" of the input adapter: a higher overall score',
        geneval_overall,
        P,
        L,
        "overall",
    ),
    claim(
        "language-lora",
        "Section 5.1, Table 6",
        "on the target the input adapter outperforms LoRA",
        language("weight"),
        P,
        W,
    ),
    claim(
        "language-output",
        "Section 5.1, Table 6",
        "on the target the input adapter outperforms the output adapter",
        language("output"),
        R,
        L,
        "in every column",
    ),
    claim(
        "subspace",
        "App. C, Table 10",
        "input and output adapters are above LoRA-X on the target in image similarity",
        subspace,
        P,
        W,
    ),
)
