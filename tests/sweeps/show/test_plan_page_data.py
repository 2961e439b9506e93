"""Draws that are packed into a page come out of it as they went in, to what the page says of them."""

import base64
import zlib

import numpy as np
import pytest

from sweeps.show.plan_page_data import pack_draws


def unpacked(text):
    """What `templates/draws.js` makes of it."""
    draws, columns = text["shape"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text["data"])), np.uint8).reshape(4, -1)
    coded = (planes.astype(np.int64) << np.array([[0], [8], [16], [24]])).sum(axis=0)
    whole = ((coded >> 1) ^ -(coded & 1)).reshape(columns, draws)
    groups = text["groups"] or list(range(columns))
    for column in range(2, columns):
        if groups[column] == groups[column - 1] == groups[column - 2]:
            whole[column] += 2 * whole[column - 1] - whole[column - 2]
    return text["offset"] + text["step"] * whole.T


@pytest.mark.parametrize("groups", [None, np.array([0, 0, 0, 0, 1, 2, 2, 2])])
@pytest.mark.parametrize(("size", "level"), [(0.01, 1.4), (30.0, -500.0), (1e-6, 0.0)])
def test_draws_are_kept_to_a_ten_thousandth_of_their_spread(groups, size, level):
    values = level + size * np.random.default_rng(0).normal(size=(50, 8)).cumsum(axis=1)
    found = unpacked(pack_draws(values, groups))
    assert np.abs(found - values).max() <= 0.5001e-4 * values.std()


def test_neighbours_on_a_line_take_less_room():
    rng = np.random.default_rng(1)
    line = rng.normal(size=(500, 1)) + rng.normal(size=(500, 1)) * np.linspace(0, 1, 40)
    apart, along = (len(pack_draws(line, groups)["data"]) for groups in (None, np.zeros(40, dtype=int)))
    assert along < apart / 5


def test_draws_that_are_all_alike_are_kept():
    assert np.array_equal(unpacked(pack_draws(np.full((3, 2), 1.5))), np.full((3, 2), 1.5))
