"""The page that explains everything in ten minutes: what it shows, and how it is written as one file."""
