"""The share of an adapter's effect that is kept on a target, predicted from inputs without labels.

With d = output with the adapter - output without, on the source (S) and on the target (T), c their cosine and
q = ‖d_T‖/‖d_S‖:

    R = 2cq - q²                                                       where both models want the same change,
    R_KL = E_q[log p_Ta - log p_T] / E_pSa[log p_Sa - log p_S]         where both want the same labels,

p_Sa the adapted source, and q what both models together say of the labels, see ``pooled``: p_Sa itself where the plain
models agree. Both are ratios of sums over rows, so they come with a bootstrap interval over rows.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

NEEDS = ("labels", "change")
DRAWS, LEVEL = 400, 0.8
"""Bootstrap resamples, and how much of them the interval holds."""
HEARD = 2.0
"""Nats by which the target may differ from the source at a class and be believed."""
MANY = 1 << 22
"""Numbers above which outputs are compared row by row, for the sake of memory."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Cosine and size ratio of an effect on the target and on the source.

    Attributes:
        cosine: c, between the two.
        ratio: q, size on the target by size on the source.
    """

    cosine: float
    ratio: float

    @property
    def R(self) -> float:
        """Return 2cq - q², the share of its gain that a copy keeps."""
        return 2 * self.cosine * self.ratio - self.ratio**2

    @property
    def at_best_strength(self) -> float:
        """Return c², what is kept of the gain at the strength c/q; 0 where the effect is turned round."""
        return max(self.cosine, 0.0) ** 2


@dataclass(frozen=True, slots=True)
class RowSums:
    """Sums of each row, from which everything is predicted.

    Attributes:
        inner: ⟨d_S, d_T⟩.
        source: ‖d_S‖².
        target: ‖d_T‖².
        gained: E_q[log p_Ta - log p_T], summed over a row's positions.
        wanted: E_pSa[log p_Sa - log p_S].
        agreeing: share of a row's positions at which both plain models have their largest output at the same place.
    """

    inner: Tensor
    source: Tensor
    target: Tensor
    gained: Tensor
    wanted: Tensor
    agreeing: Tensor

    @classmethod
    def of(cls, s: Tensor, sa: Tensor, t: Tensor, ta: Tensor) -> "RowSums":
        """Compare outputs: source, adapted source, target, adapted target; rows x ... x classes."""
        if s.numel() > MANY and len(s) > 1:
            return cls.joined([cls.of(*rows) for rows in zip(*(x[:, None] for x in (s, sa, t, ta)), strict=True)])
        s, sa, t, ta = (x.detach().double() for x in (s, sa, t, ta))
        d_s, d_t = (sa - s).flatten(1), (ta - t).flatten(1)
        logs = [x.log_softmax(-1) for x in (s, sa, t, ta)]
        gained = (pooled(*logs[:3]).exp() * (logs[3] - logs[2])).flatten(1).sum(1)
        wanted = (logs[1].exp() * (logs[1] - logs[0])).flatten(1).sum(1)
        counted = (s != 0).any(-1).reshape(len(s), -1)  # padding is all zeros
        agreeing = ((s.argmax(-1) == t.argmax(-1)).reshape(len(s), -1) & counted).sum(1) / counted.sum(1).clamp_min(1)
        return cls((d_s * d_t).sum(1), d_s.square().sum(1), d_t.square().sum(1), gained, wanted, agreeing)

    @classmethod
    def joined(cls, parts: list["RowSums"]) -> "RowSums":
        """All rows of several batches."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Prediction(Alignment):
    """Prediction of the share kept; R is for models that want the same change.

    Attributes:
        R_KL: retained share of the log-likelihood where both want the same labels; None where outputs are no logits.
        interval: of R_KL or of R, by what is needed; (lower, upper).
        need: "labels" or "change".
        agreement: share of positions at which the plain models agree.
        rows: how many there were.
    """

    R_KL: float | None
    interval: tuple[float, float]
    need: str
    agreement: float
    rows: int

    @property
    def kept(self) -> float:
        """R_KL where labels are needed, R where a change is."""
        return self.R_KL if self.need == "labels" and self.R_KL is not None else self.R

    def bound(self, explained: float) -> float:
        """Return by how much R may be wrong at most: 2q √(1 - c²) √(1/x - 1).

        Args:
            explained: x, the share of what the source needed that its adapter gained there, in (0, 1].

        Raises:
            InvalidValueError: the share is outside (0, 1].
        """
        if not 0 < explained <= 1:
            msg = f"The share that the adapter explains is {explained!r}; it is above 0 and at most 1."
            raise InvalidValueError(msg)
        return 2 * self.ratio * math.sqrt(max(1 - self.cosine**2, 0.0)) * math.sqrt(1 / explained - 1)


