"""The page that explains everything in ten minutes, as one file."""
