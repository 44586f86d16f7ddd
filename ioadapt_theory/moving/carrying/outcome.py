"""The report on an adapter that is carried over to another model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.effect.retained import Alignment, Prediction
from ioadapt_theory.moving.put import LINES, TransferReport

TOLD = "The share is measured on the next tokens of held-out texts."
DOMAIN = "The prediction is valid only for inputs like those given; make sure that they are from the adapter's domain."
DISAGREEING = 0.15
"""Threshold of a note on the share of positions at which the two models predict other labels."""
UNSURE = 0.5
"""Share below which what a map foretells is not told as a prediction."""


class CarryWarning(UserWarning):
    """Warning: a note of a ``CarryReport``, such as that no adapter was added, or that little of the gain is kept."""


@dataclass(frozen=True, slots=True)
class CarriedLayer:
    """The adapter that was put on one layer of the target.

    Attributes:
        source: the source's layer that the adapter comes from.
        side: the placement on the target: "weight", "input" or "output", or several joined by "+".
        rank: rank of the adapter; with several placements, the largest; 0 if no factor has a rank.
        rows: number of rows of activations in the fit; 0 without a fit.
        features: numbers of features that it reads and writes, half the rows that a fit needs; (0, 0) without a fit.
        kept: share of the gain that the closed form keeps on this layer, to first order; for an extracted LoRA, the
            largest share of the weight difference's squared effect at this rank; None for a copy.
    """

    source: str
    side: str
    rank: int
    rows: int
    features: tuple[int, int]
    kept: float | None

    @classmethod
    def of(cls, adapter: Adapter, source: str, rows: int, features: tuple[int, int], kept: float | None) -> Self:
        rank = max(phi.rank or 0 for _, phi in adapter.parts())
        return cls(source, "+".join(str(side) for side, _ in adapter.parts()), rank, rows, features, kept)


@dataclass(frozen=True, slots=True)
class CarryReport(TransferReport):
    """Report on carrying an adapter over; it extends ``TransferReport``. The gain is the adapter's loss reduction.

    Attributes:
        chosen: what was added: "copy", another start, or one and its steps, as "blocks, 30 steps"; "zero" for nothing.
        prediction: prediction for this candidate, or the best one if none was added, on rows of its own, see
            ``transfer(steps=)``; None if no candidate kept any of the gain on the selection rows.
        kept_copied: share of the gain that a copy keeps on these rows, or None without a copy; for an extracted LoRA,
            the share that a plain SVD of the weight difference keeps.
        foretold: cosine and size ratio of the effects, foretold by a map of the models to first order, without inputs.
        need: what both models need: "labels", "change" or "outputs", see ``Prediction.kept``.
        compared: which output of the models is compared, the need, and the reason for it, as a sentence.
        rows: numbers of samples used to fit, to select and to predict.
        layers: layer of the target that received an adapter -> a description of the adapter.
        scores: candidate -> share of the gain that it keeps on the rows used to select.
        steps: number of gradient steps without labels that the selected start took.
        truncated: "layer:placement" of a change truncated to low rank -> share of its squared effect that remains.
        extracted: whether the adapter is a LoRA of the difference between a tuned model and its base.
        notes: remarks and warnings, one sentence each.
    """

    chosen: str = "zero"
    prediction: Prediction | None = None
    kept_copied: float | None = None
    foretold: Alignment | None = None
    need: str = "change"
    compared: str = ""
    rows: tuple[int, int, int] = (0, 0, 0)
    layers: Mapping[str, CarriedLayer] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0
    truncated: Mapping[str, float] = field(default_factory=dict)
    extracted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> float:
        """Predicted share of the adapter's gain (reduction of the loss) that is kept; 0 if no adapter was added."""
        if self.foretold is not None:
            return self.foretold.R
        return 0.0 if self.prediction is None or not self.matched else self.prediction.kept

    @property
    def start(self) -> str:
        """Return what the adapter is, or was trained from: "a copy", "zero", or the name of a closed form."""
        kind = self.chosen.partition(",")[0]
        return "a copy" if kind == "copy" else kind

    @property
    def unsure(self) -> bool:
        """Whether ``kept`` is so little, foretold by a map, that it can be far too low, and is not told as a share."""
        return self.foretold is not None and self.kept < UNSURE

    @property
    def interval(self) -> tuple[float, float] | None:
        """80 % interval of the share of the gain in ``prediction``; None without a prediction or with few inputs."""
        return None if self.prediction is None else self.prediction.interval

    @property
    def agreement(self) -> float | None:
        """Mean share of a row's positions where both base models have the same argmax; None without a prediction."""
        return None if self.prediction is None else self.prediction.agreement

    def to_json(self) -> dict[str, Any]:
        """Return the report as data for JSON, with every layer."""
        from ioadapt_theory.moving.carrying.tables import to_json

        return to_json({"": self})

    def to_html(self, title: str = "transfer") -> str:
        """Return the report as a self-contained HTML page with every layer."""
        from ioadapt_theory.moving.carrying.tables import to_html

        return to_html({"": self}, title)

    def __str__(self) -> str:
        span = "" if self.interval is None else " ({:z.2f} to {:z.2f})".format(*self.interval)
        copied = "" if self.kept_copied is None else f", {self.kept_copied:z.2f} if copied"
        if self.matched:
            how = "Low rank" if self.extracted else "Carried over"
            kept = "is kept" if self.foretold is None else "is kept to first order, if both models need the same change"
            share = "the share that is kept is unknown" if self.unsure else f"{self.kept:z.2f} of the gain {kept}"
            head = f"{how} ({self.chosen}): {share}{span}{copied}."
        else:
            copy = "" if self.kept_copied is None else f" (a copy would keep {self.kept_copied:z.2f} of the gain)"
            head = f"No adapter was added to the target{copy}."
        told = TOLD if self.prediction is not None and self.prediction.told else ""
        lines = [head, *(f"  {note}" for note in (*self.notes, self.compared, told) if note)]
        if self.truncated:
            least = f"{min(self.truncated.values()):.3f} of each layer's squared effect"
            lines.append(f"  Carried over as a plain LoRA, which keeps at least {least}.")
        own = "its closed form keeps {:z.2f} of the layer's gain"
        if self.extracted:
            own = "{:z.2f} of the layer's squared effect can be kept"
        copies = "copied" if self.chosen == "copy" else f"trained from {self.start}"
        weakest = sorted(self.layers.items(), key=lambda item: 1.0 if item[1].kept is None else item[1].kept)
        for name, layer in weakest[:LINES]:
            kept = copies if layer.kept is None else own.format(layer.kept)
            origin = "" if layer.source == name else f", from {layer.source}"
            rank = f", rank {layer.rank}" if layer.rank else ""
            lines.append(f"  {name}: {layer.side}{rank}, {kept}{origin}")
        more = [layer.kept is None for _, layer in weakest[LINES:]]
        lines += [f"  {more.count(False)} more layers keep more."] * (False in more)
        lines += [f"  {more.count(True)} more layers are {copies}."] * (True in more)
        lines += [f"  {name}: {why}" for name, why in list(self.unmatched.items())[:LINES]]
        lines += [f"  {len(self.unmatched) - LINES} more layers are left out."] * (len(self.unmatched) > LINES)
        return "\n".join([*lines, *([] if self.prediction is None else [f"  {DOMAIN}"])])
