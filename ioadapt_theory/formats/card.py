"""The model card of an adapter: kind, base model, how to load it, and the report's result."""

import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.checkpoints.aliases import is_repo_id
from ioadapt_theory.errors import MissingExtraError

NAME = "README.md"
TEXT = """# {title}

| | |
|---|---|
{table}

## Use it

```python
from ioadapt_theory import load

print(load(model, "THIS FOLDER"))  # on the base model, or on another one
```

Where this package is not installed, write a plain LoRA for a named base:

```sh
ioadapt adapters bake "THIS FOLDER" lora.safetensors --base BASE --style diffusers
```

## Does it work on another model?

Ask `ioadapt report BASE OTHER "THIS FOLDER"`.
"""


def card(adapters: Mapping[str, Adapter], *, base: str | None, report: str = "") -> str:
    """Return the text of a card.

    Args:
        adapters: by layer.
        base: name of the model that they were trained on, if it has one.
        report: output of ``report`` for a move to another model, if any.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import ModelCardData
    except ImportError:
        raise MissingExtraError("huggingface_hub", "hub") from None
    parts = [(side, phi) for adapter in adapters.values() for side, phi in adapter.parts()]
    sides, families = sorted({side for side, _ in parts}), sorted({adapter.family for adapter in adapters.values()})
    placements = Counter("+".join(adapter) for adapter in adapters.values())
    numbers = sum(p.numel() for p in {p for adapter in adapters.values() for p in adapter.parameters()})
    some = ", ".join([f"`{_in_cell(n)}`" for n in [*adapters][:4]] + ["..."] * (len(adapters) > 4))
    rows = {
        "base model": f"`{_in_cell(base)}`" if base else "its name is not known",
        "family": ", ".join(families),
        "placement": "; ".join(f"{placement} ({n} layers)" for placement, n in placements.items()),
        "rank": ", ".join(map(str, sorted({phi.rank for _, phi in parts if phi.rank is not None}))),
        "layers": f"{len(adapters)}: {some}",
        "numbers": f"{numbers:,}",
    }
    data = ModelCardData(
        library_name="ioadapt_theory",
        tags=[*families, *(f"{side}-adapter" for side in sides)],
        base_model=base if base and is_repo_id(base) and not Path(base).exists() else None,  # a folder here is no name
    )
    title = f"{'A' if sides[0] == 'weight' else 'An'} {' and '.join(sides)} adapter"
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items() if value)
    block = f"\n{textwrap.indent(report.strip(), '    ')}\n" if report.strip() else ""
    return f"---\n{data.to_yaml()}\n---\n{TEXT.format(title=title, table=table)}{block}"


def _in_cell(text: str) -> str:
    """Return a name that is safe inside a table's cell."""
    return "".join(c if c.isprintable() and c not in "`|" else "?" for c in text)
