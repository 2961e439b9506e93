"""A data set's card: what people answered, how long it took, what is odd."""
