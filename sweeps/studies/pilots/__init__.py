"""How well plans made from a small pilot predict a larger collection."""
