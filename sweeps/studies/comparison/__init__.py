"""Do comparisons hold? Simulated studies whose truth is known."""
