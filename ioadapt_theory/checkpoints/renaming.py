"""Renamed checkpoints: with names that several checkpoints share, or with the names of a model's modules."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, Ranges, View
from ioadapt_theory.checkpoints.names import flux_sd3, transformers, unet
from ioadapt_theory.checkpoints.names.flux_sd3 import Form
from ioadapt_theory.checkpoints.names.layer_name import unwrapped

FEW = 3
"""Maximum number of names with the same ending in two models that may be a coincidence."""


class Renamed(View):
    """A checkpoint under new names, such as those of its model's modules.

    Attributes:
        rename: Function from stored names to module names, from `as_modules`; None if there is none.
        aliases: Stored name of a layer -> its module name, from `as_modules`.
    """

    rename: transformers.Rename | None = None
    aliases: Mapping[str, str] = MappingProxyType({})

    def __init__(self, whole: Checkpoint, parts: Mapping[str, tuple[str, Ranges | None]]) -> None:
        """Create the checkpoint from ``parts``: new name -> stored name, and its row ranges or None for all rows."""
        super().__init__(whole.name, whole.source, {new: (whole, *part) for new, part in parts.items()})
        self.revision, self.config, self.metadata = whole.revision, whole.config, whole.metadata


def common(checkpoints: Sequence[Checkpoint], labels: Sequence[str] = ()) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints with common names for the same layers, and notes on the renaming.

    UNets get diffusers' names. Other models keep their stored names unless the checkpoints name the same layers
    differently: with the original names of FLUX or SD3, with transformers' names, or with the prefix of a wrapper. Then
    they get the most common of these names. transformers is imported only if most names would differ otherwise.
    ``labels`` name the checkpoints in the notes; if there are none, there are no notes.
    """
    forms = [_forms(checkpoint) for checkpoint in checkpoints]
    chosen = _most_common(forms)
    first, *others = map(_names, chosen)
    apart = any(2 * len(names & first) < min(len(names), len(first)) for names in others)
    if apart and any(checkpoint.config for checkpoint in checkpoints):
        forms = [_forms(checkpoint, configured=True) for checkpoint in checkpoints]
        chosen = _most_common(forms)
        first = _names(chosen[0])
    renamed, notes = list[Checkpoint](), list[str]()
    for i, (checkpoint, model) in enumerate(zip(checkpoints, chosen, strict=True)):
        if start := same_start(first, _names(model)):
            model = {key: tuple((_moved(n, *start, first), rows) for n, rows in form) for key, form in model.items()}
        changed = [key for key, some in forms[i].items() if model[key] != some[0]]
        renamed.append(Renamed(checkpoint, _by_name(model)) if changed else checkpoint)
        if changed and labels:
            example = f"{changed[0]} to {' + '.join(name for name, _ in model[changed[0]])}"
            count = f"{len(changed)} of {len(model)}"
            notes.append(f"{labels[i]}: tensors renamed to match the other models: {count}, for example {example}.")
    return renamed, notes


def as_modules(checkpoint: Checkpoint, wanted: Collection[str] = ()) -> Renamed:
    """Return the checkpoint with layer names in ``wanted`` where possible, else with the names of its model's modules.

    Tied weights of transformers models, which are stored once, appear under all of their names.
    """
    model = transformers.of_config(checkpoint.config, len(checkpoint.tensors))
    wanted_tensors = {f"{name}{leaf}" for name in wanted for leaf in (".weight", ".bias")}
    chosen: dict[str, Form] = {}
    for key, forms in _forms(checkpoint).items():
        inner = unwrapped(forms[0][0][0])
        own: Form = ((model.rename(inner) if model else inner, None),)
        chosen[key] = next((form for form in forms if any(name in wanted_tensors for name, _ in form)), own)
    parts = _by_name(chosen)
    aliases = {
        key.removesuffix(".weight"): name.removesuffix(".weight")
        for name, (key, rows) in parts.items()
        if rows is None and key.endswith(".weight")
    }
    parts |= {
        new: parts[old] for new, old in (model.ties if model else {}).items() if new not in parts and old in parts
    }
    named = Renamed(checkpoint, parts)
    named.rename, named.aliases = model.rename if model else None, aliases
    return named


def same_start(one: Collection[str], other: Collection[str]) -> tuple[str, str] | None:
    """Return the prefixes in ``one`` and ``other``, such as "model." and "", by which most unshared names differ.

    The result is None if the prefixes explain at most FEW names, or at most half of the smaller set of unshared names.
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
    """Yield the splits of a name into prefix and rest, the longest rest first, until the prefix contains a number."""
    parts = name.split(".")
    for i in range(len(parts) - 1):
        if i and parts[i - 1].isdecimal():
            return
        yield "".join(f"{part}." for part in parts[:i]), ".".join(parts[i:])


def _moved(name: str, new: str, old: str, known: Collection[str]) -> str:
    moved = new + name[len(old) :] if name.startswith(old) else name
    return moved if moved in known else name


def _by_name(chosen: Mapping[str, Form]) -> dict[str, tuple[str, Ranges | None]]:
    parts: dict[str, tuple[str, Ranges | None]] = {}
    for key, form in chosen.items():
        for name, rows in form:
            parts.setdefault(name, (key, rows))
    return parts


def _names(chosen: Mapping[str, Form]) -> set[str]:
    return {name for form in chosen.values() for name, _ in form}


def _most_common(forms: Sequence[Mapping[str, list[Form]]]) -> list[dict[str, Form]]:
    """Return the most common translation of each tensor's name, for each model; of equally common ones, the first.

    A name counts once for each model that can have it; of several names in one translation, the rarest counts.
    """
    able = Counter(name for model in forms for name in {n for some in model.values() for form in some for n, _ in form})
    return [
        {key: max(some, key=lambda form: min(able[n] for n, _ in form)) for key, some in model.items()}
        for model in forms
    ]


def _forms(checkpoint: Checkpoint, *, configured: bool = False) -> dict[str, list[Form]]:
    """Return all translations of each tensor's name; with ``configured``, also those to transformers' module names."""
    shapes = {key: info.shape for key, info in checkpoint.tensors.items()}
    model = transformers.of_config(checkpoint.config, len(shapes)) if configured else None
    forms_of = dict[str, list[Form]]()
    for key, name in unet.canonical(shapes).items():
        inner = unwrapped(name)
        names = dict.fromkeys([name, inner, *([model.rename(inner)] if model else [])])
        forms_of[key] = [((name, None),) for name in names] + flux_sd3.forms(key, shapes)
    return forms_of
