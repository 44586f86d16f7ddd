"""The share of its gain (loss reduction) that an adapter retains on a target, predicted from unlabelled inputs.

Let d be the output with the adapter minus the output without it, on the source (S) and on the target (T), c the cosine
of d_S and d_T, and q = ‖d_T‖/‖d_S‖. The share is

    R = 2cq - q²                                                         if both models need the same change,
    R_out = (‖t - sa‖² - ‖ta - sa‖²) / ‖s - sa‖²                         if both need the same outputs,
    R_KL = E_t[log p_Ta - log p_T] / E_s[log p_Sa - log p_S]             if both need the same labels,

where s, sa, t and ta are the outputs of the plain and the adapted source and target, and p_S, p_Sa, p_T and p_Ta their
class probabilities. E_s and E_t average over labels from two estimates of the label distribution (see ``guessed``),
which are both close to p_Sa if the plain models agree, and of which up to a third are drawn from p_Ta if the target
was trained to match the source (``RowSums.mixed``); for a causal language model, they are the next tokens of the
texts, if the adapter makes these clearly more likely on the source. All shares are ratios of sums over rows, for which
a bootstrap gives an interval.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ioadapt_theory.effect.certificate import following
from ioadapt_theory.effect.intervals import LEAST, Doubt, interval, least
from ioadapt_theory.errors import InvalidValueError, require_positive

DRAWS, LEVEL = 400, 0.8
"""Number of bootstrap resamples, and the share of the resamples that the interval contains."""
STRENGTHS = (0.8, 1.0, 1.2)
"""Factors by which the adapter's effect on the source is scaled in the estimates of the labels."""
OWN = 1 / 3
"""Largest share of the adapted target's own labels in the estimate, if it has learned from the source."""
CLEAR = 3.0
"""Number of standard errors by which an adapter must raise the likelihood of texts that are taken for its domain."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """The cosine c of an adapter's effects on the source and on the target, and the ratio q of their sizes."""

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


@dataclass(frozen=True, slots=True)
class RowSums:
    """The quantities of each row from which the predictions are computed.

    Attributes:
        inner, source, target: ⟨d_S, d_T⟩, ‖d_S‖² and ‖d_T‖² for the adapter's changes d of the outputs.
        toward: inner product of the change on the target and the difference of the plain outputs, source - target.
        gained: rows x 3, increase of the log-likelihood on the target, averaged over estimated labels, see ``guessed``,
            and summed over positions. The columns are for the target's weights w, 0 and 2w in the estimate.
        wanted: the same increase on the source, for weight 0. Like ``gained``, it is 0 if the outputs are not logits.
        agreeing: share of a row's positions, without padding, at which both plain models have the same argmax.
        told: rows x 2, increase of the log-likelihood of a row's own labels on the target and on the source; 0 if it
            has none.
        own: rows x 2, the increases on the target and on the source, averaged over the adapted target's labels; 0 if
            they do not count.
    """

    inner: Tensor
    source: Tensor
    target: Tensor
    toward: Tensor
    gained: Tensor
    wanted: Tensor
    agreeing: Tensor
    told: Tensor
    own: Tensor

    @property
    def mixed(self) -> "RowSums":
        """The same, with labels of which up to the share ``OWN`` is the adapted target's.

        A student that was trained on other rows errs in other places than its teacher, so both know more than one. The
        target counts less if it keeps less of the gain, or if the source gains less on the target's labels.
        """
        total = max(float(self.wanted.sum()), 1e-300)
        shares = (float(x.sum()) / total for x in (self.gained[:, 0], self.own[:, 1]))
        weight = OWN * math.prod(min(max(share, 0.0), 1.0) for share in shares)
        top, bottom = torch.lerp(self.gained, self.own[:, :1], weight), torch.lerp(self.wanted, self.own[:, 1], weight)
        return replace(self, gained=top, wanted=bottom)

    def shares(self, need: str) -> tuple[Tensor, Tensor]:
        """Return the numerators, rows x columns, and the denominators of the share that is predicted for a need."""
        if need == "labels":
            return self.gained, self.wanted
        top = 2 * self.inner - self.target
        return (top + 2 * self.toward if need == "outputs" else top)[:, None], self.source

    @property
    def useless(self) -> bool:
        """Whether only the outputs of the adapted target are not finite, since the adapter is far too large there."""
        of_target = (self.inner, self.target, self.gained)
        return bool(self.source.isfinite().all()) and not all(bool(x.isfinite().all()) for x in of_target)

    @classmethod
    def joined(cls, parts: list["RowSums"]) -> "RowSums":
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Prediction(Alignment):
    """Prediction of the share of an adapter's gain (loss reduction) on the source that its copy retains on the target.

    Attributes:
        R_KL: retained share of the gain in log-likelihood, 0 if the source gains nothing; None unless need is "labels".
        interval: (lower, upper), meant to contain the measured share in 80 % of transfers; None for fewer than 16
            inputs. It covers what the rows do not show, see ``effect.intervals``.
        sampled: (lower, upper), the 80 % bootstrap interval of ``kept``, which shows only the spread between rows;
            that of R_KL also covers smaller and larger weights of the target in the estimate of the labels.
        need: what both models need: the same "labels", as with logits, the same "change" of the outputs, or the same
            "outputs", those of the adapted source.
        agreement: mean share of a row's positions at which both plain models have the same argmax.
        rows: number of rows that the prediction is computed from.
        doubt: what the interval is computed from.
        R_out: retained share of the gain if the target needs the adapted source's outputs; None for other needs.
        told: whether the rows' own labels, the next tokens of texts, told the share, so that nothing was guessed.
        following: (lower, upper, rows) of a certificate for the share of the next rows, see ``effect.certificate``.
    """

    R_KL: float | None
    interval: tuple[float, float] | None
    sampled: tuple[float, float]
    need: str
    agreement: float
    rows: int
    doubt: Doubt
    R_out: float | None = None
    told: bool = False
    following: tuple[float, float, int] | None = None

    @property
    def kept(self) -> float:
        """The share of the gain that is retained: R_KL if ``need`` is "labels", R if "change", R_out if "outputs"."""
        share = self.R_out if self.need == "outputs" else self.R_KL
        return self.R if share is None else share

    @property
    def least(self) -> float:
        """The share that the rows show for sure, at 99 %; ``transfer`` adds an adapter only if it is above 0.

        It is the lower end of ``sampled``, or of a Student interval, which is wide for few rows.
        """
        return min(self.sampled[0], least(self.kept, self.doubt, self.need, self.rows))

    def bound(self, explained: float) -> float:
        """Return the largest possible error of R if both models need the same change: 2q √(1 - c²) √(1/x - 1).

        Args:
            explained: x in (0, 1], the share of the source's loss that the adapter removed; c and q: see ``Alignment``.

        Raises:
            InvalidValueError: the share is outside (0, 1].
        """
        require_positive("explained", explained, "share", 1)
        return 2 * self.ratio * math.sqrt(max(1 - self.cosine**2, 0.0)) * math.sqrt(1 / explained - 1)


