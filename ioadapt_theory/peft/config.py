"""IOLORA's configuration: ``AdapterConfig`` with PEFT's names."""

import enum
from dataclasses import InitVar, dataclass, field
from typing import Any

from peft.config import PeftConfig

from ioadapt_theory.adapters.config import PEFT, UNPLACED, AdapterConfig, init_of
from ioadapt_theory.adapters.families import OPTIONS
from ioadapt_theory.errors import InvalidValueError

FORMAT_VERSION = 1
FIELDS = {
    name: PEFT.get(name, name)
    for name in ("r", "lora_alpha", "lora_dropout", "init_weights", "family", "placement", "use_rslora", *OPTIONS)
} | {name: name for name in ("rank_pattern", "alpha_pattern", "placement_pattern")}
"""Fields of ``IOLoraConfig`` -> their names in ``AdapterConfig``."""


class IOPeftType(str, enum.Enum):  # noqa: UP042  (PEFT's own enumeration has this form)
    """The PEFT type IOLORA; PEFT's own enumeration cannot be extended."""

    IOLORA = "IOLORA"


@dataclass
class IOLoraConfig(PeftConfig):
    """``AdapterConfig`` with PEFT's names.

    It can replace LoraConfig in a script. For attributes that are not listed, see ``AdapterConfig`` and LoraConfig.

    Attributes:
        r, lora_alpha: the scaling is lora_alpha / r, and lora_alpha=None means r; lists have one value for each term of
            a placement such as "input+weight".
        format_version: version of the saved format.
        placement: must be given, as in ``AdapterConfig``.
        init_lora_weights: LoraConfig's name for ``init_weights``; True, False or "gaussian".
        use_dora: LoraConfig's name for the family "dora".
        bias, lora_bias: must be "none" and False respectively, since biases stay frozen.
        fan_in_fan_out: ignored; the layout of a weight follows from the layer's type.

    Raises:
        InvalidValueError: placement is missing, a value is outside its limits, or format_version is unknown.
        UnknownNameError: a family, placement or init does not exist.

    Example:
        >>> from ioadapt_theory.peft import IOLoraConfig
        >>> config = IOLoraConfig(target_modules=["q_proj"], placement="input", r=4, lora_alpha=8, use_dora=True)
        >>> config.family, config.placement, config.options().alpha
        ('dora', 'input', 8)
    """

    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    family: str = "lora"
    placement: str = ""
    r: int | list[int] = 8
    lora_alpha: float | list[float] | None = None
    use_rslora: bool = False
    lora_dropout: float = 0.0
    init_weights: str = "default"
    detach_norm: bool = True
    factor: int = -1
    rank_pattern: dict[str, Any] = field(default_factory=dict)
    alpha_pattern: dict[str, Any] = field(default_factory=dict)
    placement_pattern: dict[str, str] = field(default_factory=dict)
    modules_to_save: list[str] | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    format_version: int = FORMAT_VERSION
    init_lora_weights: InitVar[bool | str | None] = None
    use_dora: InitVar[bool] = False
    bias: InitVar[str] = "none"
    lora_bias: InitVar[bool] = False
    fan_in_fan_out: InitVar[bool] = False
    base_fingerprints: InitVar[Any] = None  # in files of version 0.1.0

    def __post_init__(
        self, init_lora_weights: bool | str | None, use_dora: bool, bias: str, lora_bias: bool, *ignored: object
    ) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        self.peft_type = IOPeftType.IOLORA
        if init_lora_weights is not None:
            self.init_weights = init_of(init_lora_weights)
        if use_dora:
            self.family = "dora"
        if bias != "none" or lora_bias:
            msg = f"bias must be 'none' and lora_bias False (biases stay frozen), not {bias!r:.40} and {lora_bias!r}."
            raise InvalidValueError(msg)
        del ignored  # fan_in_fan_out and base_fingerprints
        if self.format_version != FORMAT_VERSION:
            way = "upgrade ioadapt-theory to read a newer file, or save the adapter again"
            msg = f"format_version must be {FORMAT_VERSION}, not {self.format_version!r:.40}; {way}."
            raise InvalidValueError(msg)
        for name in ("target_modules", "exclude_modules"):
            if isinstance(value := getattr(self, name), list):
                setattr(self, name, set(value))  # like PEFT's own configs
        if not self.placement:
            raise InvalidValueError(UNPLACED)
        self.options()

    def options(self) -> AdapterConfig:
        """Return these options as an ``AdapterConfig`` without target modules, which PEFT itself selects."""
        return AdapterConfig(target_modules=(), **{ours: getattr(self, name) for name, ours in FIELDS.items()})
