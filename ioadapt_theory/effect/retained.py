"""The share of its gain (loss reduction) that an adapter retains on a target, predicted from unlabelled inputs.

Let d be the output with the adapter minus the output without it, on the source (S) and on the target (T), c the cosine
of d_S and d_T, and q = ‖d_T‖/‖d_S‖. The share is

    R = 2cq - q²                                                         if both models need the same change,
    R_KL = E_t[log p_Ta - log p_T] / E_s[log p_Sa - log p_S]             if both need the same labels,

where p_Sa and p_Ta are the class probabilities of the adapted models, p_S and p_T those of the plain models. E_s and
E_t average over labels from s and t, two estimates of the label distribution (see ``guessed``), which are both close to
p_Sa if the plain models agree. Both shares are ratios of sums over rows, for which a bootstrap gives an interval.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

NEEDS = ("labels", "change")
DRAWS, LEVEL = 400, 0.8
"""Number of bootstrap resamples, and the share of the resamples that the interval contains."""
STRENGTHS = (0.8, 1.0, 1.2)
"""Factors by which the adapter's effect on the source is scaled in the estimates of the labels."""
MANY = 1 << 22
"""Number of elements of an output above which its rows are compared one by one, to save memory."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """The cosine of an adapter's effects on the target and on the source, and the ratio of their sizes.

    Attributes:
        cosine: c, the cosine of the two effects.
        ratio: q, the size of the effect on the target divided by the size on the source.
    """

    cosine: float
    ratio: float

    @property
    def R(self) -> float:
        """The share of an adapter's gain (loss reduction) that a copy retains if both models need the same change."""
        return 2 * self.cosine * self.ratio - self.ratio**2

    @property
    def at_best_strength(self) -> float:
        """The share of the gain that a copy retains if scaled by max(c, 0)/q, its best factor ≥ 0: max(c, 0)²."""
        return max(self.cosine, 0.0) ** 2


def require_share(explained: float) -> None:
    """Raise InvalidValueError unless the share of the loss that an adapter removed is above 0 and at most 1."""
    if not 0 < explained <= 1:
        msg = f"explained must be above 0 and at most 1, not {explained!r}."
        raise InvalidValueError(msg)


@dataclass(frozen=True, slots=True)
class RowSums:
    """The quantities of each row from which the predictions are computed.

    Attributes:
        inner: inner product of the adapter's changes of the outputs of the source and of the target.
        source: squared norm of the change on the source.
        target: squared norm of the change on the target.
        gained: rows x 3, increase of the log-likelihood on the target, averaged over estimated labels, see ``guessed``,
            and summed over positions. The columns are for the target's weights w, 0 and 2w in the estimate.
        wanted: the same increase on the source, for weight 0. Like ``gained``, it is 0 if the outputs are not logits.
        agreeing: share of a row's positions, without padding, at which both plain models have the same argmax.
    """

    inner: Tensor
    source: Tensor
    target: Tensor
    gained: Tensor
    wanted: Tensor
    agreeing: Tensor

    @classmethod
    def of(cls, s: Tensor, sa: Tensor, t: Tensor, ta: Tensor, weight: float | None = None) -> "RowSums":
        """Return the quantities of the rows of one batch.

        Args:
            s: outputs of the plain source, rows x ... x classes.
            sa: outputs of the adapted source.
            t: outputs of the plain target.
            ta: outputs of the adapted target.
            weight: w, the target's weight in the estimate of labels, see ``trust``; None if outputs are not logits.
        """
        if s.numel() > MANY and len(s) > 1:
            rows = zip(*(x[:, None] for x in (s, sa, t, ta)), strict=True)
            return cls.joined([cls.of(a, b, c, d, weight) for a, b, c, d in rows])
        s, sa, t, ta = (x.detach().double() for x in (s, sa, t, ta))
        d_s, d_t = (sa - s).flatten(1), (ta - t).flatten(1)
        counted = (s != 0).any(-1).reshape(len(s), -1)  # padding is all zeros
        agreeing = ((s.argmax(-1) == t.argmax(-1)).reshape(len(s), -1) & counted).sum(1) / counted.sum(1).clamp_min(1)
        gained, wanted = d_s.new_zeros(len(s), 3), d_s.new_zeros(len(s))
        if weight is not None:
            s, sa, t, ta = (x.log_softmax(-1) for x in (s, sa, t, ta))
            wanted = (guessed(s, sa, t) * (sa - s)).flatten(1).sum(1)
            by_weight = [(guessed(s, sa, t, w) * (ta - t)).flatten(1).sum(1) for w in (weight, 0.0, 2 * weight)]
            gained = torch.stack(by_weight, 1)
        return cls((d_s * d_t).sum(1), d_s.square().sum(1), d_t.square().sum(1), gained, wanted, agreeing)

    @classmethod
    def joined(cls, parts: list["RowSums"]) -> "RowSums":
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Prediction(Alignment):
    """Prediction of the share of an adapter's gain (loss reduction) on the source that its copy retains on the target.

    Attributes:
        R_KL: retained share of the gain in log-likelihood, 0 if the source gains nothing; None if need is "change".
        interval: (lower, upper), the 80 % bootstrap interval of R or, if need is "labels", of R_KL; that of R_KL also
            covers smaller and larger weights of the target in the estimate of the labels.
        need: what both models need: the same "labels", as with logits, or the same "change" of the outputs.
        agreement: mean share of a row's positions at which both plain models have the same argmax.
        rows: number of rows that the prediction is computed from.
    """

    R_KL: float | None
    interval: tuple[float, float]
    need: str
    agreement: float
    rows: int

    @property
    def kept(self) -> float:
        """The share of the gain that is retained: R_KL if ``need`` is "labels", R if it is "change"."""
        return self.R_KL if self.need == "labels" and self.R_KL is not None else self.R

    def bound(self, explained: float) -> float:
        """Return the largest possible error of R if both models need the same change: 2q √(1 - c²) √(1/x - 1).

        Args:
            explained: x in (0, 1], the share of the source's loss that the adapter removed; c and q: see ``Alignment``.

        Raises:
            InvalidValueError: the share is outside (0, 1].
        """
        require_share(explained)
        return 2 * self.ratio * math.sqrt(max(1 - self.cosine**2, 0.0)) * math.sqrt(1 / explained - 1)


