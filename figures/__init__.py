"""The figures, one module each: ``PAPER``, ``compute(*, seed, quick) -> dict`` and ``draw(data) -> Figure``.

Nothing is computed in ``draw``, nothing is drawn in ``compute``; ``python -m figures`` redraws everything.
"""
