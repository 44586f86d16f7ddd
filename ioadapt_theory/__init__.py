"""Companion of "Revisit Model Adaptation from Parameters to Features": adapters, claims and weight similarity."""