def pooled(s: Tensor, sa: Tensor, t: Tensor) -> Tensor:
    """Return the log-probabilities of q ∝ p_Sa (p_T/p_S)^w, the guess at the labels from both models.

    Without labels nothing says which plain model is right. At w = ½ their geometric mean is the base that the adapter's
    change is added to; at w = 0 the adapted source is believed alone. So w = min(½, D/(D + A)) at each position, with
    D = KL(p_S, p_T) and A = KL(p_Sa, p_S): the adapter is believed as far as it changes more than the models differ.
    log p_T/p_S is cut at ±2, as a poor target says much of classes that the source rules out.

    Args:
        s: the source's outputs, classes last.
        sa: the adapted source's.
        t: the target's.
    """
    s, sa, t = (x.log_softmax(-1) for x in (s, sa, t))
    apart, adapted = ((a.exp() * (a - b)).sum(-1, keepdim=True).clamp_min(0) for a, b in ((s, t), (sa, s)))
    w = (apart / (apart + adapted).clamp_min(1e-12)).clamp_max(0.5)
    return (sa + w * (t - s).clamp(-HEARD, HEARD)).log_softmax(-1)


def predict(sums: RowSums, need: str, *, seed: int = 0) -> Prediction:
    """Return what is predicted from the sums of the rows.

    Args:
        sums: of untouched rows.
        need: "labels" or "change".
        seed: of the bootstrap.

    Raises:
        InvalidValueError: the adapter changes no output of the source, or a sum is not finite.
    """
    inner, source, target = (float(x.sum()) for x in (sums.inner, sums.source, sums.target))
    if not all(map(math.isfinite, (inner, source, target))):
        msg = "An output is not finite, with the adapter or without, so its effect cannot be measured."
        raise InvalidValueError(msg)
    if source <= 0:
        msg = "The adapter changes no output of the source on these inputs: is it trained, and active?"
        raise InvalidValueError(msg)
    cosine = inner / math.sqrt(source * target) if target > 0 else 0.0
    top, bottom = (2 * sums.inner - sums.target, sums.source)
    kl = None
    if need == "labels":
        kl = float(sums.gained.sum() / sums.wanted.sum()) if float(sums.wanted.sum()) > 0 else 0.0
        top, bottom = sums.gained, sums.wanted
    interval = bootstrap(top, bottom, seed)
    ratio = math.sqrt(target / source)
    return Prediction(cosine, ratio, kl, interval, need, float(sums.agreeing.mean()), len(sums.inner))


def bootstrap(top: Tensor, bottom: Tensor, seed: int = 0) -> tuple[float, float]:
    """Return the 80 % interval of Σ top / Σ bottom over rows drawn again."""
    rows = len(top)
    drawn = torch.randint(rows, (DRAWS, rows), generator=torch.Generator().manual_seed(seed))
    ratios = top[drawn].sum(1) / bottom[drawn].sum(1).clamp_min(1e-30)
    low, high = ratios.quantile(torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=ratios.dtype))
    return float(low), float(high)


def needed(output: Tensor, named: str | None = None) -> str:
    """Return what the outputs are taken for: "labels" for logits, "change" for all else.

    Logits are what the model calls so, and plain outputs whose softmax is sure of itself: its mean entropy is below .6
    of that of a uniform guess. Pass ``need=`` where that is wrong.
    """
    classes = output.shape[-1]
    if output.ndim < 2 or classes < 2:
        return "change"
    if named is not None:
        return "labels" if "logits" in named else "change"
    logs = output.detach().double().log_softmax(-1)
    entropy = -(logs.exp() * logs).sum(-1).mean()
    return "labels" if output.ndim < 4 and float(entropy) < 0.6 * math.log(classes) else "change"
