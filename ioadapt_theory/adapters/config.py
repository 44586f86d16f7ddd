"""``AdapterConfig``, the options of ``adapt``, which determine the placements and settings for each layer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, LIMITS, OPTIONS, Spec
from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.adapters.matrices import PLAIN_DTYPES
from ioadapt_theory.adapters.patterns import compiled, override
from ioadapt_theory.adapters.residual import UnknownSideError, residual_side
from ioadapt_theory.errors import InvalidValueError, UnknownNameError

Alpha = float | Sequence[float] | None
INITS = ("default", "gaussian", "random")
PEFT = {
    "r": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "init_weights": "init",
    "init_lora_weights": "init",
    "use_dora": "family",
}
"""PEFT's name of an option -> its name in ``AdapterConfig``."""
UNPLACED = "placement is missing: give 'input' or 'output', which the paper proposes, or 'weight', as in a common LoRA."
Plan = Mapping[Placement, Spec]
"""Each placement of one layer's adapter -> the settings there, in the order of application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterConfig:
    """Options of ``adapt``, which also accepts PEFT's names for these options.

    Attributes:
        target_modules: the modules to adapt. A list has names or endings of names, such as "attn.to_q"; a string is a
            regular expression for the whole name; and "all-linear" selects all linear layers except the output head and
            those inside an nn.MultiheadAttention.
        exclude_modules: modules to leave out, given as a list or as a regular expression in the same way.
        placement: "weight" (Eq. 4a), "input" (4b), "output" (4c), or a sum such as "input+weight" (Eq. 6), in which the
            weight part is applied to the W that results from the other parts. "residual" chooses the input or output
            side of each layer by its name: the side on a transformer's residual stream. There is no default, since no
            side transfers best in all studies.
        family: "lora", "dora", "loha", "lokr" or "full".
        rank: r; for a sum, one number for all parts or one per part, in the order written.
        alpha: the scaling is alpha / rank; None means alpha = rank. For a sum, one number or one per part.
        use_rslora: use the scaling alpha / √rank instead.
        rank_pattern, alpha_pattern, placement_pattern: overrides by module name; a key is a regular expression that
            matches the end of the name, as in PEFT.
        dropout, init, dtype, detach_norm, factor: see ``Spec``.

    Raises:
        InvalidValueError: a value is outside its limits or has the wrong type.
        UnknownNameError: a family, placement or init does not exist.

    Example:
        >>> from ioadapt_theory import AdapterConfig
        >>> config = AdapterConfig(target_modules=["to_q"], placement="input", rank=4, alpha=8,
        ...                        rank_pattern={"up.0.to_q": 16})
        >>> [config.resolve(name)["input"].scaling for name in ("down.0.to_q", "up.0.to_q")]  # alpha / rank
        [2.0, 0.5]
    """

    target_modules: str | tuple[str, ...]
    exclude_modules: str | tuple[str, ...] = ()
    placement: str
    family: str = "lora"
    rank: int | Sequence[int] = 8
    alpha: Alpha = None
    use_rslora: bool = False
    rank_pattern: Mapping[str, int | Sequence[int]] = field(default_factory=dict)
    alpha_pattern: Mapping[str, Alpha] = field(default_factory=dict)
    placement_pattern: Mapping[str, str] = field(default_factory=dict)
    dropout: float = 0.0
    init: str = "default"
    dtype: torch.dtype | None = None
    detach_norm: bool = True
    factor: int = -1

    def __post_init__(self) -> None:
        for name in ("target_modules", "exclude_modules"):
            value = getattr(self, name)
            if not isinstance(value, str | Iterable) or not all(isinstance(part, str) for part in value):
                msg = f"{name} must be a list of module names, or a regular expression as a string, not {value!r}."
                raise InvalidValueError(msg)
            if isinstance(value, str):
                compiled(value)
            else:
                object.__setattr__(self, name, tuple(value))
        if self.family not in FAMILIES:
            raise UnknownNameError("family", self.family, FAMILIES)
        if self.init not in INITS:
            raise UnknownNameError("init", self.init, INITS)
        for name, (expected, valid) in LIMITS.items():
            if hasattr(self, name) and name != "rank" and not valid(value := getattr(self, name)):
                msg = f"{name} must be {expected}, not {value!r:.80}."
                raise InvalidValueError(msg)
        if self.dtype is not None and self.dtype not in PLAIN_DTYPES:
            some = ", ".join(sorted(map(str, PLAIN_DTYPES)))
            msg = f"dtype must be one of {some}, or None to derive it from the layer, not {self.dtype!r}."
            raise InvalidValueError(msg)
        for name in ("rank_pattern", "alpha_pattern", "placement_pattern"):
            values: Any = getattr(self, name)
            if not isinstance(values, Mapping) or not all(isinstance(pattern, str) for pattern in values):
                msg = f"{name} must be a mapping from regular expressions to values, not {values!r:.80}."
                raise InvalidValueError(msg)
            for pattern in values:
                compiled(pattern)
        for placement in (self.placement, *self.placement_pattern.values()):
            _plan(self, "input" if placement == "residual" else placement, self.rank, self.alpha)

    def plans(self, names: Iterable[str]) -> dict[str, Plan]:
        """Return the placements of each layer's adapter, with their settings.

        Raises:
            UnknownSideError: "residual" does not know the side of some of the layers.
            InvalidValueError: see ``resolve``.
        """
        plans, unknown = dict[str, Plan](), list[str]()
        for name in names:
            try:
                plans[name] = self.resolve(name)
            except UnknownSideError:
                unknown.append(name)
        if unknown:
            raise UnknownSideError(unknown)
        return plans

    def resolve(self, name: str) -> Plan:
        """Return the placements of the adapter for the layer of this name, with their settings.

        Raises:
            InvalidValueError: a pattern gives an invalid value, or "residual" does not know the side of this layer.
        """
        placement = override(self.placement_pattern, name, self.placement)
        if placement == "residual":
            placement = residual_side(name)
        rank = override(self.rank_pattern, name, self.rank)
        alpha = override(self.alpha_pattern, name, self.alpha)
        return _plan(self, placement, rank, alpha)


def translated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under their names in ``AdapterConfig``.

    Raises:
        UnknownNameError: an option is unknown.
        InvalidValueError: an option is invalid or given twice, or target_modules or placement is missing.
    """
    known = [one.name for one in fields(AdapterConfig)]
    result, given = dict[str, Any](), dict[str, str]()
    for name, value in options.items():
        if name == "use_dora":
            value = "dora" if value else "lora"
        elif name == "init_lora_weights":
            value = init_of(value)
        if (ours := PEFT.get(name, name)) not in known:
            raise UnknownNameError("option", name, [*known, *PEFT])
        if ours in result:
            msg = f"{given[ours]!r} and {name!r} set the same option; give only one of them."
            raise InvalidValueError(msg)
        result[ours], given[ours] = value, name
    if "target_modules" not in result:
        msg = "target_modules is missing: give module names, a regular expression as a string, or 'all-linear'."
        raise InvalidValueError(msg)
    if "placement" not in result:
        raise InvalidValueError(UNPLACED)
    return result


