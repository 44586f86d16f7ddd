"""Models that are run: loading them, and reading their inputs."""
