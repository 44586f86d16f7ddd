"""Glyphs of matplotlib's fonts: the data, the generators and the judge of several toys."""