def init_of(value: object) -> str:
    """Return the ``init`` that corresponds to PEFT's init_lora_weights; raise InvalidValueError if there is none."""
    if value is True or value is False:
        return "default" if value else "random"
    if value != "gaussian":
        msg = f"init_lora_weights must be True, False or 'gaussian', not {value!r:.80}."
        raise InvalidValueError(msg)
    return "gaussian"


def parse_placement(text: str) -> tuple[Placement, ...]:
    parts = [part.strip() for part in str(text).split("+")]
    for part in parts:
        if part not in list(Placement):
            raise UnknownNameError("placement", part, [*Placement, *["residual"] * (len(parts) == 1)])
    if len(set(parts)) < len(parts):
        msg = f"placement must not contain a side twice, as in {text!r}; for a larger adapter, increase the rank."
        raise InvalidValueError(msg)
    return tuple(Placement(part) for part in parts)


def _plan(config: AdapterConfig, placement: str, rank: int | Sequence[int], alpha: Alpha) -> Plan:
    parts = parse_placement(placement)
    common, specs = Spec(**{name: getattr(config, name) for name in ("dropout", "init", "dtype", *OPTIONS)}), {}
    for part, r, a in zip(parts, _each("rank", rank, parts), _each("alpha", alpha, parts), strict=True):
        expected, valid = LIMITS["rank"]
        if not valid(r):
            msg = f"rank must be {expected}, not {r!r:.80}."
            raise InvalidValueError(msg)
        if a is not None and not is_finite(a):
            msg = f"alpha must be a number in the range of float32, or None for alpha = rank, not {a!r:.80}."
            raise InvalidValueError(msg)
        scaling = (r if a is None else a) / (math.sqrt(r) if config.use_rslora else r)
        specs[part] = replace(common, rank=r, scaling=scaling)
    return {part: specs[part] for part in Placement if part in specs}


def _each(what: str, value: Any, parts: tuple[Placement, ...]) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * len(parts)
    if len(value) != len(parts):
        msg = f"{what} must be one number, or one per part of placement {'+'.join(parts)!r}, not {tuple(value)!r:.80}."
        raise InvalidValueError(msg)
    return value
