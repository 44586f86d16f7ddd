"""Outcome of carrying an adapter over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ioadapt_theory.adapters.moving.transfer import TransferReport
from ioadapt_theory.effect.retained import Prediction

DOMAIN = "The prediction is valid only for inputs like these; make sure that they are from the adapter's domain."


class CarryWarning(UserWarning):
    """The predicted share of an adapter that was carried over is small, or unreliable."""


@dataclass(frozen=True, slots=True)
class CarriedLayer:
    """One layer of the target.

    Attributes:
        source: the source's layer that its adapter comes from.
        side: "weight", "input" or "output", on the target.
        rank: of what was put there.
        rows: rows that it was fitted on.
        features: of the target's side, reading and writing; rows should be twice as many.
        kept: share of this layer's own gain that its closed form keeps, R to first order; None where it was copied.
    """

    source: str
    side: str
    rank: int
    rows: int
    features: tuple[int, int]
    kept: float | None


@dataclass(frozen=True, slots=True)
class CarryReport(TransferReport):
    """Outcome of carrying an adapter over; it also has all that ``TransferReport`` has.

    Attributes:
        chosen: the candidate that was put there: "copy", "ridge 0.01", "by layer", "Gauss-Newton", "refined", "zero".
        prediction: what it keeps on rows that nothing was fitted or chosen on; None where nothing was put.
        kept_copied: what a copy keeps on the same rows, None where sizes do not fit.
        need: what was compared: "labels" (R_KL) or "change" (R).
        rows: samples fitted on, chosen by, told on.
        layers: by the target's layers.
        scores: what each candidate kept on the rows to choose by.
        refined: steps that were taken without labels, and what the same number from zero keeps; None without.
        truncated: layers whose change has no low rank by itself, and the share of its effect that the rank keeps.
        notes: what has to be said, a sentence each.
    """

    chosen: str = "zero"
    prediction: Prediction | None = None
    kept_copied: float | None = None
    need: str = "change"
    rows: tuple[int, int, int] = (0, 0, 0)
    layers: Mapping[str, CarriedLayer] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    refined: tuple[int, float] | None = None
    truncated: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> float:
        """The share of the adapter's gain that is kept, predicted; 0 where nothing was put."""
        return 0.0 if self.prediction is None or not self.matched else self.prediction.kept

    @property
    def interval(self) -> tuple[float, float]:
        """The 80 % bootstrap interval of what the best candidate keeps."""
        return (0.0, 0.0) if self.prediction is None else self.prediction.interval

    @property
    def agreement(self) -> float | None:
        """Share of positions at which the two plain models have their largest output at the same place."""
        return None if self.prediction is None else self.prediction.agreement

    def __str__(self) -> str:
        low, high = self.interval
        copied = "" if self.kept_copied is None else f", {self.kept_copied:.2f} if copied"
        if self.matched:
            head = (
                f"Carried over ({self.chosen}): {self.kept:.2f} of the gain is kept ({low:.2f} to {high:.2f}){copied}."
            )
        else:
            head = f"No adapter was added to the target{copied and f' ({copied[2:]})'}."
        lines = [head, *(f"  {note}" for note in self.notes)]
        if self.refined is not None:
            lines.append(f"  A fresh adapter keeps {self.refined[1]:.2f} (steps: {self.refined[0]}).")
        if self.truncated:
            least = min(self.truncated.values())
            lines.append(f"  Carried as plain LoRA, which keeps at least {least:.3f} of each layer's squared effect.")
        for name, layer in self.layers.items():
            kept = "copied" if layer.kept is None else f"{layer.kept:.2f} of its own effect"
            origin = "" if layer.source == name else f", from {layer.source}"
            lines.append(f"  {name}: {layer.side}, rank {layer.rank}, {kept}{origin}")
        lines += [f"  {name}: {why}" for name, why in self.unmatched.items()]
        return "\n".join([*lines, f"  {DOMAIN}"])
