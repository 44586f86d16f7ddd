"""Figures: the modules listed in ``__main__`` have ``PAPER``, ``compute(*, seed, quick) -> dict`` and ``draw(data)``.

Nothing is computed in ``draw``, and nothing is drawn in ``compute``; ``python -m figures`` redraws all figures.
"""
