"""Print the lowest version that pyproject.toml allows for each requirement, as a constraints file for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"].values()
for requirement in sorted({*project["dependencies"], *(each for extra in extras for each in extra)}):
    if lowest := re.fullmatch(r"([\w.-]+)(?:\[.*\])?>=([\d.]+).*", requirement):
        print(f"{lowest[1]}=={lowest[2]}")
