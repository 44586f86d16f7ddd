"""Statements about the paper's tables, counted over the printed cells.

A sign test treats cells as independent, which they are not (CLIP-I and DINO-I judge the same images, models recur), so
its p-values are too small. Table 7 holds no results, and Table 4 has no second placement to compare.
"""

from ioadapt_theory.claims.language import *

IMAGE = "CLIP-I and DINO-I"
NO_LETTERS = matrices("the paper's tables", {})


def cells(what: str, tables: str, side: str, comparison: str, metrics: str = IMAGE, *model: str) -> Term:
    """Return a number counted from the tables; ``printed.cells`` describes the arguments."""
    return Term("cells", name="|".join((what, tables, side, comparison, metrics, *model)))


def not_below(tables: str) -> tuple[Relation, ...]:
    """Return the relations that no cells of input and of output adapters on the targets are below weight adapters."""
    return tuple(cells("losses", tables, "target", f"{x} over weight").equals(NOTHING) for x in ("input", "output"))


def above(tables: str, comparison: str, *others: str) -> tuple[Relation, ...]:
    """Return the relations that every cell of one placement on the targets is above that of the other."""
    return tuple(cells(what, tables, "target", comparison, *others).equals(NOTHING) for what in ("ties", "losses"))


def claim(name: str, source: str, reading: str, concludes: tuple[Relation, ...], *, holds: bool = True) -> Claim:
    return Claim(
        id=f"tables-{name}", source=source, origin=READING, reading=reading, concludes=concludes, proofs=(Computed(),),
        expected=PROVED if holds else REFUTED, setting=NO_LETTERS,
    )  # fmt: skip


TESTS = tuple(
    cells("sign test", "Table 8", "source", f"{side} over weight", metric)
    for side in ("input", "output") for metric in ("CLIP-T", "CLIP-I", "DINO-I")
)  # fmt: skip
CHOICE = "Section 5.2, Table 1"
CLAIMS = (
    claim("consistent", "Section 5.1, Tables 1 and 2",
          '"consistently" better on the targets in image similarity: not below',
          not_below("Tables 1 and 2")),
    claim("consistent-all", "Section 5.1 and App. C, Table 8",
          '"consistently" better on the targets in image similarity: not below',
          not_below("Table 8"), holds=False),
    claim("on-par", "Section 5.1, Table 8", '"on par" on the sources: no sign test at the level 1/20 tells them apart',
          tuple(HALF / 10 <= x for x in TESTS)),
    claim("prompt-fidelity", "Section 5.1, Table 8", "CLIP-T may be lower in some cases",
          tuple(term(1) <= cells("losses", "Table 8", "target", f"{side} over weight", "CLIP-T")
                for side in ("input", "output"))),
    claim("ranks", "App. C, Table 9", "insensitive to the rank: not below on the target in image similarity",
          not_below("Table 9")),
    claim("seeds", "App. C, Table 11", '"consistently" above LoRA on various seeds: by more than one deviation',
          (Term("cells", name=f"within one deviation|Table 11|target|input and output|{IMAGE}").equals(NOTHING),),
          holds=False),
    claim("distilled", "Section 5.1, Table 3", "the input adapter transfers better to the targets: in every column",
          above("Table 3", "input over weight", "every metric")),
    claim("geneval", "Section 5.1, Table 5", '"advantages" of the input adapter: in every column',
          above("Table 5", "input over weight", "every metric"), holds=False),
    claim("geneval-overall", "Section 5.1, Table 5", '"advantages" of the input adapter: in the overall score',
          above("Table 5", "input over weight", "Overall")),
    claim("language-lora", "Section 5.1, Table 6", "on the target the input adapter outperforms LoRA: in every column",
          above("Table 6", "input over weight", "every metric")),
    claim("language-output", "Section 5.1, Table 6",
          "on the target the input adapter outperforms the output adapter: in every column",
          above("Table 6", "input over output", "every metric"), holds=False),
    claim("subspace", "App. C, Table 10", "above LoRA-X on the target in image similarity",
          (*above("Table 10", "LoRA input over LoRA-X subspace"),
           *above("Table 10", "LoRA output over LoRA-X subspace"))),
    claim("all-attention", CHOICE, "all attention layers of SD-XL: output above input adapters in image similarity",
          above("Table 1", "output over input", IMAGE, "SD-XL")),
    claim("all-attention-every-metric", CHOICE, "all attention layers of SD-XL: output above input, CLIP-T as well",
          above("Table 1", "output over input", "every metric", "SD-XL"), holds=False),
    claim("cross-attention", CHOICE, "cross-attention layers of SD-XL: input above output adapters in image similarity",
          above("Table 1", "input over output", IMAGE, "SD-XL (cross-attn)")),
    claim("choices", "Section 5.2, Table 2", "output above input adapters for every family of FLUX, as for SD-XL",
          above("Table 2", "output over input", IMAGE), holds=False),
)  # fmt: skip
