from pathlib import Path

from tests.mutants.plant import by_hand


def test_every_error_drawn_by_hand_still_has_a_place() -> None:
    drawn = by_hand(Path(__file__).parents[2])
    assert len(drawn) >= 60
    assert len({m.kind for m in drawn}) == 11
