"""Sealed cells: who predicted them, how often they were read."""
