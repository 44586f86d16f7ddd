from pathlib import Path

import pytest

from tests.mutants.plant import by_hand, mutants


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A = 4 * X", {"A = 5 * X", "A = 4 / X", "A = 4"}),
        ("a = x <= y", {"a = x < y", "a = (y) <= (x)"}),
        ("a = fro(m) + spectral(n)", {"a = spectral(m) + spectral(n)", "a = fro(m) + fro(n)", "a = fro(m)"}),
        ("c = C(given=(A, B))", {"c = C(given=(B,))", "c = C(given=(A,))"}),
        ("def f():\n    yield Step(1)\n    yield Step(2)", {"def f():\n    yield from ()\n    yield Step(2)"}),
        ('s = "‖AB‖₂ ≤ ε for every W"', {'s = "‖AB‖_F ≤ ε for every W"', 's = "‖AB‖₂ ≤ ε for some W"'}),
        ("if not a:\n    b()", {"if False:\n    b()", "if True:\n    b()", "if (a):\n    b()"}),
        ('"""At most 4."""\nmsg = "at most 4 of them"\n', set()),
    ],
)
def test_what_is_planted(tmp_path: Path, source: str, expected: set[str]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.py").write_text(source, encoding="utf-8")
    content = source.encode()
    made = {m.applied(content).decode() for m in mutants(tmp_path, "folder") if m.changes(content)}
    assert expected <= made
    assert bool(made) == bool(expected)


def test_every_error_drawn_by_hand_still_has_a_place() -> None:
    drawn = by_hand(Path(__file__).parents[2])
    assert len(drawn) >= 60
    assert len({m.kind for m in drawn}) == 11
