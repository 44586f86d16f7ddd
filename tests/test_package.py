import inspect
import subprocess
import sys

import pytest

import ioadapt_theory


@pytest.mark.parametrize("name", ioadapt_theory.__all__)
def test_every_public_name_is_there(name):
    assert getattr(ioadapt_theory, name) is not None
    assert name in dir(ioadapt_theory)


def test_help_lists_the_options_of_every_public_function():
    functions = {n: f for n in ioadapt_theory.__all__ if inspect.isfunction(f := getattr(ioadapt_theory, n))}
    assert {"target_modules", "placement", "rank"} <= {*inspect.signature(functions["adapt"]).parameters}
    for name, function in functions.items():
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds or name == "adapt", name


def test_claims_print_on_a_screen():
    assert str(ioadapt_theory.CLAIMS).startswith(f"{len(ioadapt_theory.CLAIMS)} claims: ")
    assert max(len(str(claim).splitlines()) for claim in ioadapt_theory.CLAIMS.values()) <= 24


def test_importing_the_package_leaves_the_path_alone(tmp_path):
    (tmp_path / "asked.py").write_text(
        "import sys; before = [*sys.path]; import ioadapt_theory; ioadapt_theory.adapt; assert sys.path == before"
    )
    subprocess.run([sys.executable, "-m", "asked"], cwd=tmp_path, check=True)
