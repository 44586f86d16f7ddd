"""What a tensor's key says: component, layer and role; and which module of a model the layer is."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ROLES = {
    "lora_A": "down",
    "lora_B": "up",
    "lora_down": "down",
    "lora_up": "up",
    "lora.down": "down",
    "lora.up": "up",
    "lora_linear_layer.down": "down",
    "lora_linear_layer.up": "up",
    "lora_mid": "mid",
    "lora_magnitude_vector": "magnitude",
    **{
        role: role
        for role in (
            "alpha dora_scale hada_w1_a hada_w1_b hada_w2_a hada_w2_b hada_t1 hada_t2 lokr_w1 lokr_w1_a lokr_w1_b"
            " lokr_w2 lokr_w2_a lokr_w2_b lokr_t2 a1 a2 b1 b2 bm diff diff_b peanut_A peanut_B"
        ).split()
    },
}
"""How files spell the parts of an adapter -> our name of the part."""

FOREIGN = {
    "lora_embedding_A": "a LoRA on an embedding",
    "lora_embedding_B": "a LoRA on an embedding",
    "lora_E": "AdaLoRA",
    "oft_blocks": "OFT",
    "oft_R": "OFT",
    "boft_R": "BOFT",
    "on_input": "IA3",
    "ia3_l": "IA3",
    "w_norm": "a norm layer",
    "b_norm": "a norm layer",
    "scalar": "a learned scalar beside the factors",
}
"""Parts of adapters that are recognised and not read."""

COMPONENTS = {
    "lora_unet": "unet",
    "lora_te": "text_encoder",
    "lora_te1": "text_encoder",
    "lora_te2": "text_encoder_2",
    "lora_te3": "text_encoder_3",
    "lora_transformer": "transformer",
    "lora_prior_unet": "prior",
    "lycoris": "",
}
"""Prefix of a flattened name -> component of a pipeline ("" where the file does not say)."""

PEFT_PREFIX = "base_model.model."
WRAPPERS = ("text_model_", "model_", "transformer_")
"""What a flattened name may have before the names of the model."""

DOTTED = re.compile(
    r"(?P<component>unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior|diffusion_model)\.(?P<rest>.+)"
)
KEY = re.compile(
    rf"(?P<layer>.+)\.(?P<role>{'|'.join(re.escape(r) for r in sorted({*ROLES, *FOREIGN}, key=len, reverse=True))})"
    r"(?:\.(?!weight$|bias$)\w+)?(?:\.(?P<leaf>weight|bias))?"
)
PROCESSOR = re.compile(r"(?:\.processor)?\.to_(q|k|v|out)_lora\.(down|up)\b")


@dataclass(frozen=True, slots=True)
class Name:
    """A layer as a file names it.

    Attributes:
        component: of a pipeline ("unet", "text_encoder", ...), "" where the file does not say.
        path: module name; with ``flat``, underscores stand where the dots were.
        flat: as in kohya's files.
    """

    component: str
    path: str
    flat: bool = False

    def __str__(self) -> str:
        return f"{self.component}.{self.path}" if self.component else self.path


def parse(key: str) -> tuple[Name, str] | str:
    """The layer and the role of a key, or what it is that we do not read."""
    spelled = PROCESSOR.sub(_without_processor, key)
    match = KEY.fullmatch(spelled)
    if match is None:
        return "no part of an adapter that is known here"
    role = match["role"]
    if role in FOREIGN:
        return FOREIGN[role]
    if match["leaf"] == "bias":
        return "a bias of the adapter's own"
    return layer_name(match["layer"]), ROLES[role]


def layer_name(text: str) -> Name:
    """Split the component off a layer's name."""
    if text.startswith(PEFT_PREFIX):
        return Name("", text.removeprefix(PEFT_PREFIX))
    for prefix in sorted(COMPONENTS, key=len, reverse=True):
        if text.startswith(f"{prefix}_") and "." not in text:
            return Name(COMPONENTS[prefix], text.removeprefix(f"{prefix}_"), flat=True)
    if dotted := DOTTED.fullmatch(text):
        component = dotted["component"]
        return Name("unet" if component == "diffusion_model" else component, dotted["rest"])
    return Name("", text)


