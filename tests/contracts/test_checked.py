"""Shapes in signatures are checked while tests run, those of functions inside others at each call too."""

import numpy as np
import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped

from softcore.training.mixing import soft_cross_entropy
from tests.checked import checked


def test_the_core_is_checked():
    with pytest.raises(TypeCheckError):
        soft_cross_entropy(torch.zeros(3, 10), torch.zeros(4, 10))


def made(what):
    """A function inside another, checked as the import hook does it."""

    @jaxtyped(typechecker=checked)
    def inside(one: what, other: what) -> what:
        return one + other

    return inside


def test_equal_functions_share_a_check_and_keep_what_they_do():
    def adder(by):
        @jaxtyped(typechecker=checked)
        def inside(number: int) -> int:
            return number + by if by else "nothing to add"

        return inside

    assert [adder(by)(1) for by in (1, 2, 3)] == [2, 3, 4]
    for refused in (lambda: adder(2)("1"), lambda: adder(0)(1)):
        with pytest.raises(TypeCheckError):
            refused()


def test_functions_that_differ_in_annotations_alone_are_told_apart():
    row = np.zeros(2)
    assert made(Float[np.ndarray, " n"])(row, row).shape == (2,)
    with pytest.raises(TypeCheckError):
        made(Float[np.ndarray, " n"])(row, np.zeros(3))
    with pytest.raises(TypeCheckError):
        made(Float[np.ndarray, "n m"])(row, row)
    with pytest.raises(TypeCheckError):
        made(int)(row, row)
