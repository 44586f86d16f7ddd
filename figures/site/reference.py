"""The reference: pages of public names, with text from their docstrings."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import ioadapt_theory
from ioadapt_theory import adapters, claims, errors, reporting

ELSEWHERE: Final = {"load", "save", "bake", "convert", "compare"}
"""Names of the top-level package that belong on other pages of the reference."""
PACKAGE: Final = tuple(n for n in ioadapt_theory.__all__ if n not in ELSEWHERE and not n.endswith("Error"))
INNER: Final = tuple(n for n in adapters.__all__ if n not in PACKAGE)
ERRORS: Final = tuple(
    name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, errors.IoAdaptError)
)
PUBLIC: Final[dict[str, tuple[str, dict[str, tuple[str, ...]]]]] = {
    "adapters": ("Adapters on models", {"ioadapt_theory": PACKAGE}),
    "layers": ("The layer and its parts", {"ioadapt_theory.adapters": INNER}),
    "moving": (
        "Moving, converting and baking",
        {
            "ioadapt_theory.moving": ("TransferError", "TransferReport"),
            "ioadapt_theory.moving.bake": ("bake",),
            "ioadapt_theory.moving.convert": ("convert",),
        },
    ),
    "formats": (
        "Adapter files",
        {
            "ioadapt_theory": ("save", "load"),
            "ioadapt_theory.formats": ("open_adapter", "AdapterFile", "StoredLayer"),
        },
    ),
    "settings": (
        "The paper's settings",
        {"ioadapt_theory.presets": ("Preset", "PRESETS")},
    ),
    "report": ("Will it move?", {"ioadapt_theory.reporting": tuple(reporting.__all__)}),
    "similarity": (
        "How far apart are two checkpoints?",
        {
            "ioadapt_theory.checkpoints": ("open_checkpoint",),
            "ioadapt_theory.similarity": ("compare", "Comparison"),
        },
    ),
    "claims": (
        "Claims",
        {
            "ioadapt_theory.claims": tuple(n for n in claims.__all__ if n != "CLAIMS"),
            "ioadapt_theory.claims.evaluation": ("evaluate",),
            "ioadapt_theory.claims.instances": ("witness",),
        },
    ),
    "peft": ("In PEFT", {"ioadapt_theory.peft": ("IOLoraConfig", "load_adapter")}),
    "errors": ("Errors", {"ioadapt_theory.errors": ERRORS}),
}
"""For each page, its title and the public names on it, by module."""


def names() -> Iterator[str]:
    for _, modules in PUBLIC.values():
        yield from (f"{module}.{name}" for module, some in modules.items() for name in some)


def pages() -> Iterator[tuple[str, str]]:
    tree = "\n".join(PUBLIC)
    about = "The public functions and classes, with shapes, units, errors and examples. Rows are samples, Y = XW."
    yield "reference/index.md", f"# Reference\n\n{about}\n\n```{{toctree}}\n:maxdepth: 2\n\n{tree}\n```\n"
    for page, (title, modules) in PUBLIC.items():
        public = (f"{module}.{name}" for module, some in modules.items() for name in some)
        yield f"reference/{page}.md", f"# {title}\n\n" + "\n".join(map(_documented, public))


def _documented(name: str) -> str:
    kind = kind_of(found(name))
    if kind == "data":
        return f"`{name}`: {', '.join(map(str, found(name)))}\n"
    members = "\n   :members:" if kind == "class" else ""
    return f"```{{eval-rst}}\n.. auto{kind}:: {name}{members}\n```\n"


def kind_of(thing: Any) -> str:
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if callable(thing) else "data"


def found(name: str) -> Any:
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)
