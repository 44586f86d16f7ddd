"""How an adapter is carried over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.effect.retention import NEEDS
from ioadapt_theory.errors import InvalidValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What ``transfer`` takes beside inputs.

    Attributes:
        target_inputs: the same samples as the target takes them, row for row and token for token; default the inputs.
        call: ``call(model, batch)`` runs a model where a plain call does not, and returns what both models share.
        need: "labels" where outputs are logits and both models want the same labels, "change" where both want the same
            change; by default as the outputs look, and told.
        refine: steps of gradient descent without labels from the best candidate, compared with as many from zero; by
            default 10 that are not compared.
        placement: side of the target: "weight", "input", "output", or "best", layer by layer; by default as it was.
        rank: of the LoRA that DoRA, LoHa, LoKr or a tuned model become.
        rank_share: or the share of the square of each layer's effect that this LoRA keeps, by the least rank.
        size: rows that are run at once.
        draws: random cotangents for each batch; by default 4 for up to 512 rows, else 1.
        seed: of the division of the rows, the cotangents, and what the models draw.
    """

    target_inputs: Any = None
    call: Call | None = None
    need: str | None = None
    refine: int | None = None
    placement: str | None = None
    rank: int | None = None
    rank_share: float = 0.98
    size: int = 32
    draws: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise InvalidValueError where a value is outside its limits."""
        if self.need is not None and self.need not in NEEDS:
            msg = f"need is {self.need!r}; it is 'labels' (outputs are logits) or 'change'."
            raise InvalidValueError(msg)
        if self.placement not in {None, "best", *Placement}:
            msg = f"placement is {self.placement!r}; it is 'best', 'weight', 'input' or 'output'."
            raise InvalidValueError(msg)
        for key, least in (("refine", 0), ("size", 1), ("rank", 1), ("draws", 1)):
            value = getattr(self, key)
            if value is not None and (type(value) is not int or value < least):
                msg = f"{key} is {value!r}; it is a whole number, at least {least}."
                raise InvalidValueError(msg)
        if not 0 < self.rank_share <= 1:
            msg = (
                f"rank_share is {self.rank_share!r}; it is the part of the effect that is kept, above 0 and at most 1."
            )
            raise InvalidValueError(msg)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Return the options of these names; raise InvalidValueError for an unknown one."""
        if unknown := sorted(given.keys() - {*cls.__slots__}):
            msg = f"Unknown option {unknown[0]!r}; carrying over takes {', '.join(cls.__slots__)}."
            raise InvalidValueError(msg)
        return cls(**given)
