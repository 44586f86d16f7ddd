"""diffusers' ``load_lora_adapter`` taught to read IOLORA: it makes a LoraConfig of whatever it is given."""

import functools
import re
from typing import Any

from diffusers.loaders.lora_base import _fetch_state_dict
from diffusers.loaders.peft import PeftAdapterMixin
from diffusers.utils.peft_utils import get_adapter_name

from ioadapt_theory.adapters.families import OPTIONS
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.formats.kinds.ioadapt import adapter_of
from ioadapt_theory.formats.kinds.iolora import KEY, settings_of
from ioadapt_theory.peft.config import IOLoraConfig
from ioadapt_theory.peft.model import put_on

FETCHED = {
    "weight_name": None,
    "use_safetensors": True,
    "local_files_only": None,
    "cache_dir": None,
    "force_download": False,
    "proxies": None,
    "token": None,
    "revision": None,
    "subfolder": None,
}


def register() -> None:
    """Wrap the method, once; what is not ours goes to diffusers' own."""
    own = PeftAdapterMixin.load_lora_adapter
    if getattr(own, "knows_iolora", False):
        return

    @functools.wraps(own)
    def load_lora_adapter(
        self: Any, source: Any, prefix: str | None = "transformer", hotswap: bool = False, **kw: Any
    ) -> Any:
        state = source if isinstance(source, dict) else _fetched(source, kw)
        start = f"{prefix}." if prefix else ""
        state = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
        if not (plans := settings_of(state)):
            return own(self, source, prefix, hotswap=hotswap, **kw)
        if hotswap:
            msg = "IOLORA adapters are not hotswapped: load this one under another name, and delete_adapters the first."
            raise InvalidValueError(msg)
        name = kw.get("adapter_name") or get_adapter_name(self)  # type: ignore[no-untyped-call]
        put_on(
            self, config_of(plans, state), state, name, where="the adapter" if isinstance(source, dict) else f"{source}"
        )
        return None

    load_lora_adapter.knows_iolora = True  # type: ignore[attr-defined]
    PeftAdapterMixin.load_lora_adapter = load_lora_adapter  # type: ignore[method-assign, assignment]


def _fetched(source: Any, options: dict[str, Any]) -> dict[str, Any]:
    chosen = {key: options.get(key, default) for key, default in FETCHED.items()}
    agent = {"file_type": "attn_procs_weights", "framework": "pytorch"}
    state, _ = _fetch_state_dict(  # type: ignore[no-untyped-call]
        source, **chosen, user_agent=agent, allow_pickle=False, metadata=None
    )
    return dict(state)


def config_of(plans: dict[str, Any], state: dict[str, Any]) -> IOLoraConfig:
    """The configuration that makes these layers again.

    Raises:
        FileFormatError: settings that are none, or of several families.
    """
    shapes: dict[str, dict[str, tuple[int, ...]]] = {layer: {} for layer in plans}
    for key, tensor in state.items():
        if (found := KEY.fullmatch(key)) and found[1] in shapes:
            shapes[found[1]][f"{found[2]}.{found[3]}"] = tuple(tensor.shape)
    sketches = {layer: adapter_of("the adapter", layer, plan, shapes[layer]) for layer, plan in plans.items()}
    families = {sketch.family for sketch in sketches.values()}
    if len(families) > 1:
        msg = f"The adapter has layers of the families {', '.join(sorted(families))}; IOLORA has one for all."
        raise FileFormatError(msg)
    some = next(phi for sketch in sketches.values() for _, phi in sketch.parts()).spec
    exact = {f"^{re.escape(layer)}": [phi for _, phi in sketch.parts()] for layer, sketch in sketches.items()}
    return IOLoraConfig(
        target_modules=[*plans],
        family=families.pop(),
        placement_pattern={f"^{re.escape(layer)}": "+".join(sketch) for layer, sketch in sketches.items()},
        rank_pattern={layer: [phi.spec.rank for phi in parts] for layer, parts in exact.items()},
        alpha_pattern={layer: [phi.scaling * phi.spec.rank for phi in parts] for layer, parts in exact.items()},
        lora_dropout=some.dropout,
        inference_mode=True,
        **{name: getattr(some, name) for name in OPTIONS},
    )
