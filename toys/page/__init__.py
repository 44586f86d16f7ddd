"""The page that explains the package in ten minutes, as one HTML file."""
