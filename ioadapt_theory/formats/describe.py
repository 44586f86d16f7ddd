"""A description of an adapter file as plain data and as text, for `ioadapt adapters inspect`."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from ioadapt_theory.formats.adapter_file import AdapterFile
from ioadapt_theory.formats.match import Match, told


def describe(file: AdapterFile, parts: Sequence[Match] = ()) -> dict[str, Any]:
    """Return a file's format, base, and layers with settings and sizes; with ``parts``, also the layers that fit."""
    layers = [
        {
            "layer": str(stored.name),
            "family": stored.sketch.family,
            "placement": str(placement),
            "rank": phi.rank,
            "scaling": phi.scaling,
            "inputs": phi.size[2],
            "outputs": phi.size[1],
            "parameters": sum(p.numel() for p in phi.parameters()),
            "bias": stored.sketch.shift is not None,
        }
        for stored in file.layers
        for placement, phi in stored.sketch.parts()
    ]
    facts: dict[str, Any] = {
        "path": str(file.path),
        "format": file.format,
        "base": file.base,
        "layers": layers,
        "changes": {str(change): "replaced" for change in file.changes},
        "unread": dict(file.unread),
    }
    if parts:
        places: dict[str, list[str]] = {}
        for layer, stored in (item for part in parts for item in part.layers.items()):
            places.setdefault(str(stored.name), []).append(layer)
        facts["matched"] = {name: ", ".join(several) for name, several in places.items()}
        facts["unmatched"] = {str(name): why for part in parts for name, why in part.lost.items()}
        facts["notes"] = [note for part in parts for note in part.notes]
        facts["left out"] = file.left_out(*(part.component for part in parts))
        facts["matched by"] = parts[0].correspondence.origins.how
        facts["no evidence"] = [n for part in parts for n in part.correspondence.unproven(part.layers)]
        facts["warning"] = next(filter(None, (part.correspondence.warning() for part in parts)), None)
    return facts


def table(facts: dict[str, Any], width: int = 80) -> str:
    """Return the output of ``describe`` as text, wrapped to ``width`` columns, with layers grouped by settings."""
    alike: dict[str, list[str]] = {}
    for layer in facts["layers"]:
        rank = "" if layer["rank"] is None else f"rank {layer['rank']}, "
        sizes = f"{layer['inputs'] or 'any'} -> {layer['outputs'] or 'any'}{', with a bias' * layer['bias']}"
        settings = f"{layer['family']} {layer['placement']}, {rank}scale {layer['scaling']:g}, {sizes}:"
        alike.setdefault(settings, []).append(f"  {layer['layer']}")
    count, numbers = len({layer["layer"] for layer in facts["layers"]}), sum(x["parameters"] for x in facts["layers"])
    plural = "s" * (count != 1)
    lines = [
        f"{facts['format']}: {count} layer{plural}, {numbers:,} parameters",
        f"base: {facts['base'] or 'not named in the file'}",
    ]
    for settings, names in alike.items():
        lines += [settings, *names]
    titles = {"changes": "tensor of the base", "unread": "not read", "unmatched": "does not fit the base"}
    lines += [f"{title}: {name}: {why}" for key, title in titles.items() for name, why in facts.get(key, {}).items()]
    if "matched" in facts:
        how, matched, unproven = facts["matched by"], facts["matched"], len(facts["no evidence"])
        evidence = f", {unproven} of them without evidence" if 0 < unproven < len(matched) else ""
        total = len(matched) + len(facts["unmatched"])
        lines.append(f"in the base: {len(matched)} of {total} layers fit, by {how}{evidence}")
        lines += [f"{told(facts['left out'])}: the base does not have this part"] if facts["left out"] else []
        lines += [f"  {name} -> {layer}" for name, layer in matched.items() if how != "name" and name != layer]
        lines += facts["notes"]
        lines += [facts["warning"]] if facts["warning"] else []
    options: dict[str, Any] = {"subsequent_indent": "    ", "break_long_words": False, "break_on_hyphens": False}
    return "\n".join([facts["path"], *(fill(line, width, **options) for line in lines)]) + "\n"
