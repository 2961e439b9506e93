"""Two cells on one test set: which is better, by how much, and whether these replicates could tell."""
