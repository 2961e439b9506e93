"""A comparison of cells as people see it: in a terminal, and as a page."""
