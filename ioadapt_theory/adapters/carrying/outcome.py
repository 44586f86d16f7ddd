"""Report on carrying an adapter over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ioadapt_theory.adapters.moving.put import TransferReport
from ioadapt_theory.effect.retained import Prediction

DOMAIN = "The prediction is valid only for inputs like these; make sure that they are from the adapter's domain."
FROM_ZERO = "A new adapter trained from zero for {} steps, without labels, keeps {:.2f} of the gain."


class CarryWarning(UserWarning):
    """Warning: no adapter was added, or it keeps little of the gain, or the prediction is unreliable."""


@dataclass(frozen=True, slots=True)
class CarriedLayer:
    """The adapter that was put on one layer of the target.

    Attributes:
        source: the source's layer that the adapter comes from.
        side: "weight", "input" or "output", or several joined by "+", on the target.
        rank: rank of the adapter, the largest of its sides.
        rows: number of rows in the fit; 0 without a fit.
        features: numbers of features that this side reads and writes; at least twice as many rows are needed.
        kept: share of this layer's gain that the closed form keeps, for small changes of the weights; None for a copy.
    """

    source: str
    side: str
    rank: int
    rows: int
    features: tuple[int, int]
    kept: float | None


@dataclass(frozen=True, slots=True)
class CarryReport(TransferReport):
    """Report on carrying an adapter over; it extends ``TransferReport``.

    Attributes:
        chosen: name of the best candidate, such as "copy", "ridge 0.01", "by layer", "refined" or "zero".
        prediction: prediction for this candidate on rows not used to fit or choose; None if no candidate kept anything.
        kept_copied: share of the gain that a copy (or the plain SVD of a tuned model) keeps on these rows, or None.
        need: what was compared: "labels" (R_KL) or "change" (R).
        rows: numbers of samples used to fit, to select and to predict.
        layers: reports on the target's layers, by name.
        scores: share of the gain that each candidate kept on the selection rows.
        refined: number of refinement steps, and the share that as many steps from zero keep; None if not compared.
        truncated: part that was truncated to a low rank -> share of its squared effect that remains.
        notes: warnings, one sentence each.
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
        """Predicted share of the adapter's gain that is kept; 0 if no adapter was added."""
        return 0.0 if self.prediction is None or not self.matched else self.prediction.kept

    @property
    def interval(self) -> tuple[float, float]:
        """80 % bootstrap interval of the share that the chosen candidate keeps; (0, 0) without a prediction."""
        return (0.0, 0.0) if self.prediction is None else self.prediction.interval

    @property
    def agreement(self) -> float | None:
        """Share of positions at which both models, without adapters, have the same largest output."""
        return None if self.prediction is None else self.prediction.agreement

    def __str__(self) -> str:
        span = "{:.2f} to {:.2f}".format(*self.interval)
        copied = "" if self.kept_copied is None else f", {self.kept_copied:.2f} if copied"
        if self.matched:
            head = f"Carried over ({self.chosen}): {self.kept:.2f} of the gain is kept ({span}){copied}."
        else:
            head = f"No adapter was added to the target{copied and f' ({copied[2:]})'}."
        lines = [head, *(f"  {note}" for note in self.notes)]
        if self.refined is not None:
            lines.append(f"  {FROM_ZERO.format(*self.refined)}")
        if self.truncated:
            least = min(self.truncated.values())
            lines.append(f"  Carried as plain LoRA, which keeps at least {least:.3f} of each layer's squared effect.")
        for name, layer in self.layers.items():
            kept = "copied" if layer.kept is None else f"{layer.kept:.2f} of its own effect"
            origin = "" if layer.source == name else f", from {layer.source}"
            lines.append(f"  {name}: {layer.side}, rank {layer.rank}, {kept}{origin}")
        lines += [f"  {name}: {why}" for name, why in self.unmatched.items()]
        return "\n".join([*lines, *([] if self.prediction is None else [f"  {DOMAIN}"])])
