"""What makes adapters fast, and nothing else: every definition works without this folder."""
