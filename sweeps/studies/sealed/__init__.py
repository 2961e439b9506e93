"""Predictions of the sealed cells, and a count of how often their results were read."""
