from tests.mutants.__main__ import drawn


def test_every_error_drawn_by_hand_still_has_a_place() -> None:
    errors = drawn()
    assert len(errors) >= 60
    assert len({kind for kind, *_ in errors}) == 11
