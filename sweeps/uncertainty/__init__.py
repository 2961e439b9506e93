"""How much seeds, people and trials vary, and draws of what cells are worth."""
