"""Extraction of an adapter from a tuned model: a low-rank approximation of its weight difference from the base."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.matrices import is_supported, operator
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.batches import divided
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.moving.carrying.fitting import base_layers, reduced
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.moving.carrying.parts import Part, built
from ioadapt_theory.moving.carrying.trial import Options, Trial, put

PLAIN = "plain SVD"
NOTE = f"The LoRA approximates the weight difference; 'if copied' is the share that a {PLAIN} of this difference keeps."


def extract(base: nn.Module, tuned: nn.Module, inputs: Any, *, name: str = "default", **options: Any) -> CarryReport:
    """Put a LoRA on the base model, so that it approximates the tuned model.

    For each layer, one candidate is the low-rank matrix whose effect is nearest to the effect C^½ D K^½ of the weight
    difference D, with the Gram matrices C of the layer's inputs and K of the gradients of its outputs; the other is a
    plain SVD of D with the same rank. The method that keeps more of the gain (reduction of the loss) is used for all
    layers. Changes of biases, norms and embeddings are left out.

    Args:
        base: the model before tuning; the adapter is added in place.
        tuned: the tuned model, with the same layers.
        inputs: inputs of the models, without labels.
        name: name of the adapter.
        **options: ``rank`` or ``rank_share``, and other fields of ``Options``.

    Returns:
        A report with the ranks, and with the shares of the gain that the better method and the plain SVD keep.

    Raises:
        InvalidValueError: no layer differs, sizes differ, the name is taken, or an option or the inputs are invalid.
    """
    chosen = Options(**options)
    rows = divided(inputs, size=chosen.size, seed=chosen.seed)
    with undisturbed(base, precise=True), undisturbed(tuned, precise=True):
        changes = differences(base, tuned)
        compared = Compared.of(base, base, rows.fit[0], call=chosen.call, need=chosen.need, seed=chosen.seed)
        trial = Trial(base, base, name, rows, chosen, compared, tuned)
        modules = base_layers(base, changes)
        parts, kept = reduced([Part.of(n, "weight", change) for n, change in changes.items()], trial, base, tuned)
        ranks = {part.layer: part.factors[0].shape[1] for part in parts.values()}
        candidates: dict[str, dict[str, Adapter]] = {"effect": {}, PLAIN: {}}
        for layer, part in ((part.layer, part) for part in parts.values()):
            u, s, v = torch.linalg.svd(changes[layer], full_matrices=False)
            plain = replace(part, factors=(u[:, : ranks[layer]] * s[: ranks[layer]], v[: ranks[layer]]))
            candidates["effect"][layer] = built(modules[layer], {"weight": part})
            candidates[PLAIN][layer] = built(modules[layer], {"weight": plain})
        scores = {n: p.kept for n, p in trial.predicted(candidates, rows.fit + rows.select).items()}
        winner = max(scores, key=lambda n: scores[n])
        predicted = trial.predicted(candidates, rows.predict)
    put(base, candidates[winner], name)
    sizes = {layer: (len(changes[layer]), changes[layer].shape[1]) for layer in ranks}
    return CarryReport(
        matched=tuple(ranks),
        unmatched={n: "the layer is not called on these inputs" for n in changes.keys() - ranks.keys()},
        how="inputs",
        chosen=winner,
        prediction=predicted[winner],
        kept_copied=predicted[PLAIN].kept,
        need=trial.need,
        rows=rows.counts,
        layers={n: CarriedLayer(n, "weight", r, 0, sizes[n], kept[f"{n}:weight"]) for n, r in ranks.items()},
        scores=scores,
        extracted=True,
        notes=(NOTE,),
    )


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
