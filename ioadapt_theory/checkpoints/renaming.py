"""Checkpoints under other names: those that several have in common, or those of the modules of a model."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.names import authors, clip, transformers, unet, vae
from ioadapt_theory.checkpoints.names.authors import Ranges
from ioadapt_theory.checkpoints.names.layer_name import unwrapped
from ioadapt_theory.checkpoints.views import View

if TYPE_CHECKING:
    import torch

Part = tuple[str, Ranges | None]
"""A name, and which of the stored tensor's rows it has; None for all."""
Form = tuple[Part, ...]
"""What a stored tensor is under other names: one, or several that share its rows."""


FEW = 3
"""Names that may have an end in common by chance."""


class Renamed(View):
    """A checkpoint under other names, some of which have only some rows of a stored tensor."""

    def __init__(
        self,
        whole: Checkpoint,
        parts: Mapping[str, tuple[str, Ranges | None]],
        rename: transformers.Rename | None = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take, for each new name, the stored name and the rows; the rest is kept for who resolves names."""
        origins = {new: (whole, old) for new, (old, _) in parts.items()}
        super().__init__(whole.name, whole.source, origins, whole.metadata, whole.revision)
        self.config, self.rename, self.aliases = whole.config, rename, aliases
        self.guessed: Mapping[str, str] = {}
        """Layers that are not stored, and those whose weights they have if the model ties them, which nothing says."""
        self._rows = {new: rows for new, (_, rows) in parts.items() if rows is not None}
        self.tensors = {new: self._cut(info) for new, info in self.tensors.items()}

    def _cut(self, info: TensorInfo) -> TensorInfo:
        rows = self._rows.get(info.name)
        shape = info.shape if rows is None else (sum(b - a for a, b in rows), *info.shape[1:])
        return TensorInfo(info.name, info.dtype, shape)

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None] | None:
        """See `Checkpoint.bytes_of`."""
        return super().bytes_of(name) if name not in self._rows else None

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        rows = self._rows.get(name)
        if rows is None:
            return super().filler(name, out)
        whole, old = self._origins[name]
        width = self.tensors[name].numel // self.tensors[name].shape[0]
        if len(rows) == 1:
            fill = whole.filler(old, out)
            return lambda start: fill(start + rows[0][0] * width)

        def fill_pieces(start: int) -> None:
            before = 0
            for a, b in rows:
                first, last = max(start, before), min(start + len(out), before + (b - a) * width)
                if first < last:
                    whole.read(old, a * width + first - before, out[first - start : last - start])
                before += (b - a) * width

        return fill_pieces


def common(checkpoints: Sequence[Checkpoint], labels: Sequence[str] = ()) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints under names that most can have, one layer having one name, and what was changed.

    UNets have diffusers' names, and all else the name that it is stored under, unless others have the same layer under
    another: FLUX's, SD3's and Stability's own names, transformers' and OpenCLIP's, what wrappers put around a model, or
    another leading part. transformers is only asked where otherwise most names would differ.
    """
    forms = [_forms(checkpoint) for checkpoint in checkpoints]
    chosen = _most_common(forms)
    if _apart(chosen) and any(checkpoint.config for checkpoint in checkpoints):
        forms = [_forms(checkpoint, configured=True) for checkpoint in checkpoints]
        chosen = _most_common(forms)
    first = {name for form in chosen[0].values() for name, _ in form}
    starts = [same_start(first, {name for form in model.values() for name, _ in form}) for model in chosen]
    renamed, notes = list[Checkpoint](), list[str]()
    for i, (checkpoint, model) in enumerate(zip(checkpoints, chosen, strict=True)):
        if start := starts[i]:
            ours, theirs = start
            model = {
                key: tuple(
                    (moved if (moved := _moved(name, theirs, ours)) in first else name, rows) for name, rows in form
                )
                for key, form in model.items()
            }
        changed = [key for key, some in forms[i].items() if model[key] != some[0]]
        renamed.append(Renamed(checkpoint, _by_name(model)) if changed else checkpoint)
        if changed and labels:
            example = f"{changed[0]} is {' + '.join(name for name, _ in model[changed[0]])}"
            notes.append(
                f"{labels[i]}: {len(changed)} of {len(model)} names are spelled otherwise than elsewhere: {example}"
            )
    return renamed, notes


def same_start(one: Collection[str], other: Collection[str]) -> tuple[str, str] | None:
    """Return the leading parts by which most names that two models do not share differ, such as "model." and "".

    None where no more than half of the rest of the smaller one would then be shared, or but a few names.
    """
    rest, theirs = set(one) - set(other), set(other) - set(one)
    ends: dict[str, set[str]] = {}
    for name in rest:
        for start, end in _cuts(name):
            ends.setdefault(end, set()).add(start)
    votes: Counter[tuple[str, str]] = Counter()
    for name in theirs:
        hit = next(((ends[end], start) for start, end in _cuts(name) if end in ends), None)
        if hit and len(hit[0]) == 1:
            votes[next(iter(hit[0])), hit[1]] += 1
    if not votes:
        return None
    best, count = votes.most_common(1)[0]
    return best if count > max(FEW, min(len(rest), len(theirs)) // 2) else None


def _cuts(name: str) -> Iterator[tuple[str, str]]:
    """Yield (leading part, rest), the leading part being of words, the longest rest first."""
    parts = name.split(".")
    for i in range(len(parts) - 1):
        if i and parts[i - 1].isdecimal():
            return
        yield "".join(f"{part}." for part in parts[:i]), ".".join(parts[i:])


def _moved(name: str, old: str, new: str) -> str:
    return new + name[len(old) :] if name.startswith(old) else name


def _most_common(forms: Sequence[Mapping[str, list[Form]]]) -> list[dict[str, Form]]:
    """Return for every tensor the form whose names most models can have, the first of several."""
    able = Counter(name for model in forms for name in {n for some in model.values() for form in some for n, _ in form})
    return [
        {key: max(some, key=lambda form: min(able[n] for n, _ in form)) for key, some in model.items()}
        for model in forms
    ]


def _apart(chosen: Sequence[Mapping[str, Form]]) -> bool:
    """Whether a model shares less than half of its names, or of those of the first, with the first."""
    names = [{name for form in model.values() for name, _ in form} for model in chosen]
    return any(2 * len(some & names[0]) < min(len(some), len(names[0])) for some in names[1:])


def as_modules(checkpoint: Checkpoint, wanted: Collection[str] = ()) -> Renamed:
    """Return a checkpoint under the names of its model's modules, with tied weights under both names.

    Args:
        checkpoint: stays open.
        wanted: names of layers; where the checkpoint has some of them under its authors' names, these are taken.
    """
    config = checkpoint.config
    stored = transformers.of_config(config, len(checkpoint.tensors))
    looked_for = {f"{name}{leaf}" for name in wanted for leaf in (".weight", ".bias")}
    chosen: dict[str, Form] = {}
    for key, forms in _forms(checkpoint).items():
        inner = unwrapped(forms[0][0][0])
        own: Form = ((stored.rename(inner) if stored else inner, None),)
        chosen[key] = next((form for form in forms if any(name in looked_for for name, _ in form)), own)
    parts = _by_name(chosen)
    shapes = {name: checkpoint.tensors[key].shape for name, (key, _) in parts.items()}
    told_apart = config.get("tie_word_embeddings") is False
    guessed = {} if stored or told_apart else transformers.tied(shapes)
    for name, other in (stored.ties if stored else guessed).items():
        if name not in parts and other in parts:
            parts[name] = parts[other]
    aliases = {
        key.removesuffix(".weight"): name.removesuffix(".weight")
        for name, (key, rows) in parts.items()
        if rows is None and name in shapes and key.endswith(".weight")
    }
    named = Renamed(checkpoint, parts, stored.rename if stored else None, aliases)
    named.guessed = {new.removesuffix(".weight"): old.removesuffix(".weight") for new, old in guessed.items()}
    return named


def _by_name(chosen: Mapping[str, Form]) -> dict[str, tuple[str, Ranges | None]]:
    parts: dict[str, tuple[str, Ranges | None]] = {}
    for key, form in chosen.items():
        for name, rows in form:
            parts.setdefault(name, (key, rows))
    return parts


def _forms(checkpoint: Checkpoint, *, configured: bool = False) -> dict[str, list[Form]]:
    """Return every form of every tensor, its own first; ``configured`` asks transformers too."""
    shapes = {key: info.shape for key, info in checkpoint.tensors.items()}
    stored = transformers.of_config(checkpoint.config, len(shapes)) if configured else None
    autoencoder = vae.in_diffusers(shapes)
    encoders = [clip.in_transformers(shapes, encoder) for encoder in clip.PREFIXES]
    forms_of: dict[str, list[Form]] = {}
    for key, name in unet.canonical(shapes).items():
        inner = unwrapped(name)
        names = [name, inner, *([autoencoder[key]] if key in autoencoder else [])]
        if stored:
            names.append(stored.rename(inner))
        forms: list[Form] = [((new, None),) for new in dict.fromkeys(names)]
        forms += [_in_parts(encoder[key], [*_thirds(shapes[key])]) for encoder in encoders if key in encoder]
        forms_of[key] = forms + _by_authors(inner, key, shapes)
    return forms_of


def _in_parts(names: Sequence[str], rows: Sequence[Ranges]) -> Form:
    return ((names[0], None),) if len(names) == 1 else tuple(zip(names, rows, strict=True))


def _thirds(shape: tuple[int, ...]) -> list[Ranges]:
    n = shape[0] // 3 if shape else 0
    return [[(i * n, (i + 1) * n)] for i in range(3)]


def _by_authors(name: str, key: str, shapes: Mapping[str, tuple[int, ...]]) -> list[Form]:
    """Return what a tensor of an original FLUX or SD3 may be in diffusers; ``name`` is its key without wrappers."""
    for prefix in authors.PREFIXES:
        name = name.removeprefix(prefix)
    if vector := authors.vector(name):
        return [((vector, None),)]
    layer, _, leaf = name.rpartition(".")
    matrix = shapes.get(f"{key.rpartition('.')[0]}.weight", ())
    if leaf not in {"weight", "bias"} or len(matrix) < 2:
        return []
    forms: list[Form] = []
    for targets in authors.in_diffusers(layer):
        rows = authors.ranges(layer, matrix[1], matrix[0], len(targets))
        whole = rows == [[(0, matrix[0])]]
        forms.append(tuple((f"{t}.{leaf}", None if whole else r) for t, r in zip(targets, rows, strict=True)))
    return forms
