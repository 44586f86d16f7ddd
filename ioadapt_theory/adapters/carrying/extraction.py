"""A tuned checkpoint as an adapter: its difference to the base at the low rank that is best for its effect."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.carrying.fitting import Passes, base_layers, reduced
from ioadapt_theory.adapters.carrying.options import Options
from ioadapt_theory.adapters.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.adapters.carrying.parts import Part, built
from ioadapt_theory.adapters.carrying.trial import only, put, tried
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import is_supported, operator
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.batches import divided, row_count
from ioadapt_theory.effect.measure import require_comparable
from ioadapt_theory.effect.passes import run, undisturbed
from ioadapt_theory.effect.retention import RowSums, needed, predict
from ioadapt_theory.errors import InvalidValueError

PLAIN = "plain SVD"


def extract(base: nn.Module, tuned: nn.Module, inputs: Any, *, name: str = "default", **options: Any) -> CarryReport:
    """Put a LoRA on the base that does what a tuned model does, weight by weight; see ``transfer`` for the outcome.

    The best low rank of a difference D is that of its effect, C^½ D K^½, not that of D: what the layer reads and where
    it writes count. Beside it the plain SVD of D at the same ranks is measured, and the better one is put. Biases,
    norms and embeddings that were tuned are not in it.

    Args:
        base: the model that was tuned; changed in place by the adapter.
        tuned: a model with the same layers.
        inputs: what the models take, without labels.
        name: of the adapter.
        **options: ``rank`` or ``rank_share``, and others of ``Options``.

    Raises:
        InvalidValueError: no layer differs, or the two are not one architecture.

    Example:
        >>> import copy, torch
        >>> from torch import nn
        >>> from ioadapt_theory.adapters.carrying import extract
        >>> base = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 4))
        >>> tuned = copy.deepcopy(base)
        >>> _ = tuned[0].weight.data.add_(torch.outer(torch.ones(9), torch.ones(6)))
        >>> outcome = extract(base, tuned, torch.randn(64, 6), rank=1, need="change")
        >>> round(outcome.kept, 3)
        1.0
    """
    chosen = Options.of(options)
    rows = divided(inputs, size=chosen.size, seed=chosen.seed)
    with undisturbed(base), undisturbed(tuned):
        changes = differences(base, tuned)
        names = base_layers(base, changes)
        looks = [
            Passes(model, model, base_layers(model, changes), {}, chosen.call, chosen.seed, chosen.draws or 2)
            for model in (base, tuned)
        ]
        given = [Part(n, "weight", None, change, 1.0, torch.float32) for n, change in changes.items()]
        fit, choose, tell = rows.fit, rows.choose, rows.tell
        parts, kept = reduced(given, looks, fit, chosen.rank, chosen.rank_share)
        made = {part.layer: built(names[part.layer], {"weight": (part.factors, 1.0, part.dtype)}) for part in parts}  # type: ignore[dict-item]
        plain = {part.layer: _plain(names[part.layer], changes[part.layer], part.factors[0].shape[1]) for part in parts}  # type: ignore[index]
        candidates = {"effect": made, PLAIN: plain}
        need, sums = _sums(base, tuned, candidates, fit + choose, chosen)
        scores = {n: predict(s, need, seed=chosen.seed).kept for n, s in sums.items()}
        best = max(scores, key=lambda n: scores[n])
        _, told = _sums(base, tuned, candidates, tell, chosen)
    put(base, candidates[best], name)
    ranks = {part.layer: part.factors[0].shape[1] for part in parts}  # type: ignore[index]
    return CarryReport(
        matched=tuple(ranks),
        unmatched={n: "no input came to it" for n in changes.keys() - ranks.keys()},
        how="inputs",
        chosen=best,
        prediction=predict(told[best], need, seed=chosen.seed),
        kept_copied=predict(told[PLAIN], need, seed=chosen.seed).kept,
        need=need,
        rows=tuple(sum(row_count(one) for one, _ in part) for part in (fit, choose, tell)),  # type: ignore[arg-type]
        layers={n: CarriedLayer(n, "weight", r, 0, changes[n].shape, kept[f"{n}:weight"]) for n, r in ranks.items()},  # type: ignore[arg-type]
        scores=scores,
        notes=(f"A LoRA of the difference; the plain SVD of the weights keeps what is given for a copy ({PLAIN}).",),
    )


def differences(base: nn.Module, tuned: nn.Module) -> dict[str, Tensor]:
    """Return W_tuned - W for every linear layer and convolution where it is not zero, in float32.

    Raises:
        InvalidValueError: none differs, or a layer has another size.
    """
    others, found = dict(walk(tuned)), dict[str, Tensor]()
    for name, module in walk(base):
        if not is_supported(module) or name not in others or not is_supported(others[name]):
            continue
        w, w2 = operator(module).dense().detach().float(), operator(others[name]).dense().detach().float()
        if w.shape != w2.shape:
            msg = f"{name} is {[*w.shape]} in the base and {[*w2.shape]} in the tuned model: it was not tuned from it."
            raise InvalidValueError(msg)
        if not torch.equal(w, w2):
            found[name] = w2 - w
    if not found:
        msg = "No linear layer or convolution of the tuned model differs from the base's: there is nothing to extract."
        raise InvalidValueError(msg)
    return found


def _plain(module: nn.Module, change: Tensor, rank: int) -> Adapter:
    u, s, v = torch.linalg.svd(change, full_matrices=False)
    factors = u[:, :rank] * s[:rank].sqrt(), s[:rank].sqrt()[:, None] * v[:rank]
    return built(module, {"weight": (factors, 1.0, torch.float32)})


def _sums(
    base: nn.Module,
    tuned: nn.Module,
    candidates: Mapping[str, Mapping[str, Adapter]],
    pairs: list[Any],
    options: Options,
) -> tuple[str, dict[str, RowSums]]:
    parts: dict[str, list[RowSums]] = {n: [] for n in candidates}
    need = options.need
    with tried(base, candidates) as names, torch.no_grad():
        for number, (batch, _) in enumerate(pairs):
            seed = options.seed + number
            with only(base, ""):
                s = run(base, batch, options.call, seed)
            sa = run(tuned, batch, options.call, seed)
            require_comparable(s, sa)
            need = need or needed(s)
            for n, name in names.items():
                with only(base, name):
                    parts[n].append(RowSums.of(s, sa, s, run(base, batch, options.call, seed)))
    return need or "change", {n: RowSums.joined(rows) for n, rows in parts.items()}
