"""Evidence: witnesses, searches, Monte-Carlo, exact values, and how findings merge."""
