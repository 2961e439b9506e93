import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.uncertainty.layout import NOBODY, Layout, Pool


def layout(trials, annotators=(2, 3), share=(1.0, 1.0), crowd=("pages", "pages"), **pools):
    cell, seed, panel = (np.array(column) for column in zip(*trials, strict=True))
    return Layout(
        cells=tuple("abcdef"[: len(annotators)]),
        cell=cell,
        seed=seed,
        panel=panel,
        crowd=crowd,
        annotators=np.array(annotators, dtype=float),
        share=np.array(share, dtype=float),
        pools=pools,
    )


TRIALS = [(0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (1, 1, 0)]


def test_panels_of_one_seed_share_nobody_and_panels_of_different_seeds_share_the_pool():
    shared = layout(TRIALS, pages=Pool(annotators=6)).overlap("pages")
    # M = 2 alone 1/2, M = 3 alone 1/3; the nested panels of one seed 1/3; A and B nobody; another seed 1/6.
    assert shared[0, 0] == pytest.approx(1 / 2)
    assert shared[1, 1] == shared[0, 1] == pytest.approx(1 / 3)
    assert shared[0, 2] == shared[0, 3] == 0
    assert shared[0, 4] == shared[1, 4] == pytest.approx(1 / 6)


def test_a_panel_of_everybody_shares_its_people_with_any_other():
    shared = layout(TRIALS, annotators=(6, 3), pages=Pool(annotators=6)).overlap("pages")
    # All six and the three of panel B: (6 + 3 - 6) / (6 x 3) = 1/6.
    assert shared[0, 3] == pytest.approx(1 / 6)


def test_people_hired_anew_are_shared_by_no_two_seeds():
    assert layout(TRIALS).overlap("pages")[0, 4] == 0


def test_panels_drawn_independently_share_what_the_pool_makes_them_share():
    shared = layout(TRIALS, pages=Pool(annotators=6, disjoint=False)).overlap("pages")
    assert shared[0, 2] == shared[0, 4] == pytest.approx(1 / 6)


def test_cells_of_fewer_items_share_fewer_people():
    shared = layout(TRIALS, share=(0.25, 1.0), pages=Pool(annotators=6)).overlap("pages")
    # Nested: sqrt(0.25 / 1) / 3. Different seeds: sqrt(0.25 x 1) / 6.
    assert shared[0, 1] == pytest.approx(0.5 / 3)
    assert shared[0, 5] == pytest.approx(0.5 / 6)


def test_who_asks_nobody_is_no_crowd():
    made = layout([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)], annotators=(0, 2), crowd=(NOBODY, "pages"))
    assert made.crowds == ("pages",)
    assert made.of_crowd("pages").tolist() == [2, 3]


def test_one_seed_gives_no_variance():
    with pytest.raises(RequestError, match="two seeds or more; there is 1"):
        layout([(0, 0, 0), (1, 0, 0)])


def test_a_replicate_counts_once():
    with pytest.raises(RequestError, match="counts once"):
        layout([*TRIALS, (0, 0, 0)])


def test_a_cell_without_a_trial_is_refused():
    with pytest.raises(RequestError, match="needs a trial"):
        layout([(0, 0, 0), (0, 1, 0)])


def test_later_panels_are_part_of_earlier_ones_that_ask_more_people():
    # A queue of six: A takes the first three, B the last three; one person each is next in line from both ends.
    made = Layout(
        cells=("three", "one"),
        cell=np.array([0, 0, 1, 1, 1, 1, 1]),
        seed=np.array([0, 0, 0, 0, 0, 0, 1]),
        panel=np.array([0, 1, 0, 1, 2, 3, 2]),
        crowd=("pages", "pages"),
        annotators=np.array([3.0, 1.0]),
        share=np.array([1.0, 1.0]),
        pools={"pages": Pool(annotators=6)},
    )
    shared = made.overlap("pages")
    np.testing.assert_allclose(shared[0], [1 / 3, 0, 1 / 3, 0, 1 / 3, 0, 1 / 6])
    np.testing.assert_allclose(shared[1], [0, 1 / 3, 0, 1 / 3, 0, 1 / 3, 1 / 6])
    np.testing.assert_allclose(shared[4], [1 / 3, 0, 0, 0, 1, 0, 1 / 6])
    assert np.linalg.eigvalsh(shared).min() > -1e-9  # a covariance
