"""The reference: which names are public and on which page; what is said of them is their docstrings'."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import ioadapt_theory
from ioadapt_theory import adapters, claims, errors, report

PUBLIC: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "adapters": (
        "Adapters on models",
        tuple(f"ioadapt_theory.{name}" for name in ioadapt_theory.__all__ if name not in {"load", "save", "IoAdaptError"}),
    ),
    "layers": (
        "The layer and its parts",
        tuple(
            f"ioadapt_theory.adapters.{name}" for name in adapters.__all__ if name not in {*ioadapt_theory.__all__, "cached"}
        ),
    ),
    "moving": (
        "Converting, baking, carrying",
        tuple(f"ioadapt_theory.adapters.moving.{name}" for name in (
            "bake.bake", "convert.convert", "convert.convert_model", "truncate.change", "truncate.truncate",
        )),
    ),
    "formats": (
        "Adapter files",
        ("ioadapt_theory.save", "ioadapt_theory.load", "ioadapt_theory.formats.read", "ioadapt_theory.formats.AdapterFile",
         "ioadapt_theory.formats.Entry", "ioadapt_theory.formats.open.open_adapter",
         "ioadapt_theory.formats.convert_files.bake_to", "ioadapt_theory.formats.convert_files.convert_to"),
    ),
    "report": ("Will it move?", tuple(f"ioadapt_theory.report.{name}" for name in report.__all__)),
    "similarity": (
        "How far apart are two checkpoints?",
        ("ioadapt_theory.checkpoints.open.open_checkpoint", "ioadapt_theory.similarity.compare.compare",
         "ioadapt_theory.similarity.comparison.Options", "ioadapt_theory.similarity.comparison.Comparison",
         "ioadapt_theory.similarity.measures.spaces.Space"),
    ),
    "claims": (
        "Claims",
        (*(f"ioadapt_theory.claims.{name}" for name in claims.__all__ if name != "CLAIMS"),
         "ioadapt_theory.claims.evaluation.evaluate", "ioadapt_theory.claims.instances.witness"),
    ),
    "peft": ("In PEFT", ("ioadapt_theory.peft.IOLoraConfig", "ioadapt_theory.peft.load_adapter")),
    "errors": ("Errors", tuple(
        f"ioadapt_theory.errors.{name}" for name, value in vars(errors).items() if isinstance(value, type)
        and issubclass(value, errors.IoAdaptError)
    )),
}  # fmt: skip
"""Page -> title and names."""


def pages() -> Iterator[tuple[str, str]]:
    """The list of pages, and the pages."""
    tree = "\n".join(PUBLIC)
    about = "Shapes, units, errors and an example of every public name; rows are samples, Y = XW."
    yield "reference/index.md", f"# Reference\n\n{about}\n\n```{{toctree}}\n:maxdepth: 2\n\n{tree}\n```\n"
    for name, (title, public) in PUBLIC.items():
        yield f"reference/{name}.md", f"# {title}\n\n" + "\n".join(map(_documented, public))


def _documented(name: str) -> str:
    kind = kind_of(found(name))
    members = "\n   :members:" if kind == "class" else ""
    return f"```{{eval-rst}}\n.. auto{kind}:: {name}{members}\n```\n"


def kind_of(thing: Any) -> str:
    """What autodoc calls it."""
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if callable(thing) else "data"


def found(name: str) -> Any:
    """The thing of a dotted name."""
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


