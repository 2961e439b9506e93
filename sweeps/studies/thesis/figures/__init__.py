"""The thesis's figures."""
