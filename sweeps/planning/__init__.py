"""The budget planner: which question to ask of how many people on how many images, as functions of a results table."""
