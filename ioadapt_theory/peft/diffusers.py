"""Wrappers around diffusers' functions that load LoRAs, which also read IOLORA; the originals read all as LoRA."""

import functools
import re
from typing import Any

from diffusers.loaders import lora_pipeline
from diffusers.loaders.lora_base import _fetch_state_dict
from diffusers.loaders.peft import PeftAdapterMixin
from diffusers.utils.peft_utils import get_adapter_name, scale_lora_layers

from ioadapt_theory.adapters.families import OPTIONS
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats.kinds.iolora import KEY, settings_of
from ioadapt_theory.formats.own import adapter_of
from ioadapt_theory.peft.config import IOLoraConfig
from ioadapt_theory.peft.model import put_on

FETCHED = "weight_name local_files_only cache_dir proxies token revision subfolder".split()


def register() -> None:
    """Make diffusers' functions that load LoRAs also load IOLORA adapters; a second call has no effect."""
    pipelines: Any = lora_pipeline  # it does not export the function
    own, of_text_encoders = PeftAdapterMixin.load_lora_adapter, pipelines._load_lora_into_text_encoder
    if getattr(own, "knows_iolora", False):
        return

    @functools.wraps(own)
    def load_lora_adapter(
        self: Any, source: Any, prefix: str | None = "transformer", hotswap: bool = False, **kw: Any
    ) -> Any:
        state = source if isinstance(source, dict) else _fetched(source, kw)
        where = "The adapter" if isinstance(source, dict) else f"{source}"
        if not _loaded(self, state, prefix, kw.get("adapter_name"), hotswap=hotswap, where=where):
            return own(self, source, prefix, hotswap=hotswap, **kw)
        return None

    @functools.wraps(of_text_encoders)
    def load_lora_into_text_encoder(
        state_dict: Any, network_alphas: Any, text_encoder: Any, prefix: str | None = None, lora_scale: float = 1.0,
        text_encoder_name: str = "text_encoder", adapter_name: str | None = None, hotswap: bool = False, **kw: Any,
    ) -> None:  # fmt: skip
        start = prefix or text_encoder_name
        if _loaded(text_encoder, state_dict, start, adapter_name, hotswap=hotswap, where="The adapter"):
            scale_lora_layers(text_encoder, lora_scale)  # type: ignore[no-untyped-call]
        else:
            kw |= {"text_encoder_name": text_encoder_name, "adapter_name": adapter_name, "hotswap": hotswap}
            of_text_encoders(state_dict, network_alphas, text_encoder, prefix, lora_scale, **kw)

    load_lora_adapter.knows_iolora = True  # type: ignore[attr-defined]
    PeftAdapterMixin.load_lora_adapter = load_lora_adapter  # type: ignore[method-assign, assignment]
    pipelines._load_lora_into_text_encoder = load_lora_into_text_encoder


def _loaded(
    model: Any, state: dict[str, Any], prefix: str | None, name: str | None, *, hotswap: bool, where: str
) -> bool:
    """Load the IOLORA adapter whose keys in ``state`` have this prefix; return whether there is one."""
    start = f"{prefix}." if prefix else ""
    state = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
    if not (plans := settings_of(state, state.__getitem__, "The state dict")):
        return False
    if hotswap:
        msg = "IOLORA does not support hotswap; delete the adapter with delete_adapters, then load the new one."
        raise UnsupportedError(msg)
    name = name or get_adapter_name(model)  # type: ignore[no-untyped-call]
    put_on(model, config_of(plans, state), state, name, where=where)
    return True


def _fetched(source: Any, options: dict[str, Any]) -> dict[str, Any]:
    chosen = dict.fromkeys(FETCHED) | {"use_safetensors": True, "force_download": False}
    chosen |= {key: value for key, value in options.items() if key in chosen}
    agent = {"file_type": "attn_procs_weights", "framework": "pytorch"}
    state, _ = _fetch_state_dict(  # type: ignore[no-untyped-call]
        source, **chosen, user_agent=agent, allow_pickle=False, metadata=None
    )
    return dict(state)


def config_of(plans: dict[str, Any], state: dict[str, Any]) -> IOLoraConfig:
    """Return the configuration that recreates the adapter in ``state``; raise FileFormatError if it mixes families."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {layer: {} for layer in plans}
    for key, tensor in state.items():
        if (match := KEY.fullmatch(key)) and match[1] in shapes:
            shapes[match[1]][f"{match[2]}.{match[3]}"] = tuple(tensor.shape)
    sketches = {f"^{re.escape(n)}": adapter_of("The adapter", n, plan, shapes[n]) for n, plan in plans.items()}
    families = {sketch.family for sketch in sketches.values()}
    if len(families) > 1:
        msg = f"The adapter mixes the families {', '.join(sorted(families))}; load it with ioadapt_theory.load instead."
        raise FileFormatError(msg)
    parts = {layer: [phi for _, phi in sketch.parts()] for layer, sketch in sketches.items()}
    spec = next(iter(parts.values()))[0].spec
    return IOLoraConfig(
        target_modules=[*plans],
        family=families.pop(),
        placement="weight",  # overridden for each layer
        placement_pattern={layer: "+".join(sketch) for layer, sketch in sketches.items()},
        rank_pattern={layer: [phi.spec.rank for phi in some] for layer, some in parts.items()},
        alpha_pattern={layer: [phi.scaling * phi.spec.rank for phi in some] for layer, some in parts.items()},
        lora_dropout=spec.dropout,
        inference_mode=True,
        **{name: getattr(spec, name) for name in OPTIONS},
    )
