"""`python -m toys.demo` takes no arguments, and says so."""

from toys.demo import main


def test_an_argument_is_misuse(capsys):
    assert main(["--out", "x"]) == 2
    assert capsys.readouterr().err == "demo: Unrecognized arguments: --out x.\n"
