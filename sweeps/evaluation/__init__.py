"""Stored trials on test sets, old and new: logits, scores, and the work of making them."""
