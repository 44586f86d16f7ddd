"""The documentation site: its generated pages and its build."""