def resolve(names: Iterable[Name], modules: Iterable[str]) -> Mapping[Name, str]:
    """The module that each layer is, for those that are found; ``modules`` are names as in ``named_modules``.

    A file may come from a part of the model, or from a model that has this one inside: then the names differ by what
    stands before, and are taken if nothing else is meant by them. Two layers of a component are never one module.
    """
    index = _Index(modules)
    found = {name: module for name in names if (module := index.exact(name) or index.within(name))}
    counts = Counter((name.component, module) for name, module in found.items())
    return {n: m for n, m in found.items() if counts[n.component, m] == 1 or index.exact(n) == m}


class _Index:
    """Modules by name, by flattened name, and by the ends of both."""

    def __init__(self, modules: Iterable[str]) -> None:
        self.known: dict[str, list[str]] = {}
        self.flat: dict[str, list[str]] = {}
        self.ends: dict[str, list[str]] = {}
        self.flat_ends: dict[str, list[str]] = {}
        for module in dict.fromkeys(modules):
            parts = module.split(".")
            self.known[module] = [module]
            self.flat.setdefault("_".join(parts), []).append(module)
            for i in range(1, len(parts)):
                self.ends.setdefault(".".join(parts[i:]), []).append(module)
                self.flat_ends.setdefault("_".join(parts[i:]), []).append(module)

    def exact(self, name: Name) -> str | None:
        """The module of this name, or of the name in Stability's spelling."""
        flat = sgm_to_diffusers(name.path.replace(".", "_"))
        if name.flat:
            return _one(self.flat, name.path) or _one(self.flat, flat)
        return _one(self.known, name.path) or _one(self.known, str(name)) or _one(self.flat, flat)

    def within(self, name: Name) -> str | None:
        """The module whose name ends so, or that the name ends with."""
        if name.flat:
            inner = (name.path.removeprefix(p) for p in WRAPPERS if name.path.startswith(p))
            return _one(self.flat_ends, name.path) or next((m for p in inner if (m := _one(self.flat, p))), None)
        parts = name.path.split(".")
        shorter = (".".join(parts[i:]) for i in range(1, len(parts) - 1))
        return _one(self.ends, name.path) or next((path for path in shorter if path in self.known), None)


def _one(table: Mapping[str, list[str]], key: str) -> str | None:
    hits = table.get(key, [])
    return hits[0] if len(hits) == 1 else None


def sgm_to_diffusers(flat: str) -> str:
    """The flattened name of Stability's UNet (two resnets a block, as SD-1.x, 2.x and XL) in diffusers' terms."""
    for old, new in (
        ("time_embed_0", "time_embedding_linear_1"),
        ("time_embed_2", "time_embedding_linear_2"),
        ("label_emb_0_0", "add_embedding_linear_1"),
        ("label_emb_0_2", "add_embedding_linear_2"),
        ("input_blocks_0_0", "conv_in"),
        ("out_2", "conv_out"),
    ):
        if flat == old:
            return new
    match = re.fullmatch(r"(input_blocks|output_blocks)_(\d+)_(\d)_(.+)|middle_block_(\d)_(.+)", flat)
    if match is None:
        return flat
    side, index, slot, rest, middle, inner = match.groups()
    if middle is not None:
        place, rest = ("mid_block_attentions_0" if middle == "1" else f"mid_block_resnets_{int(middle) // 2}"), inner
    elif side == "input_blocks":
        block, place_in = divmod(int(index) - 1, 3)
        if place_in == 2:
            return f"down_blocks_{block}_downsamplers_0_{'conv' if rest == 'op' else rest}"
        place = f"down_blocks_{block}_{'attentions' if slot == '1' else 'resnets'}_{place_in}"
    else:
        block, place_in = divmod(int(index), 3)
        if rest == "conv":
            return f"up_blocks_{block}_upsamplers_0_conv"
        place = f"up_blocks_{block}_{'attentions' if slot == '1' else 'resnets'}_{place_in}"
    for old, new in (
        ("in_layers_2", "conv1"),
        ("out_layers_3", "conv2"),
        ("emb_layers_1", "time_emb_proj"),
        ("skip_connection", "conv_shortcut"),
    ):
        if rest == old:
            rest = new
    return f"{place}_{rest}"


def _without_processor(match: re.Match[str]) -> str:
    which, part = match.groups()
    text_encoder = "text_model" in match.string
    out, other = ("out_proj", f"{which}_proj") if text_encoder else ("to_out.0", f"to_{which}")
    return f".{out if which == 'out' else other}.lora.{part}"