def guessed(s: Tensor, sa: Tensor, t: Tensor, weight: float = 0.0, strengths: tuple[float, ...] = STRENGTHS) -> Tensor:
    """Return label probabilities estimated from the models: the mean over a of normalised p_S (p_Sa/p_S)^a (p_T/p_S)^w.

    The mean is over several strengths a of the adapter, since the likelihood of rare labels depends on the strength,
    which training rarely gets exactly right.

    Args:
        s: log p_S, the log-probabilities of the plain source, classes last.
        sa: log p_Sa, those of the adapted source.
        t: log p_T, those of the plain target.
        weight: w, the weight of the target, see ``trust``.
        strengths: the values of a, factors on the adapter's effect.
    """
    base = s + weight * (t - s) if weight else s
    return torch.stack([(base + a * (sa - s)).softmax(-1) for a in strengths]).mean(0)


def trust(differing: float, changed: float) -> float:
    """Return the target's weight in the estimate of the labels, w = min(½, D²/(D² + A²)).

    Without labels, it is unknown which plain model is right where they differ: w = ½ treats both equally, and w = 0
    uses only the source. If the adapter changes much, relative to the difference between the models, it is presumed to
    have corrected many of the source's errors, so that the target adds little information.

    Args:
        differing: D, the sum over rows and positions of the KL divergence between the plain source and target.
        changed: A, the same sum for the adapted and the plain source; see ``divergences``.
    """
    return min(0.5, differing**2 / max(differing**2 + changed**2, 1e-300))


def divergences(s: Tensor, sa: Tensor, t: Tensor) -> tuple[float, float]:
    """Return KL(s‖t) and KL(sa‖s), summed over rows and positions, for logits of source, adapted source and target."""
    s, sa, t = (x.detach().double().log_softmax(-1) for x in (s, sa, t))
    differing, changed = (float((a.exp() * (a - b)).sum().clamp_min(0)) for a, b in ((s, t), (sa, s)))
    return differing, changed


def predict(sums: RowSums, need: str, *, seed: int = 0) -> Prediction:
    """Return the prediction of the retained share of the gain.

    Args:
        sums: quantities of the rows, which were not used in a fit.
        need: what both models need, the same "labels" or the same "change" of the outputs.
        seed: seed of the bootstrap.

    Raises:
        InvalidValueError: the adapter has no effect on the source's outputs, or a sum is not finite.
    """
    inner, source, target = (float(x.sum()) for x in (sums.inner, sums.source, sums.target))
    if not all(map(math.isfinite, (inner, source, target))):
        msg = "The models' outputs contain NaN or infinity; check the models and the inputs."
        raise InvalidValueError(msg)
    if source <= 0:
        msg = "The adapter does not change the source's outputs; train and activate it, or give other inputs."
        raise InvalidValueError(msg)
    cosine = inner / math.sqrt(source * target) if target > 0 else 0.0
    top, bottom = (2 * sums.inner - sums.target, sums.source)
    kl = None
    if need == "labels":
        kl = float(sums.gained[:, 0].sum() / sums.wanted.sum()) if float(sums.wanted.sum()) > 0 else 0.0
        top, bottom = sums.gained, sums.wanted
    interval = bootstrap(top, bottom, seed)
    ratio = math.sqrt(target / source)
    return Prediction(cosine, ratio, kl, interval, need, float(sums.agreeing.mean()), len(sums.inner))


def bootstrap(top: Tensor, bottom: Tensor, seed: int = 0) -> tuple[float, float]:
    """Return the 80 % bootstrap interval of Σ top / Σ bottom over rows; it spans those of all columns of ``top``."""
    rows = len(top)
    drawn = torch.randint(rows, (DRAWS, rows), generator=torch.Generator().manual_seed(seed))
    ratios = top.reshape(rows, -1)[drawn].sum(1) / bottom[drawn].sum(1).clamp_min(1e-30)[:, None]
    low, high = ratios.quantile(torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=ratios.dtype), 0)
    return float(low.min()), float(high.max())


def needed(output: Tensor, named: str | None = None) -> str:
    """Return "labels" if the outputs seem to be logits, else "change".

    Outputs of fewer than two dimensions or classes are not logits. Others with a name are logits if the name contains
    "logits". Outputs without a name are logits if they have two or three dimensions and the mean entropy of their
    softmax is below 0.6 of the largest possible entropy.
    """
    classes = output.shape[-1]
    if output.ndim < 2 or classes < 2:
        return "change"
    if named is not None:
        return "labels" if "logits" in named else "change"
    logs = output.detach().double().log_softmax(-1)
    entropy = -(logs.exp() * logs).sum(-1).mean()
    return "labels" if output.ndim < 4 and float(entropy) < 0.6 * math.log(classes) else "change"
