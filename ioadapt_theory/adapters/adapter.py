"""``Adapter``: one named adapter on one layer; ``Adapters``: all adapters of a layer, by name."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from torch import Tensor, nn

from ioadapt_theory.adapters.config import Plan
from ioadapt_theory.adapters.equations import Placed, Placement, Shifted
from ioadapt_theory.adapters.families import FAMILIES, Family
from ioadapt_theory.adapters.matrices import Operator
from ioadapt_theory.errors import UnsupportedError


class Adapter(nn.ModuleDict):
    """An adapter on one layer: an nn.ModuleDict from placements to ``Family`` modules, in the order of application.

    Attributes:
        family: the name of the adapter's family, such as "lora".
        shift: a bias (or None) that is multiplied by the scaling of the last placement and added to the layer's
            outputs, as in PEFT's ``lora_bias``.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt
        >>> model = nn.Sequential(nn.Linear(16, 8))
        >>> _ = adapt(model, target_modules=["0"], placement="input+weight", rank=2, alpha=4)
        >>> [(str(side), phi.size, phi.scaling) for side, phi in model[0].adapters["default"].parts()]
        [('input', (16, 16, 16), 2.0), ('weight', (16, 8, 16), 2.0)]
    """

    def __init__(self, family: str, families: Mapping[Placement, Family], shift: Tensor | None = None) -> None:
        """Create an adapter from existing ``Family`` modules and a copy of ``shift``; ``fresh`` creates new modules."""
        super().__init__({str(placement): part for placement, part in families.items()})
        self.family = family
        self.shift = None if shift is None else nn.Parameter(shift.detach().clone())

    @classmethod
    def fresh(cls, f: Operator, family: str, plan: Plan) -> Self:
        """Return a new adapter for the layer f; raise UnsupportedError if f does not support one of its placements."""
        families = {}
        for placement, spec in plan.items():
            families[placement] = FAMILIES[family](placement.base(f), spec)
            f = Placed(f, families[placement], placement)  # the next placement acts on the adapted layer
        return cls(family, families)

    def parts(self) -> Iterator[tuple[Placement, Family]]:
        """Yield each placement and its ``Family`` module, in the order of application."""
        for key, family in self.items():
            yield Placement(key), family  # type: ignore[misc]

    def require_whole(self) -> None:
        """Raise UnsupportedError if a parameter has the wrong shape, for example because FSDP1 has sharded it."""
        for placement, phi in self.parts():
            shapes = {key: tuple(p.shape) for key, p in phi.named_parameters()}
            if shapes != phi.shapes(phi.size, phi.spec, shapes):
                listed = ", ".join(f"{key} {[*shape]}" for key, shape in shapes.items())
                msg = (
                    f"the {placement} adapter has parameters with wrong shapes ({listed}); under FSDP1, repeat the call"
                    " inside FullyShardedDataParallel.summon_full_params(model)."
                )
                raise UnsupportedError(msg)

    def on(self, f: Operator) -> Operator:
        """Return f with this adapter applied; ``shift`` is multiplied by the scaling of the last placement."""
        for placement, phi in self.parts():
            f = Placed(f, phi, placement)
        return f if self.shift is None else Shifted(f, self, phi)

    def misfit(self, f: Operator) -> str | None:
        """Return the reason why this adapter cannot act on the layer f, or None if it can."""
        for placement, family in self.parts():
            try:
                base = placement.base(f)
            except UnsupportedError as error:
                return error.reason
            size = (base.rows, base.columns, base.channels)
            if size != family.size:
                return f"the {placement} adapter has size {_size(family.size)}, but the layer needs {_size(size)}"
        return None


class Adapters(nn.ModuleDict):
    """The adapters of one layer, by name."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        if f"{prefix}_extra_state" in state_dict:
            msg = (
                f"{prefix}_extra_state is of version 0.1.0, which stored scalings without names; call save(model) with"
                " that version and load(model) with this one, or remove the key and set the scalings yourself."
            )
            args[-1].append(msg)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _size(size: tuple[int, int, int]) -> str:
    rows, columns, channels = size
    taps = "" if rows == channels else f" ({rows // channels} kernel taps)"
    return f"{channels or 'any'} -> {columns or 'any'}{taps}"
