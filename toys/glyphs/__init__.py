"""Glyphs of the fonts that matplotlib ships: data, generators and judges that several toys share."""
