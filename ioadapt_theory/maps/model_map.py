"""The map of two models: a change of coordinates at every place, kept in a file, which moves any adapter."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from errno import EIO
from pathlib import Path
from typing import Any, Final, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ioadapt_theory.effect.retained import Alignment
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.maps.moments import READS, WRITES, Factors, effects, grams
from ioadapt_theory.maps.solve import truncated
from ioadapt_theory.outputs import replacing

KIND: Final = "ioadapt map 1"
Change = tuple[str, str]
"""A layer of the source, and a placement there."""


@dataclass(slots=True)
class MappedPlace:
    """The map at one place, the input or the output of a layer, or of several layers with a common input.

    Attributes:
        P: target features x source features; xP = u for activations x and u. None if nothing reads here.
        Q: the same for what writes here; hQ = k for gradients h and k.
        activations: shares of the activations that P and Q explain, on rows that were not used to fit them.
        gradients: shares of the gradients that P and Q explain, on these rows.
        seen: rows of u, xP, k and hQ, from which the effect of an adapter is foretold.
        rows: number of rows of activations in the fit.
    """

    P: Tensor | None
    Q: Tensor | None
    activations: tuple[float, float]
    gradients: tuple[float, float]
    seen: tuple[Tensor, Tensor, Tensor, Tensor]
    rows: int


LINES = 10
"""Maximum number of places to print."""


@dataclass(slots=True)
class ModelMap:
    """The map of two models, made by ``map_models``, which moves adapters without running a model.

    Attributes:
        source, target: fingerprints of the two models' weights.
        layers: layer of the source -> layer of the target.
        places: "layer:side" of the source -> the map there; layers that share an input share the map.
        settings: how the map was made: the numbers of rows, the rule, and the names of the models.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, map_models, transfer
        >>> source, target = (nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)) for _ in "ab")
        >>> model_map = map_models(source, target, inputs=torch.randn(256, 8), need="change")
        >>> _ = adapt(source, target_modules=["0"], placement="weight", init="random")
        >>> transfer(source, target, map=model_map).matched
        ('0',)
    """

    source: str
    target: str
    layers: dict[str, str]
    places: dict[str, MappedPlace]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Size of the tensors in a file, in bytes."""
        return sum(2 * t.numel() for place in self._distinct() for t in _tensors(place).values())

    def _distinct(self) -> list[MappedPlace]:
        return list({id(place): place for place in self.places.values()}.values())

    def require(self, source: nn.Module, target: nn.Module) -> None:
        """Raise InvalidValueError unless these are the models that the map was made for."""
        for role, model, wanted in (("source", source, self.source), ("target", target, self.target)):
            if (found := fingerprint(model)) != wanted:
                name = f" ({self.settings[role]})" if self.settings.get(role) else ""
                msg = f"The map is for another {role}{name}: its weights have the hash {wanted[:8]}, not {found[:8]}."
                raise InvalidValueError(msg)

    def lacks(self, layer: str, placement: str) -> str | None:
        """Return why a change of a layer cannot be moved, or None if it can."""
        if layer not in self.layers:
            return "the map does not contain this layer"
        read, written = (self.places.get(f"{layer}:{side}") for side in self._sides(layer, placement))
        if (read is None or read.P is None) and placement != "bias":
            return f"the map does not contain what an adapter on the {placement} of this layer reads"
        if written is None or written.Q is None:
            return f"the map does not contain what an adapter on the {placement} of this layer writes"
        return None

    def _sides(self, layer: str, placement: str) -> tuple[str, str]:
        grouped = placement == "weight" and f"{layer}:weight" in self.places
        return ("weight", "weight") if grouped else (READS.get(placement, "input"), WRITES[placement])

    def carry(self, changes: Mapping[Change, Factors]) -> dict[Change, Factors]:
        """Return the changes of the target, A → PA and B → BQᵀ, for changes AB of the source's layers.

        Args:
            changes: (layer, placement) -> A and B; placements are "weight", "input", "output" and "bias".

        Returns:
            (layer of the target, placement) -> A and B there; changes of several layers that go to one are added up.

        Raises:
            InvalidValueError: the map does not contain a place.
        """
        moved = dict[Change, Factors]()
        for (layer, placement), (a, b) in changes.items():
            if why := self.lacks(layer, placement):
                msg = f"{layer} cannot be moved by this map: {why}; make a map that contains it."
                raise InvalidValueError(msg)
            reads, writes = (self.places.get(f"{layer}:{side}") for side in self._sides(layer, placement))
            p = None if placement == "bias" or reads is None else reads.P
            a, b = carried_factors((a, b), p, writes.Q)  # type: ignore[union-attr, arg-type]
            to = self.layers[layer], placement
            moved[to] = (torch.cat([moved[to][0], a], 1), torch.cat([moved[to][1], b])) if to in moved else (a, b)
        return moved

    def foretold(self, changes: Mapping[Change, Factors]) -> Alignment:
        """Return the cosine and size ratio of the effects of changes and of their counterparts, to first order.

        Activations and gradients are taken to be uncorrelated over rows, and the effects of different layers, too.
        """
        sums = [0.0, 0.0, 0.0]
        for (layer, placement), factors in changes.items():
            reads, writes = (f"{layer}:{side}" for side in self._sides(layer, placement))
            written = self.places[writes]
            read = self.places.get(reads, written) if placement == "bias" else self.places[reads]
            u, xp, k, hq = (*read.seen[:2], *written.seen[2:])
            if placement == "bias":  # only the number of rows counts
                u = xp = u.new_ones(len(u), 1)
            found = effects(factors, factors, grams(xp, u), grams(hq, k))  # (xP)A is x(PA)
            sums = [a + b for a, b in zip(sums, found, strict=True)]
        own, both, other = sums
        if own <= 0 or other <= 0:
            return Alignment(0.0, 0.0)
        return Alignment(both / (own * other) ** 0.5, (other / own) ** 0.5)

    def reduced(
        self, layer: str, placement: str, change: Tensor, *, rank: int | None = None, share: float | None = None
    ) -> tuple[Tensor, Tensor, float]:
        """Return the low-rank factors whose effect is nearest to that of a change, and the share that they keep."""
        reads, writes = (self.places[f"{layer}:{side}"] for side in self._sides(layer, placement))
        u, k = reads.seen[0], writes.seen[2]
        gram = torch.kron(u.mT @ u, torch.eye(len(change) // u.shape[1]).to(u))
        return truncated(change.to(u), gram, k.mT @ k, rank=rank, share=share)

    def save(self, path: Path | str) -> None:
        """Write the map to a safetensors file, in half precision."""
        stored: dict[str, Tensor] = {}
        described = []
        for number, place in enumerate(self._distinct()):
            names = [name for name, one in self.places.items() if one is place]
            sizes = {}
            for key, tensor in _tensors(place).items():
                sizes[key] = float(tensor.double().square().mean().sqrt().clamp_min(1e-30)) if tensor.numel() else 1.0
                stored[f"{number}.{key}"] = (tensor / sizes[key]).half().cpu().contiguous()
            shares = {"activations": place.activations, "gradients": place.gradients, "rows": place.rows}
            described.append({"places": names, "sizes": sizes, **shares})
        content = {"source": self.source, "target": self.target, "layers": self.layers, "settings": self.settings}
        with replacing(path) as temporary:  # one entry, since the library shuffles several
            try:
                save_file(stored, temporary, metadata={KIND: json.dumps(content | {"places": described})})
            except SafetensorError as error:  # a full disk
                raise OSError(EIO, str(error)) from error

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a map; raise FileFormatError if the file does not contain one."""
        try:
            with safe_open(path, "pt") as file:
                content = json.loads((file.metadata() or {})[KIND])
                places: dict[str, MappedPlace] = {}
                for number, one in enumerate(content.pop("places")):
                    t = {k: file.get_tensor(f"{number}.{k}").float() * size for k, size in one["sizes"].items()}
                    seen = tuple(t[k] for k in ("u", "xP", "k", "hQ"))
                    shares = tuple(one["activations"]), tuple(one["gradients"])
                    place = MappedPlace(t.get("P"), t.get("Q"), *shares, seen, int(one["rows"]))
                    places |= dict.fromkeys(one["places"], place)
                made = cls(places=places, **content)
            str(made)  # raises an error if a part is missing or of another type
        except Exception as error:  # a broken or malicious file can make the readers raise any error
            reason = f"{type(error).__name__}: {error}"
            msg = f"{path} is not a map of two models, as map_models and `ioadapt map` make them ({reason!a:.200})."
            raise FileFormatError(msg) from None
        else:
            return made

    def __str__(self) -> str:
        lines = [f"Map of {len(self.layers)} layers, {self.nbytes / 1e6:.1f} MB; explained on rows that were not used:"]
        for name, place in [*self.places.items()][:LINES]:
            layer = name.rpartition(":")[0]
            to = "" if self.layers[layer] == layer else f" → {self.layers[layer]}"
            (p, q), (p2, q2) = place.activations, place.gradients
            parts = [f"P {p:z.2f} of activations, {p2:z.2f} of gradients"] if place.P is not None else []
            parts += [f"Q {q:z.2f}, {q2:z.2f}"] if place.Q is not None else []
            lines.append(f"  {name}{to}: {'; '.join(parts)}")
        lines += [f"  and {len(self.places) - LINES} more"] if len(self.places) > LINES else []
        return "\n".join(lines)


def is_map(path: Path | str) -> bool:
    try:
        with safe_open(path, "pt") as file:
            return KIND in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _tensors(place: MappedPlace) -> dict[str, Tensor]:
    named = dict(zip(("P", "Q", "u", "xP", "k", "hQ"), (place.P, place.Q, *place.seen), strict=True))
    return {key: tensor for key, tensor in named.items() if tensor is not None}


def carried_factors(factors: Factors, p: Tensor | None, q: Tensor) -> Factors:
    """Return PA and BQᵀ; P maps channels, and leaves the taps of a kernel and (if None) the reader of a bias as is."""
    a, b = (x.to(q) for x in factors)
    if p is not None:
        taps = len(a) // p.shape[1]
        a = torch.einsum("xu,utr->xtr", p.to(q), a.reshape(p.shape[1], taps, -1)).flatten(0, 1)
    return a, b @ q.mT


def fingerprint(model: nn.Module, leave_out: Collection[str] = ("adapters",)) -> str:
    """Return a hash of a model's weights, without adapters, that is the same in all precisions that hold them."""
    digest = hashlib.sha256()
    for name, p in sorted(model.named_parameters(), key=lambda item: item[0].replace(".base_layer", "")):
        parts = name.split(".")
        if not {*leave_out} & {*parts}:
            digest.update(f"{'.'.join(x for x in parts if x != 'base_layer')} {[*p.shape]} ".encode())
            if not p.is_meta:
                digest.update(p.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
