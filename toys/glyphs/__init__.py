"""Glyphs of matplotlib's fonts: data, generators and judges for several toys."""
