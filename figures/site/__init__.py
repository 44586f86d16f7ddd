"""The documentation as a site: pages that are made when it is built, and the build itself."""
