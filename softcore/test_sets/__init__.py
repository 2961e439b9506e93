"""What models are scored on: the test sets of a data set and its seeds, and test sets that come later."""

from softcore.test_sets.of_seeds import test_sets

__all__ = ["test_sets"]
