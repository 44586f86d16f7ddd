"""The model card of an adapter: what it is, what it was trained on, how to load it, what was said of a move."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.aliases import is_repo_id
from ioadapt_theory.errors import InvalidValueError

NAME = "README.md"
FORMULAS = {Placement.INPUT: "Y = X(I + AB)W", Placement.OUTPUT: "Y = XW(I + AB)", Placement.WEIGHT: "Y = X(W + AB)"}
SHOWN = 4
"""Layers that are named; the file has all."""
_MARK = re.compile(r"\n<!-- Written by ioadapt_theory; unless it is edited it is renewed, ([0-9a-f]{16})\. -->\n\Z")


def card(adapters: Mapping[str, Adapter], *, base: str | None, known: Collection[str], said: str = "") -> str:
    """The text of a card.

    Args:
        adapters: by layer.
        base: name of the model that they were trained on, if it has one.
        known: layers whose weights the file has fingerprints of.
        said: what is to be told of a move to other models: what ``report`` says, say.
    """
    kinds = Counter((each.family, "+".join(each)) for each in adapters.values())
    families, placements = ({kind[i] for kind in kinds} for i in (0, 1))
    sides = [side for side in Placement if any(side in part.split("+") for part in placements)]
    parts = [(side, phi) for each in adapters.values() for side, phi in each.parts()]
    ranks = sorted({phi.rank for _, phi in parts if phi.rank is not None})
    scales = sorted({phi.scaling for _, phi in parts})
    some = [f"`{_plain(layer)}`" for layer in list(adapters)[:SHOWN]]
    numbers = {id(p): p for each in adapters.values() for p in each.parameters()}.values()
    rows = {
        "base model": f"`{_plain(base)}`" if base else "its name is not known",
        "recognised by": f"fingerprints of {len(known)} of its layers in the file" if known else "nothing in the file",
        "family": ", ".join(sorted(families)),
        "placement": "; ".join(f"{part} ({n} layers)" for (_, part), n in kinds.items()),
        "formula": "; ".join(f"{side}: `{FORMULAS[side]}`" for side in sides if families <= {"lora"}),
        "rank": _span(ranks),
        "scale": _span(scales),
        "layers": f"{len(adapters)}: {', '.join(some)}{', ...' if len(adapters) > SHOWN else ''}",
        "numbers": f"{sum(p.numel() for p in numbers):,}",
    }
    about = {"library_name": "ioadapt_theory", "tags": [*sorted(families), *(f"{side}-adapter" for side in sides)]}
    if base and is_repo_id(base) and not Path(base).exists():  # a name on the hub, not a folder here
        about["base_model"] = base
    head = "\n".join(f"{key}: {json.dumps(value)}" for key, value in about.items())
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items() if value)
    text = _TEXT.format(
        head=head,
        title=f"{'A' if sides[0] is Placement.WEIGHT else 'An'} {' and '.join(sides)} adapter",
        table=table,
        move=_move(sides, said),
    )
    return f"{text}\n<!-- Written by ioadapt_theory; unless it is edited it is renewed, {_hash(text)}. -->\n"


def require_room(path: Path) -> None:
    """Whether a card can be put here: where there is none, or one that nobody edited.

    Raises:
        InvalidValueError: somebody's own file, or a folder, is there.
    """
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    mark = _MARK.search(text)
    if mark is None or mark[1] != _hash(text[: mark.start()]):
        msg = (
            f"{path} is not a card as save wrote it, so nothing was saved: move it away, or save without a card and add"
            " what `ioadapt adapters inspect FOLDER --format card` prints."
        )
        raise InvalidValueError(msg)


_TEXT = """---
{head}
---
# {title}

| | |
|---|---|
{table}

## Use it

```python
from ioadapt_theory import load

print(load(model, "THIS FOLDER"))  # on the base model, or on one that is to have it too
```

Where this package is not installed, it is a plain LoRA for a named base:

```sh
ioadapt adapters bake "THIS FOLDER" lora.safetensors --base BASE --style diffusers
```

## Does it work on another model?

{move}
"""
_MOVES = {
    Placement.INPUT: "An input adapter needs what feeds the layer to be the same in both models.",
    Placement.OUTPUT: "An output adapter needs what the layer computes to mean the same in both models.",
    Placement.WEIGHT: "A change of weights needs the weights themselves to be related.",
}


def _move(sides: Collection[Placement], said: str) -> str:
    text = " ".join(_MOVES[side] for side in sides)
    text += ' How far that is so, `ioadapt report BASE OTHER "THIS FOLDER"` tells.'
    if not said.strip():
        return text
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", said)), default=0))
    lines = "\n".join("".join(c for c in line if c.isprintable()) for line in said.strip("\n").splitlines())
    return f"{text}\n\n{fence}text\n{lines}\n{fence}"


def _span(values: Collection[float]) -> str:
    ends = [f"{value:g}" for value in (min(values), max(values))] if values else []
    return " to ".join(dict.fromkeys(ends))


def _plain(text: str) -> str:
    """A name inside a table's cell, whatever it is."""
    return "".join(c if c.isprintable() and c not in "`|" else "?" for c in text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
