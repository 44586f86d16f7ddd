"""The function ``map_models``, which makes the map of two models from inputs of their own domain."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.matrices import is_supported
from ioadapt_theory.adapters.model import disable
from ioadapt_theory.adapters.rules.correspondence import MATCHES
from ioadapt_theory.effect.batches import Pair, Parts, divided
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.passes import Call, Recorded, cotangents, record
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import MOST_SEED, InvalidValueError, require_positive, require_whole
from ioadapt_theory.maps.counterparts import counterparts, require_models
from ioadapt_theory.maps.lineage import related
from ioadapt_theory.maps.model_map import MappedPlace, ModelMap, fingerprint
from ioadapt_theory.maps.moments import Gathered, Moments, Place, features, grouped, paired, places
from ioadapt_theory.maps.solve import TWO_WAY

SEEN = 256
"""Largest number of rows that are kept at each place to foretell the effect of an adapter."""


def map_models(
    source: nn.Module,
    target: nn.Module,
    inputs: Any,
    *,
    target_inputs: Any = None,
    layers: Collection[str] | None = None,
    placements: Collection[str] = tuple(Placement),
    rename: Mapping[str, str] | None = None,
    match: str = "name",
    call: Call | None = None,
    need: str | None = None,
    batch: int = 64,
    draws: int = 1,
    seed: int = 0,
    memory: float = 4.0,
    names: tuple[str, str] = ("", ""),
) -> ModelMap:
    """Return the map of two models, which moves adapters of any placement from the source to the target.

    Both models run without adapters. At each layer's input and output, the map is the matrix that carries the
    activations of one model to those of the other forward and the gradients back, see ``maps.solve``.

    Args:
        source: the model that adapters were or will be trained on.
        target: the model that they are to be moved to.
        inputs: unlabelled inputs of both models, from their own domain; the adapters' domain is not needed.
        target_inputs: the same samples as the target takes them, row for row; by default ``inputs``.
        layers: names of the source's layers to map; by default all linear layers and convolutions.
        placements: placements of the adapters to be moved; fewer placements need less memory.
        rename: source layer -> target layer, for names that differ.
        match: how the other layers are matched, by "name", "provenance", "auto" or "depth", see ``transfer``.
        call: function; ``call(model, batch)`` returns the outputs, if ``model(batch)`` does not.
        need: "labels" if the outputs are logits, else "change"; by default as the outputs tell.
        batch: maximum number of rows per batch.
        draws: number of random cotangents per batch.
        seed: seed of the split of the rows, of the cotangents, and of random numbers in the models.
        memory: gigabytes for the matrices of the fit; layers beyond this limit are recorded in further passes.
        names: names of the two models, which are written into the file.

    Raises:
        InvalidValueError: no layer of the target corresponds to one of the source, or the inputs are invalid.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import map_models
        >>> _ = torch.manual_seed(0)
        >>> source, target = (nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)) for _ in range(2))
        >>> map_models(source, target, torch.randn(64, 8), need="change").layers
        {'0': '0', '2': '2'}
    """
    require_positive("memory", memory, "number of gigabytes")
    for key, value in (("batch", batch), ("draws", draws)):
        require_whole(key, value, 1)
    require_whole("seed", seed, 0, MOST_SEED)
    here, there, pairs, roles = _planned(source, target, layers, placements, rename, match)
    rows = divided(inputs, target_inputs, size=batch, seed=seed)
    with disable(source), disable(target):
        compared = Compared.of(source, target, rows.fit[0], call=call, need=need, otherwise="change", seed=seed)
    chances = (lambda y: y.float().softmax(-1)) if compared.need == "labels" else None
    made: dict[str, MappedPlace] = {}
    blocks: dict[str, list[Place]] = {}  # layers of one block share inputs, so that they are recorded together
    for place in roles:
        blocks.setdefault(place[0].rpartition(".")[0], []).append(place)

    def recorded(some: Collection[Place], pair: Pair, number: int) -> tuple[Recorded, Recorded]:
        options: dict[str, Any] = {"call": compared.call, "seed": seed + number}
        options["directions"] = cotangents(draws, seed + number, chances)
        ones, twos = {p[0]: here[p[0]] for p in some}, {p[2]: there[p[2]] for p in some}
        return record(source, ones, pair[0], **options), record(target, twos, pair[1], **options)

    def alike(place: Place) -> bool:
        return related(here[place[0]], there[place[2]])

    with undisturbed(source), undisturbed(target), disable(source), disable(target):
        for group in grouped(blocks, there, memory / 2):  # moments to fit a map, and to measure it
            some = {place: roles[place] for block in group for place in blocks[block]}
            made |= _mapped(some, rows, partial(recorded, some), alike, seed)
    used = {one: two for one, two in pairs.items() if any(name.rpartition(":")[0] == one for name in made)}
    fit, select, predict = rows.counts
    settings = {"fit": fit + select, "held": predict, "rule": "two-way", "penalty": TWO_WAY.penalty, "seed": seed}
    settings |= {"source": names[0], "target": names[1], "placements": sorted(placements)}
    return ModelMap(fingerprint(source), fingerprint(target), used, made, settings)


def map_size(
    source: nn.Module,
    target: nn.Module,
    *,
    layers: Collection[str] | None = None,
    placements: Collection[str] = tuple(Placement),
    rename: Mapping[str, str] | None = None,
    match: str = "name",
) -> int:
    """Return the largest size in bytes of the map that ``map_models`` makes with these options, before it is made.

    It is smaller if layers share an input, as q, k and v do.
    """
    here, there, _, roles = _planned(source, target, layers, placements, rename, match)
    total = 0
    for (one, side, two, other), both in roles.items():
        d, d2 = (features(m, at) for m, at in ((here[one], side), (there[two], other)))
        total += len(both) * 2 * d * d2 + (2 + len(both)) * 2 * SEEN * d
    return total


def _planned(
    source: nn.Module,
    target: nn.Module,
    layers: Collection[str] | None,
    placements: Collection[str],
    rename: Mapping[str, str] | None,
    match: str,
) -> tuple[dict[str, nn.Module], dict[str, nn.Module], dict[str, str], dict[Place, set[str]]]:
    """Return the layers of both models, their pairs by name, and the roles of each place, "reads" and "writes"."""
    require_models(source, target, "ioadapt map SOURCE TARGET")
    if isinstance(placements, str) or not placements or {*placements} - {*Placement}:
        msg = f"placements must be a list of {', '.join(map(repr, map(str, Placement)))}, not {placements!r}."
        raise InvalidValueError(msg)
    if match not in {*MATCHES, "depth"}:
        msg = f"match must be 'name', 'provenance', 'auto' or 'depth' for a map, not {match!r}."
        raise InvalidValueError(msg)
    wanted = [n for n, m in walk(source) if is_supported(base_of(m)) and (layers is None or n in layers)]
    if layers is not None and (missing := sorted({*layers} - {*wanted})):
        msg = f"layers contains {missing[0]!r}, but the source has no linear layer or convolution of this name."
        raise InvalidValueError(msg)
    found, _ = counterparts(source, target, wanted, rename, match)
    pairs = {n: some[0] for n, some in found.items()}
    modules = dict(walk(source)), dict(walk(target))
    here = {n: base_of(modules[0][n]) for n in pairs}
    there = {n: base_of(modules[1][n]) for n in pairs.values()}
    roles: dict[Place, set[str]] = {}
    for one, two in pairs.items():
        if two in there and is_supported(there[two]):
            for side in placements:
                for place, role in zip(places(here, there, one, two, side, side), ("reads", "writes"), strict=True):
                    roles.setdefault(place, set()).add(role)
    if not roles:
        msg = "No layer of the target corresponds to a layer of the source; give rename= for other names."
        raise InvalidValueError(msg)
    return here, there, pairs, roles


def _mapped(
    roles: Mapping[Place, set[str]],
    rows: Parts,
    recorded: Callable[[Pair, int], tuple[Recorded, Recorded]],
    alike: Callable[[Place], bool],
    seed: int,
) -> dict[str, MappedPlace]:
    """Return the maps at some places; ``alike`` tells where the weights show the same bases."""
    gathered, held = Gathered([*roles]), Gathered([*roles])
    kept: dict[Place, list[tuple[Tensor, Tensor, Tensor, Tensor]]] = {}
    for number, pair in enumerate(rows.fit + rows.select):
        a, b = recorded(pair, number)
        gathered.add(a.rows, b.rows)
    for number, pair in enumerate(rows.predict):
        a, b = recorded(pair, number)
        held.of = dict(gathered.of)  # the same layers share an input
        held.add(a.rows, b.rows)
        for first in {*held.of.values()}:
            if sum(len(part[0]) for part in kept.get(first, [])) < SEEN:
                members = [place for place, one in held.of.items() if one == first]
                kept.setdefault(first, []).append(_some(paired(members, a.rows, b.rows), seed + number))
    made: dict[Place, MappedPlace] = {}
    for first in dict.fromkeys(gathered.of.values()):
        if first in kept and not gathered.moments[first].idle:
            both = {role for other, one in gathered.of.items() if one == first for role in roles[other]}
            sums = gathered.moments[first], held.moments[first]
            made[first] = _at_place(*sums, kept[first], both, same=alike(first))
    return {f"{place[0]}:{place[1]}": made[first] for place, first in gathered.of.items() if first in made}


def _at_place(
    moments: Moments, held: Moments, kept: list[tuple[Tensor, Tensor, Tensor, Tensor]], roles: set[str], *, same: bool
) -> MappedPlace:
    p, q = (moments.map(role, TWO_WAY, same=same) if role in roles else None for role in ("reads", "writes"))
    x, u, h, k = (torch.cat(parts)[:SEEN].to(moments.C[0]) for parts in zip(*kept, strict=True))  # type: ignore[index]
    shares = [(0.0, 0.0) if m is None else held.explained(role, m) for role, m in (("reads", p), ("writes", q))]
    seen = (u, u[:, :0] if p is None else x @ p, k, k[:, :0] if q is None else h @ q)
    return MappedPlace(p, q, (shares[0][0], shares[1][0]), (shares[0][1], shares[1][1]), seen, moments.rows)


def _some(rows: tuple[Tensor, ...], seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return random rows of one batch, of activations and of gradients."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randperm(len(rows[n]), generator=generator)[:SEEN].to(rows[n].device) for n in (0, 2)]
    x, u, h, k = (t[drawn[n // 2]] for n, t in enumerate(rows))
    return x, u, h, k
