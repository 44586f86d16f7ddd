"""All claims by id; the file of a claim is imported when the claim is asked for."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from ioadapt_theory.claims.claim import Claim

FILES: Mapping[str, list[str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
"""The files that state claims -> the ids of their claims."""


class Claims(Mapping[str, Claim]):
    """Claims by id, in the order of ``FILES``; printed, their number by verdict."""

    def __init__(self) -> None:
        self._file = {name: file for file, names in FILES.items() for name in names}

    def __getitem__(self, name: str) -> Claim:
        stated: tuple[Claim, ...] = import_module(f"ioadapt_theory.claims.{self._file[name]}").CLAIMS
        return next(claim for claim in stated if claim.id == name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    def __len__(self) -> int:
        return len(self._file)

    def __repr__(self) -> str:
        from ioadapt_theory.claims.report import counted

        return f"{counted(self.values()).rstrip()} CLAIMS['prop-3'] is one of them."


CLAIMS = Claims()
