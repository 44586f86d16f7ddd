"""The figures; every module has ``PAPER``, ``compute(*, seed, quick) -> dict`` and ``draw(data) -> Figure``.

Nothing is computed in ``draw``, and nothing is drawn in ``compute``; ``python -m figures`` redraws everything.
"""
