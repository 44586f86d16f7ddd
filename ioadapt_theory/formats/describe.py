"""What an opened adapter is, as plain data, as text and as a model card."""

from collections import Counter
from typing import Any

from ioadapt_theory.adapters import card
from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.adapters.rules.fingerprint import kinship
from ioadapt_theory.formats.match import Match
from ioadapt_theory.formats.open import Opened


def describe(opened: Opened, matched: Match | None = None, weights: Weights | None = None) -> dict[str, Any]:
    """Format, base, layers with family, placement, rank, scaling and size; with a base what of it fits, and kinship."""
    layers = []
    for item in opened.items:
        shift = item.sketch.shift
        for placement, phi in item.sketch.parts():
            rows, columns, channels = phi.size
            layers.append(
                {
                    "layer": str(item.name),
                    "family": item.sketch.family,
                    "placement": str(placement),
                    "rank": phi.rank,
                    "scaling": phi.scaling,
                    "inputs": channels,
                    "taps": rows // channels if channels else 1,
                    "outputs": columns,
                    "bias": shift is not None,
                    "numbers": sum(p.numel() for p in phi.parameters()) + (0 if shift is None else columns),
                }
            )
    facts: dict[str, Any] = {
        "path": str(opened.path),
        "format": opened.format,
        "base": opened.base,
        "fingerprints": len(opened.prints),
        "layers": layers,
        "changes": {f"{change.name}.{change.leaf}": change.what for change in opened.changes},
        "unread": dict(opened.unread),
    }
    if matched is not None and weights is not None:
        where: dict[str, list[str]] = {}
        for layer, item in matched.found.items():
            where.setdefault(str(item.name), []).append(layer)
        facts["matched"] = {name: ", ".join(layers) for name, layers in where.items()}
        facts["unmatched"] = {str(name): why for name, why in matched.lost.items()}
        if matched.correspondence.how != "name":
            facts["matched by"] = matched.correspondence.how
        if warning := matched.correspondence.warning():
            facts["warning"] = warning
        facts["kinship"] = str(kinship(opened.prints, weights))
    return facts


def table(facts: dict[str, Any]) -> str:
    """The facts as text: a summary, a line for each layer, then what is not read and what does not fit."""
    layers = facts["layers"]
    kinds = Counter(f"{layer['family']} ({layer['placement']})" for layer in layers)
    unnamed = "known by its fingerprints, not by name" if facts["fingerprints"] else "the file does not say"
    lines = [
        f"{facts['path']}: {facts['format']}, {', '.join(f'{n} x {kind}' for kind, n in kinds.items())},"
        f" {sum(layer['numbers'] for layer in layers):,} numbers",
        f"base: {facts['base'] or unnamed}",
    ]
    width = max(len(layer["layer"]) for layer in layers)
    for layer in layers:
        taps = "" if layer["taps"] == 1 else f", {layer['taps']} taps"
        rank = "" if layer["rank"] is None else f"rank {layer['rank']}, "
        lines.append(
            f"  {layer['layer']:<{width}}  {layer['family']} {layer['placement']}, {rank}scale {layer['scaling']:g},"
            f" {layer['inputs'] or 'any'} -> {layer['outputs'] or 'any'}{taps}"
            f"{', with a bias' if layer['bias'] else ''}"
        )
    for title, key in (
        ("change of the base itself", "changes"),
        ("not read", "unread"),
        ("not in the base", "unmatched"),
    ):
        lines += [f"{title}: {name}: {why}" for name, why in facts.get(key, {}).items()]
    if "kinship" in facts:
        way = f", by {facts['matched by']}" if "matched by" in facts else ""
        lines.append(f"in the base: {len(facts['matched'])} layers fit{way}, {len(facts['unmatched'])} do not")
        moved = [f"  {name} -> {layer}" for name, layer in facts["matched"].items() if way and not name.endswith(layer)]
        lines += moved + ([facts["warning"]] if "warning" in facts else [])
        lines.append(f"kinship of this base: {facts['kinship']}")
    return "\n".join(lines) + "\n"


def model_card(opened: Opened) -> str:
    """The card that ``save`` writes with ``card=True``, for an adapter that is there already, of whatever format."""
    adapters = {str(item.name): item.sketch for item in opened.items}
    return card.card(adapters, base=opened.base, known=opened.prints)
