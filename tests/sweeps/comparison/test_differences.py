"""What a mean of paired differences varies by: worked by hand, and against drawing it again and again."""

import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.comparison.differences import COVERS, IMAGES, PEOPLE, SEEDS, from_items, from_resamples, spread
from sweeps.comparison.intervals import half_width, p_of
from sweeps.comparison.mcnemar import mcnemar, pooled_p

ITEMS = np.arange(4)
ONES = np.zeros(2, dtype=int)


def two_seeds(first, second, items=None):
    return from_items([np.array(first), np.array(second)], items or [ITEMS, ITEMS], np.array([0, 1]), ONES)


def test_two_seeds_by_hand():
    found = two_seeds([1.0, 2.0, 3.0, 2.0], [3.0, 4.0, 5.0, 4.0])
    assert found.mean == 3.0
    assert found.replicate_deviation == pytest.approx(np.sqrt(2))  # of 2 and 4
    # Seeds: variance 2 over 2 seeds. Images: both deviate by -1, 0, 1, 0 alike: variance 2/3 over 4 images.
    assert spread(found, COVERS).between == pytest.approx(1.0)
    assert spread(found, COVERS).shared == pytest.approx(2 / 3 / 4)
    assert spread(found, (SEEDS, PEOPLE)).shared == 0.0
    alone = spread(found, (IMAGES,))
    assert (alone.between, alone.df, alone.image_df) == (0.0, 0.0, 3.0)
    assert alone.shared == pytest.approx(2 / 3 / 4)


def test_images_that_seeds_do_not_share_are_in_their_spread_and_not_added():
    found = two_seeds([1.0, 2.0, 3.0, 2.0], [3.0, 4.0, 5.0, 4.0], [ITEMS, ITEMS + 4])
    assert (found.images, found.same_images) == (8, False)
    assert spread(found, COVERS).shared == 0.0
    # Over images alone: each seed's mean has 2/3/4, their mean half of that.
    assert spread(found, (IMAGES,)).shared == pytest.approx(2 / 3 / 4 / 2)


def test_seeds_that_are_alike_by_luck_make_no_interval_shorter_than_over_images():
    # Image by image the seeds differ, and by luck their means are the same.
    first, second = [1.0, 2.0, 3.0, 2.0], [2.0, 3.0, 2.0, 1.0]
    found = two_seeds(first, second)
    every, alone = spread(found, COVERS), spread(found, (IMAGES,))
    assert (every.between, every.shared) == (0.0, 0.0)
    assert half_width(every) == pytest.approx(half_width(alone))
    assert p_of(0.5, every) == pytest.approx(p_of(0.5, alone))
    # Where seeds have images of their own their spread is all that there is to know.
    assert spread(two_seeds(first, second, [ITEMS, ITEMS + 4]), COVERS).floor == 0.0


def test_rows_of_one_image_are_one_image():
    # Every image twice, with the same values: no more is known than with each once.
    once = two_seeds([1.0, 2.0, 3.0, 2.0], [3.0, 4.0, 6.0, 4.0])
    twice = from_items(
        [np.tile([1.0, 2.0, 3.0, 2.0], 2), np.tile([3.0, 4.0, 6.0, 4.0], 2)],
        [np.tile(ITEMS, 2)] * 2,
        np.arange(2),
        ONES,
    )
    assert twice.images == 4
    np.testing.assert_allclose(twice.over_images, once.over_images)


def test_a_metric_that_must_be_recomputed_gives_what_a_mean_gives():
    rng = np.random.default_rng(2)
    values = [rng.standard_normal(200) for _ in range(3)]
    items, numbers = [np.arange(200)] * 3, np.arange(3)
    exact = from_items(values, items, numbers, numbers * 0)
    drawn = from_resamples(lambda r, rows: float(values[r][rows].mean()), items, numbers, numbers * 0, rng, 4000)
    np.testing.assert_allclose(drawn.values, exact.values)
    np.testing.assert_allclose(drawn.over_images, exact.over_images, atol=5e-4)


def panels(rng, seeds=3, each=2, images=50, people=1.0):
    seed, panel = np.repeat(np.arange(seeds), each), np.tile(np.arange(each), seeds)
    effects = rng.standard_normal(seeds)[seed] + people * rng.standard_normal(len(seed))
    values = list(effects[:, None] + rng.standard_normal((1, images)) + rng.standard_normal((len(seed), images)))
    return from_items(values, [np.arange(images)] * len(seed), seed, panel)


def test_panels_are_averaged_within_their_seed():
    found = panels(np.random.default_rng(3))
    assert found.panels_apart
    by_seed = found.values.reshape(3, 2).mean(axis=1)
    assert spread(found, (SEEDS, PEOPLE)).between == pytest.approx(by_seed.var(ddof=1) / 3)
    assert spread(found, (SEEDS, PEOPLE)).df == 2
    # People alone: within seeds, on 3 degrees of freedom.
    squares = ((found.values.reshape(3, 2) - by_seed[:, None]) ** 2).sum() / 3
    people = spread(found, (PEOPLE,))
    assert (people.between, people.df) == (pytest.approx(squares / 6), 3.0)


@pytest.mark.parametrize(
    ("covers", "expected"),
    [
        # Variance of the mean by hand: seeds 1/3, people 1/6, images 1/50, an image in one trial 1/300.
        (COVERS, 1 / 3 + 1 / 6 + 1 / 50 + 1 / 300),
        ((SEEDS, PEOPLE), 1 / 3 + 1 / 6 + 1 / 300),
        ((IMAGES, PEOPLE), 1 / 6 + 1 / 50 + 1 / 300),
        ((IMAGES,), 1 / 50 + 1 / 300),
    ],
)
def test_each_source_can_be_switched_off(covers, expected):
    rng = np.random.default_rng(4)
    found = [spread(panels(rng), covers) for _ in range(1500)]
    assert np.mean([each.between + each.shared for each in found]) == pytest.approx(expected, rel=0.08)


def test_one_seed_covers_images_only():
    found = from_items([np.array([1.0, 2.0, 3.0, 2.0])], [ITEMS], np.zeros(1, dtype=int), np.zeros(1, dtype=int))
    assert spread(found, COVERS).df == 0
    assert np.isnan(found.replicate_deviation)
    with pytest.raises(RequestError, match="nothing that these replicates vary"):
        spread(found, (SEEDS,))


def test_mcnemar_by_hand():
    a = np.array([1, 1, 1, 1, 1, 0, 1, 0], dtype=bool)
    b = np.array([0, 0, 0, 0, 0, 1, 1, 0], dtype=bool)
    found = mcnemar(a, b)
    assert (found.a_alone, found.b_alone) == (5, 1)
    assert found.p == pytest.approx(2 * (6 + 1) / 2**6)  # 5 or 6 of 6 heads, and the other tail


def test_mcnemar_without_discordant_pairs_is_defined():
    same = np.array([True, False])
    assert mcnemar(same, same).p == 1.0


def test_pooled_p_is_twice_the_mean_and_at_most_1():
    assert pooled_p([0.01, 0.03]) == pytest.approx(0.04)
    assert pooled_p([0.9, 0.8]) == 1.0