def guessed(s: Tensor, sa: Tensor, t: Tensor, weight: float = 0.0, strengths: tuple[float, ...] = STRENGTHS) -> Tensor:
    """Return label probabilities estimated from the models: the mean over a of normalised p_S (p_Sa/p_S)^a (p_T/p_S)^w.

    ``s``, ``sa`` and ``t`` are the log-probabilities, or logits, of the plain and adapted source and the plain target;
    w is the ``weight``, see ``trust``. The mean is over several ``strengths`` a of the adapter, since the likelihood of
    rare labels depends on the strength, which training rarely gets exactly right.
    """
    base = torch.lerp(s, t, weight) if weight else s
    d = sa - s
    total = torch.add(base, d, alpha=strengths[0]).softmax(-1)
    for strength in strengths[1:]:
        total += torch.add(base, d, alpha=strength).softmax(-1)
    return total / len(strengths)


def clear(gains: Tensor) -> bool:
    """Return whether the mean of the gains of rows is above 0 by ``CLEAR`` standard errors."""
    return len(gains) > 1 and bool(gains.mean() > CLEAR * gains.std() / len(gains) ** 0.5)


def trust(differing: float, changed: float) -> float:
    """Return the target's weight in the estimate of the labels, w = ¼ D²/(D² + A²).

    Without labels, it is unknown which plain model is right where they differ. If an adapter leaves the share θ of the
    source's own errors, and the target has errors of its own of the same size, the labels are estimated best with
    w = θ/2. Of an adapter that changes little, relative to the difference between the models, θ is unknown, ½ on
    average; the more it changes, the smaller θ is presumed. The interval of a prediction covers 0 to 2w. D and A
    are the sums of ``Goal.divergences``.
    """
    return 0.25 * differing**2 / max(differing**2 + changed**2, 1e-300)


def predict(sums: RowSums, need: str, *, inputs: int | None = None, seed: int = 0) -> Prediction:
    """Return the prediction of the retained share of the gain from rows that were not used in a fit.

    ``inputs`` is the number of inputs that were given, of which ``sums`` may be a part.

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
    if told := need == "labels" and clear(sums.told[:, 1]):
        sums = replace(sums, gained=sums.told[:, :1].expand(-1, 3), wanted=sums.told[:, 1])
    elif need == "labels":
        sums = sums.mixed
    top, bottom = sums.shares(need)
    first, total = top[:, 0], float(bottom.sum())
    kl = out = None
    if need == "outputs":
        out = float(first.sum()) / source
    if need == "labels":
        kl = float(first.sum()) / total if total > 0 else 0.0
    sampled, doubt, rows = bootstrap(top, bottom, seed), Doubt.of(sums, need), len(sums.inner)
    ratio, share = math.sqrt(target / source), float(first.sum()) / max(total, 1e-300)
    doubt = replace(doubt, unseen=0.0) if told else doubt
    covering = interval(share, doubt, "texts" if told else need) if (inputs or rows) >= LEAST else None
    agreement, after = float(sums.agreeing.mean()), following(first, bottom, seed)
    return Prediction(cosine, ratio, kl, covering, sampled, need, agreement, rows, doubt, out, told, after)


def bootstrap(top: Tensor, bottom: Tensor, seed: int = 0) -> tuple[float, float]:
    """Return the 80 % bootstrap interval of Σ top / Σ bottom over rows; it spans those of all columns of ``top``."""
    rows = len(top)
    drawn = torch.randint(rows, (DRAWS, rows), generator=torch.Generator().manual_seed(seed))
    ratios = top.reshape(rows, -1)[drawn].sum(1) / bottom[drawn].sum(1).clamp_min(1e-30)[:, None]
    low, high = ratios.quantile(torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=ratios.dtype), 0)
    return float(low.min()), float(high.max())
