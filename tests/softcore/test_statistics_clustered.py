"""Intervals over people and images: by hand on four answers, their coverage on made-up crowds."""

import numpy as np
import pytest

from softcore.statistics import clustered_mean, clustered_pearson


def test_an_interval_worked_by_hand():
    # Two people (a, b) and two images (0, 1), each answer 0, 0, 1, 1 with a = 0, 0 and b = 1, 1; the mean is 0.5.
    # Pulls (value - mean) / 4: -1/8, -1/8, 1/8, 1/8. People's sums: -1/4, 1/4; squares add to 1/8, times 2/1: 1/4.
    # Images' sums: -1/8 + 1/8 = 0 each: 0. Answers: 4 * 1/64 = 1/16, times 4/3: 1/12.
    # 1/4 + 0 - 1/12 = 1/6 is less than the people's 1/4, so 1/4 counts: half a unit times t(1; 0.975) = 12.706.
    found = clustered_mean(np.array([0.0, 0, 1, 1]), np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]))
    assert (found.mean, found.n, found.level) == (0.5, 4, 0.95)
    assert found.half_width == pytest.approx(0.5 * 12.706, abs=1e-3)
    assert found.over == "people (2) and images (2), both drawn anew"


def test_one_person_or_one_image_gives_no_interval():
    values, several = np.array([0.0, 1.0, 0.5]), np.array([0, 1, 2])
    assert clustered_mean(values, np.zeros(3), several).low is None
    assert clustered_mean(values, several, np.zeros(3)).high is None
    assert clustered_pearson(values, values**2, several, np.zeros(3)).low is None


def test_the_correlation_is_pearsons_and_lies_in_its_interval():
    random = np.random.default_rng(0)
    x = random.normal(size=80)
    y = 0.5 * x + random.normal(size=80)
    found = clustered_pearson(x, y, np.arange(80) % 8, np.arange(80) // 2)
    assert found.mean == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert -1 < found.low < found.mean < found.high < 1


def test_no_correlation_with_a_constant():
    with pytest.raises(ValueError, match="no correlation with a constant"):
        clustered_pearson(np.ones(3), np.arange(3.0), np.arange(3), np.arange(3))


def crowd(random, n):
    """Answers of n crowds: 4 batches of 25 images, two people a batch, a person's and an image's effect as large as the
    noise. Arrays [n, 200] of values; people and images [200]."""
    person, image = np.repeat(np.arange(8), 25), np.concatenate([np.tile(np.arange(25) + 25 * b, 2) for b in range(4)])
    effects = random.normal(size=(n, 8)), random.normal(size=(n, 100))
    values = effects[0][:, person] * 0.5 + effects[1][:, image] + random.normal(size=(n, 200))
    return values, person, image


def test_the_mean_of_a_new_crowd_on_new_images_is_covered_as_often_as_said():
    values, person, image = crowd(np.random.default_rng(1), 600)
    found = [clustered_mean(v, person, image) for v in values]
    covered = np.mean([f.low <= 0 <= f.high for f in found])
    # 600 crowds tell 95% to about 1.8% (two standard errors); eight people are few, so a little less is let through.
    assert 0.92 <= covered <= 0.985
    # Broken on purpose: answers taken as independent.
    alone = [clustered_mean(v, np.arange(200), np.arange(200)) for v in values[:200]]
    assert np.mean([f.low <= 0 <= f.high for f in alone]) < 0.8


def test_a_correlation_is_covered_as_often_as_said():
    random = np.random.default_rng(2)
    share, person, image = crowd(random, 400)
    share = random.normal(size=(400, 100))[:, image]
    # x is the image's; y follows it with people of their own slopes: corr = 0.5 / sqrt(0.25 + 0.04 + 1).
    slopes = 0.5 + 0.2 * random.normal(size=(400, 8))[:, person]
    y = slopes * share + random.normal(size=share.shape)
    truth = 0.5 / np.sqrt(0.25 + 0.04 + 1)
    found = [clustered_pearson(x, v, person, image) for x, v in zip(share, y, strict=True)]
    assert 0.915 <= np.mean([f.low <= truth <= f.high for f in found]) <= 0.99
