"""Adapters of lower rank: of an adapter, or of the weight difference between a tuned model and its base.

The low-rank matrix that replaces a change D of a layer is the one whose effect C^½ D K^½ is nearest to that of D, with
the Gram matrices C of the rows that D multiplies and K of the gradients of what it adds, both recorded without and with
D; a plain SVD has C = K = I. The two-sided form is that of GFWSVD (arXiv 2505.17974); CorDA has only C, and PEFT's
``convert_to_lora`` is the plain SVD.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.layer import walk
from ioadapt_theory.adapters.matrices import is_supported, operator
from ioadapt_theory.adapters.model import layers, remove
from ioadapt_theory.effect.batches import divided
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.solve import eigen
from ioadapt_theory.moving.carrying.fitting import base_layers, observed, reduced
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.moving.carrying.parts import BIAS, Factors, Part, built, parts_of
from ioadapt_theory.moving.carrying.trial import Options, Progress, Trial, put

EFFECT, PLAIN = "effect", "plain SVD"
NOTE = f"The LoRA approximates the {{}}; 'if copied' is the share that a {PLAIN} of the same rank keeps."
FAINT = 1e-8
"""Weight of the identity in C and K, relative to their mean eigenvalue, so that no direction is free."""


def resize(
    model: nn.Module,
    inputs: Any,
    *,
    rank: int | None = None,
    share: float | None = None,
    name: str = "default",
    call: Call | None = None,
    need: str | None = None,
    batch: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> CarryReport:
    """Replace an adapter by the LoRA of lower rank with the nearest effect, or by a plain SVD if that keeps more.

    Args:
        model: the model with the adapter, which is replaced in place.
        inputs: unlabelled inputs from the adapter's domain, preferably 256 rows or more.
        rank: the largest rank of a layer.
        share: instead of a rank, the least share of its squared effect that each layer keeps.
        name: name of the adapter.
        call: function; ``call(model, batch)`` returns the output to compare, if ``model(batch)`` does not.
        need: "labels" or "change", as in ``transfer``.
        batch: maximum number of rows per batch.
        seed: seed of the split of the rows and of the cotangents.
        progress: called with a stage's name, the number of its parts that are done, and their number.

    Returns:
        A report with the ranks, and with the shares of the gain that the better method and the plain SVD keep.

    Raises:
        UnknownNameError: the model has no adapter of this name.
        InvalidValueError: neither or both of rank and share are given, or an option or the inputs are invalid.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, resize
        >>> _ = torch.manual_seed(0)
        >>> options = {"rank": 4, "placement": "weight", "init": "random"}
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], **options)
        >>> resize(model, torch.randn(64, 16), rank=1, need="change").layers["0"].rank
        1
    """
    if (rank is None) == (share is None):
        msg = "resize needs a rank or a share of the effect, and not both."
        raise InvalidValueError(msg)
    more: dict[str, Any] = {} if share is None else {"share": share}
    chosen = Options(rank=rank, call=call, need=need, batch=batch, seed=seed, progress=progress, **more)
    adapted, rows = layers(model, name), divided(inputs, size=batch, seed=seed)
    parts = parts_of(adapted, name)
    with undisturbed(model, precise=True):
        compared = Compared.of(model, model, rows.fit[0], call=call, need=need, seed=seed)
        trial = Trial(model, model, name, rows, chosen, compared)
        whole, kept = reduced([part for part in parts if not part.low], trial, model)
        low, more_kept = _reduced(trial, [part for part in parts if part.low and part.placement != BIAS], share)
        made = {part.key: part for part in parts if part.placement == BIAS} | whole | low
        report, winner = _best(trial, parts, made, kept | more_kept, "adapter")
    remove(model, name)
    put(model, winner, name)
    return report


def extract(
    base: nn.Module,
    tuned: nn.Module,
    inputs: Any,
    *,
    rank: int | None = None,
    share: float = 0.98,
    name: str = "default",
    call: Call | None = None,
    need: str | None = None,
    batch: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> CarryReport:
    """Put a LoRA on the base model, so that it approximates the tuned model.

    The base may also be a quantised or pruned copy of ``tuned``: then the LoRA gives back what it lost. One candidate
    has the effect nearest to that of the weight difference, the other is a plain SVD with the same ranks; the one that
    keeps more of the gain (reduction of the loss) is used. Changes of biases, norms and embeddings are left out.

    Args:
        base: the model before tuning; the adapter is added in place.
        tuned: the tuned model, with the same layers.
        inputs: inputs of the models, without labels.
        rank: maximum rank of a layer.
        share: without ``rank``, the minimum share of each layer's squared effect to keep.
        name: name of the adapter.
        call: function; ``call(model, batch)`` returns the outputs to compare, if ``model(batch)`` does not.
        need: "labels", "change" or "outputs", see ``transfer``; by default inferred from the outputs.
        batch: maximum number of rows per batch.
        seed: seed of the split of the rows and of the cotangents.
        progress: called with a stage's name, the number of its parts that are done, and their number.

    Returns:
        A report with the ranks, and with the shares of the gain that the better method and the plain SVD keep.

    Raises:
        InvalidValueError: no layer differs, sizes differ, the name is taken, or an option or the inputs are invalid.

    Example:
        >>> import copy
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import extract
        >>> _ = torch.manual_seed(0)
        >>> base = nn.Sequential(nn.Linear(16, 8))
        >>> tuned = copy.deepcopy(base)
        >>> tuned[0].weight.data += torch.randn(8, 1) @ torch.randn(1, 16)
        >>> extract(base, tuned, torch.randn(64, 16), rank=1, need="change").kept > 0.99
        True
    """
    options = Options(rank=rank, share=share, call=call, need=need, batch=batch, seed=seed, progress=progress)
    return extracted(base, tuned, inputs, options, name)


def extracted(base: nn.Module, tuned: nn.Module, inputs: Any, chosen: Options, name: str) -> CarryReport:
    rows = divided(inputs, size=chosen.batch, seed=chosen.seed)
    with undisturbed(base, precise=True), undisturbed(tuned, precise=True):
        parts = [Part.of(n, "weight", change) for n, change in differences(base, tuned).items()]
        compared = Compared.of(base, base, rows.fit[0], call=chosen.call, need=chosen.need, seed=chosen.seed)
        trial = Trial(base, base, name, rows, chosen, compared, tuned)
        made, kept = reduced(parts, trial, base, tuned)
        report, winner = _best(trial, parts, made, kept, "weight difference")
    put(base, winner, name)
    return report


def _best(
    trial: Trial, parts: list[Part], made: Mapping[str, Part], kept: Mapping[str, float], what: str
) -> tuple[CarryReport, dict[str, Adapter]]:
    """Return a report, and the better of the reduced ``made`` and plain SVDs of the same ranks, by layer."""
    modules = base_layers(trial.target, {part.layer for part in parts})
    sides: dict[str, dict[str, dict[str, Part]]] = {EFFECT: {}, PLAIN: {}}
    for part in parts:
        if part.key not in made:
            continue
        one = made[part.key]
        plain = one if part.placement == BIAS else replace(one, factors=_plain(part, one.factors[0].shape[1]))
        for method, chosen in ((EFFECT, one), (PLAIN, plain)):
            sides[method].setdefault(part.layer, {})[part.placement] = chosen
    candidates = {n: {layer: built(modules[layer], s) for layer, s in some.items()} for n, some in sides.items()}
    scores = {n: p.kept for n, p in trial.predicted(candidates, trial.rows.fit + trial.rows.select).items()}
    winner = max(scores, key=lambda n: scores[n])
    predicted = trial.predicted(candidates, trial.rows.predict)
    told = {}
    for layer, by_side in sides[winner].items():
        ranks = {side: part.factors[0].shape[1] for side, part in by_side.items() if side != BIAS}
        one = next(part for side, part in by_side.items() if side != BIAS)
        share = min((kept[part.key] for part in by_side.values() if part.key in kept), default=None)
        told[layer] = CarriedLayer(layer, "+".join(ranks), max(ranks.values()), 0, _size(one), share)
    lost = {part.layer: "the layer is not called on these inputs" for part in parts if part.layer not in told}
    report = CarryReport(
        matched=tuple(told),
        unmatched=lost,
        how="inputs",
        chosen=winner,
        prediction=predicted[winner],
        kept_copied=predicted[PLAIN].kept,
        need=trial.need,
        rows=trial.rows.counts,
        layers=told,
        scores=scores,
        extracted=True,
        notes=(NOTE.format(what),),
    )
    return report, candidates[winner]


def _size(part: Part) -> tuple[int, int]:
    a, b = part.factors
    return len(a), b.shape[1]


def _plain(part: Part, rank: int) -> Factors:
    """Return the factors of a plain SVD of this rank."""
    a, b = part.factors
    if part.low:
        (q, left), (p, right) = torch.linalg.qr(a), torch.linalg.qr(b.mT)
        u, s, v = torch.linalg.svd(left @ right.mT, full_matrices=False)
        u, v = q @ u, v @ p.mT
    else:
        u, s, v = torch.linalg.svd(a, full_matrices=False)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * v[:rank]


def _reduced(trial: Trial, parts: list[Part], share: float | None) -> tuple[dict[str, Part], dict[str, float]]:
    """Return low-rank parts with a lower rank, and the share of its squared effect that each keeps, by key.

    For D = AB, only AᵀCA and BKBᵀ are needed, so that no large matrix is decomposed. Parts of layers that are never
    called are truncated by a plain SVD.
    """
    sums: dict[str, list[Tensor]] = {}
    for rows in observed(trial, {part.layer for part in parts}, trial.source):
        for part in parts:
            if part.layer in rows:
                r, g = (x.flatten(0, -2).double() for x in rows[part.layer].both(part.placement))
                a, b = (x.double() for x in part.factors)
                read, written = r @ a, g @ b.mT
                new = [read.mT @ read, written.mT @ written, r.square().mean(), g.square().mean()]
                before = sums.get(part.key, [torch.zeros_like(x) for x in new])
                sums[part.key] = [x + y for x, y in zip(before, new, strict=True)]
    made, kept = {}, {}
    for part in parts:
        most = min(trial.options.rank or part.factors[0].shape[1], *part.factors[0].shape, *part.factors[1].shape)
        if part.key not in sums:
            made[part.key] = replace(part, factors=_plain(part, most))
            continue
        a, b = (x.double() for x in part.factors)
        read, written, size, steepness = sums[part.key]
        left, back = _root(read + FAINT * size * a.mT @ a)
        right, forth = _root(written + FAINT * steepness * b @ b.mT)
        u, s, v = torch.linalg.svd(left @ right.mT)
        reached = s.square().cumsum(0) / s.square().sum().clamp_min(1e-300)
        r = most if share is None else min(most, int((reached < share).sum()) + 1)
        root = s[:r].sqrt()
        factors = a @ back @ (u[:, :r] * root), (root[:, None] * v[:r]) @ forth.mT @ b
        made[part.key] = replace(part, factors=(factors[0].float(), factors[1].float()))
        kept[part.key] = float(reached[r - 1])
    return made, kept


def _root(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return R with RᵀR equal to a Gram matrix, and its pseudo-inverse."""
    values, vectors = eigen(gram)
    values, vectors = values.double(), vectors.double()
    some = values > 1e-14 * values.max()
    inverse = torch.where(some, 1 / values.clamp_min(1e-300).sqrt(), 0)
    return torch.where(some, values, 0).sqrt()[:, None] * vectors.mT, vectors * inverse


def differences(base: nn.Module, tuned: nn.Module) -> dict[str, Tensor]:
    """Return W_tuned - W in float32, by layer name, for the linear layers and convolutions in which the models differ.

    Raises:
        InvalidValueError: no layer differs, or a layer has a different size.
    """
    others, found, same = dict(walk(tuned)), dict[str, Tensor](), 0
    for name, module in walk(base):
        if not is_supported(module) or name not in others or not is_supported(others[name]):
            continue
        w, w2 = operator(module).dense().detach().float(), operator(others[name]).dense().detach().float()
        if w.shape != w2.shape:
            sizes = "{} x {} in the base but {} x {} in the tuned model".format(*w.shape, *w2.shape)
            msg = f"The weight of {name} is {sizes} (inputs x outputs); give the base that the model was tuned from."
            raise InvalidValueError(msg)
        if torch.equal(w, w2):
            same += 1
        else:
            found[name] = w2 - w
    if not found:
        msg = "The models share no names of linear layers or convolutions; give a model tuned from the base."
        if same:
            kinds = f"linear layers and convolutions ({same} compared)"
            msg = f"The tuned model has the base's weights in all {kinds}; give one in which such layers were tuned."
        raise InvalidValueError(msg)
    return found
