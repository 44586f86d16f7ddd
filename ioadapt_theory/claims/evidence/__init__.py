"""Evidence on claims: witnesses, searches, Monte Carlo tests and exact arguments, and the merging of findings."""
