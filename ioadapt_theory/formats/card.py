"""The model card of an adapter: its family, its base model, the code that loads it, and a report."""

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

For tools without this package, write a plain LoRA for one base:

```sh
ioadapt adapters bake "THIS FOLDER" --base BASE --style diffusers --out lora.safetensors
```

## Does it work on another model?

Run `ioadapt report "THIS FOLDER" BASE OTHER`.
"""


def card(adapters: Mapping[str, Adapter], *, base: str | None, report: str = "") -> str:
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
        "base model": f"`{_in_cell(base)}`" if base else "unknown",
        "family": ", ".join(families),
        "placement": "; ".join(f"{placement} ({n} layer{'s' * (n != 1)})" for placement, n in placements.items()),
        "rank": ", ".join(map(str, sorted({phi.rank for _, phi in parts if phi.rank is not None}))),
        "layers": f"{len(adapters)}: {some}",
        "parameters": f"{numbers:,}",
    }
    data = ModelCardData(
        library_name="ioadapt_theory",
        tags=[*families, *(f"{side}-adapter" for side in sides)],
        base_model=base if base and is_repo_id(base) and not Path(base).exists() else None,  # not a local folder
    )
    title = f"{'A' if sides[0] == 'weight' else 'An'} {' and '.join(sides)} adapter"
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items() if value)
    block = f"\n{textwrap.indent(report.strip(), '    ')}\n" if report.strip() else ""
    return f"---\n{data.to_yaml()}\n---\n{TEXT.format(title=title, table=table)}{block}"


def _in_cell(text: str) -> str:
    return "".join(c if c.isprintable() and c not in "`|" else "?" for c in text)
