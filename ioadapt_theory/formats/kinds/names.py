"""What a tensor's key says: component, layer and role; and which module of a model the layer is."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ioadapt_theory.formats.kinds.originals import sgm_to_diffusers

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
            " lokr_w2 lokr_w2_a lokr_w2_b lokr_t2 a1 a2 b1 b2 bm diff diff_b w_norm b_norm"
            " lora_embedding_A lora_embedding_B peanut_A peanut_B"
        ).split()
    },
}
"""How files spell the parts of an adapter -> our name of the part."""

FOREIGN = {
    "lora_E": "AdaLoRA",
    "oft_blocks": "OFT",
    "rescale": "OFT",
    "oft_R": "OFT",
    "boft_R": "BOFT",
    "on_input": "IA3",
    "ia3_l": "IA3",
    "lambda_layer": "T-LoRA",
    "q_layer": "T-LoRA",
    "p_layer": "T-LoRA",
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

UNKNOWN = "no part of an adapter that is known here"
PEFT_PREFIX = "base_model.model."
WRAPPERS = ("text_model_", "model_", "transformer_")
"""What a flattened name may have before the names of the model."""

DOTTED = re.compile(r"(unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior)\.(.+)")
COMFY = {
    "model.diffusion_model.": "unet",
    "diffusion_model.": "unet",
    "text_encoders.clip_l.transformer.": "text_encoder",
    "text_encoders.clip_g.transformer.": "text_encoder_2",
    "text_encoders.t5xxl.transformer.": "text_encoder_3",
}
"""How ComfyUI calls the components."""

KEY = re.compile(
    rf"(?P<layer>.+)\.(?P<role>{'|'.join(re.escape(r) for r in sorted({*ROLES, *FOREIGN}, key=len, reverse=True))})"
    r"(?:\.(?!weight$|bias$)\w+)?(?:\.(?P<leaf>weight|bias))?"
)
XLABS = re.compile(r"(double|single)(_blocks\.\d+)\.processor\.(qkv|proj)_lora([12]?)\.(down|up)\b")
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
    spelled = XLABS.sub(_without_xlabs, PROCESSOR.sub(_without_processor, key))
    match = KEY.fullmatch(spelled)
    if match is None:
        return UNKNOWN
    role = match["role"]
    if role in FOREIGN:
        return FOREIGN[role]
    if match["leaf"] == "bias":
        return (layer_name(match["layer"]), "up_bias") if ROLES[role] == "up" else "a bias of the adapter's own"
    return layer_name(match["layer"]), ROLES[role]


def layer_name(text: str) -> Name:
    """Split the component off a layer's name."""
    if text.startswith(PEFT_PREFIX):
        return Name("", text.removeprefix(PEFT_PREFIX))
    for prefix in sorted(COMPONENTS, key=len, reverse=True):
        if text.startswith(f"{prefix}_") and "." not in text:
            return Name(COMPONENTS[prefix], text.removeprefix(f"{prefix}_"), flat=True)
    for prefix, component in COMFY.items():
        if text.startswith(prefix):
            return Name(component, text.removeprefix(prefix))
    if dotted := DOTTED.fullmatch(text):
        return Name(dotted[1], dotted[2])
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


def _without_processor(match: re.Match[str]) -> str:
    which, part = match.groups()
    text_encoder = "text_model" in match.string
    out, other = ("out_proj", f"{which}_proj") if text_encoder else ("to_out.0", f"to_{which}")
    return f".{out if which == 'out' else other}.lora.{part}"


def _without_xlabs(match: re.Match[str]) -> str:
    """XLabs' processors in the names of the layers that they act on; 1 is the image, 2 the text."""
    kind, block, which, stream, part = match.groups()
    if kind == "double":
        layer = f"{'img' if stream == '1' else 'txt'}_attn.{which}"
    else:
        layer = "qkv" if which == "qkv" else "linear2"
    return f"{kind}{block}.{layer}.lora.{part}"
