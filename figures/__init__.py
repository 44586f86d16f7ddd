"""Figures: the modules listed in ``__main__`` have ``compute(*, seed, quick) -> dict`` and ``draw(data)``.

Nothing is computed in ``draw``, and nothing is drawn in ``compute``. ``PAPER`` is the paper's figure that a module
reproduces, or None. ``python -m figures`` redraws all figures.
"""
