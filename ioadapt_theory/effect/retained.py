"""The share of an adapter's effect that is kept on a target, predicted from inputs without labels.

With d = output with the adapter - output without, on the source (S) and on the target (T), c their cosine and
q = ‖d_T‖/‖d_S‖:

    R = 2cq - q²                                                         where both models want the same change,
    R_KL = E_t[log p_Ta - log p_T] / E_s[log p_Sa - log p_S]             where both want the same labels,

p_Sa the adapted source, s and t guesses at the labels, see ``guessed``: p_Sa itself where the plain models agree and
the adapter has just the right strength. Both are ratios of sums over rows, so they come with an interval over rows.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

NEEDS = ("labels", "change")
DRAWS, LEVEL = 400, 0.8
"""Bootstrap resamples, and how much of them the interval holds."""
STRENGTHS = (0.8, 1.0, 1.2)
"""Strengths of the source's adapter in the guesses at the labels."""
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
        gained: log p_Ta - log p_T of the labels, summed over a row's positions, rows x 3: as they are guessed, with the
            target's weight 0, and with twice its weight; zeros where outputs are no logits.
        wanted: log p_Sa - log p_S of the labels.
        agreeing: share of a row's positions at which both plain models have their largest output at the same place.
    """

    inner: Tensor
    source: Tensor
    target: Tensor
    gained: Tensor
    wanted: Tensor
    agreeing: Tensor

    @classmethod
    def of(cls, s: Tensor, sa: Tensor, t: Tensor, ta: Tensor, weight: float | None = None) -> "RowSums":
        """Compare outputs of the four models, rows x ... x classes; ``weight`` is None where these are no logits."""
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
            msg = f"The share that the adapter explains must be above 0 and at most 1, not {explained!r}."
            raise InvalidValueError(msg)
        return 2 * self.ratio * math.sqrt(max(1 - self.cosine**2, 0.0)) * math.sqrt(1 / explained - 1)


def guessed(s: Tensor, sa: Tensor, t: Tensor, weight: float = 0.0, strengths: tuple[float, ...] = STRENGTHS) -> Tensor:
    """Return probabilities of the labels, guessed from the models: the mean over a of p_S (p_Sa/p_S)^a (p_T/p_S)^w.

    An adapter is rarely trained to just the right strength, and where it changes much, the likelihood of rare labels
    depends on that: so it is taken weaker and stronger, too.

    Args:
        s: the source's log-probabilities, classes last.
        sa: the adapted source's.
        t: the target's.
        weight: w, see ``trust``.
        strengths: a.

    Returns:
        Probabilities, classes last.
    """
    base = s + weight * (t - s) if weight else s
    return torch.stack([(base + a * (sa - s)).softmax(-1) for a in strengths]).mean(0)


def trust(differing: float, changed: float) -> float:
    """Return the target's weight in the guess at the labels: w = min(½, D²/(D² + A²)).

    Without labels nothing says which plain model is right where they differ: at ½ both count alike, at 0 the adapted
    source is believed alone. The more an adapter changes than the models differ, the more of the source's own mistakes
    it has mended, so that the target has less to add.

    Args:
        differing: D, the sum of KL(p_S, p_T).
        changed: A, the sum of KL(p_Sa, p_S), see ``divergences``.
    """
    return min(0.5, differing**2 / max(differing**2 + changed**2, 1e-300))


def divergences(s: Tensor, sa: Tensor, t: Tensor) -> tuple[float, float]:
    """Return KL(p_S, p_T) and KL(p_Sa, p_S) of logits, summed over positions."""
    s, sa, t = (x.detach().double().log_softmax(-1) for x in (s, sa, t))
    differing, changed = (float((a.exp() * (a - b)).sum().clamp_min(0)) for a, b in ((s, t), (sa, s)))
    return differing, changed


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
        kl = float(sums.gained[:, 0].sum() / sums.wanted.sum()) if float(sums.wanted.sum()) > 0 else 0.0
        top, bottom = sums.gained, sums.wanted
    interval = bootstrap(top, bottom, seed)
    ratio = math.sqrt(target / source)
    return Prediction(cosine, ratio, kl, interval, need, float(sums.agreeing.mean()), len(sums.inner))


def bootstrap(top: Tensor, bottom: Tensor, seed: int = 0) -> tuple[float, float]:
    """Return the 80 % interval of Σ top / Σ bottom over rows drawn again; of several tops, what holds all of theirs."""
    rows = len(top)
    drawn = torch.randint(rows, (DRAWS, rows), generator=torch.Generator().manual_seed(seed))
    ratios = top.reshape(rows, -1)[drawn].sum(1) / bottom[drawn].sum(1).clamp_min(1e-30)[:, None]
    low, high = ratios.quantile(torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=ratios.dtype), 0)
    return float(low.min()), float(high.max())


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
