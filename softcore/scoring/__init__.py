"""Metrics, attacks and corruptions: what a trained model is scored by."""
