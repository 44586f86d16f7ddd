"""Print the lowest version of each package that meets every requirement in pyproject.toml, as constraints for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"].values()
lowest: dict[str, str] = {}
for requirement in sorted({*project["dependencies"], *(each for extra in extras for each in extra)}):
    if bound := re.fullmatch(r"([\w.-]+)(?:\[.*\])?>=([\d.]+).*", requirement):
        versions = (lowest.get(bound[1], "0"), bound[2])
        lowest[bound[1]] = max(versions, key=lambda version: [*map(int, version.split("."))])
print(*(f"{name}=={version}" for name, version in lowest.items()), sep="\n")
