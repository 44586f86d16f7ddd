"""The paper's training settings (Table 7 and appendix) by name: ``PRESETS["sd15"]``, ``PRESETS["flux-dev"]``."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from ioadapt_theory.errors import MissingExtraError, UnknownNameError, UnsupportedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Training settings of one experiment of the paper.

    >>> from ioadapt_theory.presets import PRESETS
    >>> PRESETS["sd15"].adapter("lora", "output")["r"]
    4

    Attributes:
        paper: the place in the paper that gives the settings.
        code: the training code named in the paper, from which settings that the paper leaves open are taken.
        base: the base model's name on the Hugging Face Hub.
        targets: names of modules, or one regular expression; empty if the paper trains no adapter on layers.
        ranks: rank for each family of adapters, such as "lora".
        optimizer: "adamw" or "prodigy".
        learning_rate, weight_decay: options of the optimizer.
        batch_size: samples per optimizer step, over all devices.
        not_in_paper: settings that the paper does not give; they come from the code, or are unknown.
        alphas: alpha for each family whose alpha differs from its rank.
        dropout, init: fields of ``AdapterConfig``.
        steps, epochs: length of the training, in one of the two units.
        warmup: number of warm-up steps; ``warmup_ratio`` gives the warm-up as a share of all steps instead.
        resolution: size of images in pixels; ``length`` is the maximum length of texts in tokens.
    """

    paper: str
    code: str
    base: str
    targets: str | tuple[str, ...]
    ranks: Mapping[str, int]
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    not_in_paper: tuple[str, ...]
    alphas: Mapping[str, float] = field(default_factory=dict)
    dropout: float = 0.0
    init: str = "default"
    steps: int | None = None
    epochs: int | None = None
    warmup: int = 0
    warmup_ratio: float = 0.0
    resolution: int | None = None
    length: int | None = None

    def adapter(self, family: str, placement: str) -> dict[str, Any]:
        """Return the adapter settings as keyword arguments for ``adapt`` or ``ioadapt_theory.peft.IOLoraConfig``."""
        if not self.ranks:
            msg = (
                "This preset has no adapter settings: its experiment trains no adapters. Give adapt() your own options."
            )
            raise UnsupportedError(msg)
        if family not in self.ranks:
            raise UnknownNameError("family", family, self.ranks)
        return {
            "target_modules": [*self.targets] if isinstance(self.targets, tuple) else self.targets,
            "family": family,
            "placement": placement,
            "r": self.ranks[family],
            "lora_alpha": self.alphas.get(family),
            "lora_dropout": self.dropout,
            "init_weights": self.init,
        }

    def optimizer_for(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return an optimizer for the parameters, configured as in the training code of the experiment."""
        common = {"lr": self.learning_rate, "betas": (0.9, 0.999), "weight_decay": self.weight_decay, "eps": 1e-8}
        if self.optimizer == "adamw":
            return torch.optim.AdamW(parameters, **common)  # type: ignore[arg-type]
        try:
            from prodigyopt import Prodigy
        except ImportError:
            raise MissingExtraError("prodigyopt", "examples") from None
        optimizer: torch.optim.Optimizer = Prodigy(
            parameters, **common, decouple=True, use_bias_correction=True, safeguard_warmup=True
        )
        return optimizer


def _read() -> Mapping[str, Preset]:
    tables = tomllib.loads((files("ioadapt_theory") / "presets.toml").read_text(encoding="utf-8"))
    for table in tables.values():
        table.update({key: tuple(value) for key, value in table.items() if isinstance(value, list)})
    return MappingProxyType({name: Preset(**table) for name, table in tables.items()})


PRESETS: Mapping[str, Preset] = _read()
"""The presets by name."""
