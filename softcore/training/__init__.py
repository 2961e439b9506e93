"""Batches, mixing, models: what a training step needs."""
