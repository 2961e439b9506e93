"""Test clicks replayed: sequences of recorded clicks, choices between models, split budgets, rounds of relabelling."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from softcore.scoring.metrics import Logits, accuracy, cross_entropy
from sweeps.evaluation.seeing import Spread, click_losses, spread
from sweeps.studies.spending.choosing import mean_losses, pairs_of, replay_choices
from sweeps.studies.spending.clicks import RecordedModels, draw_clicks
from sweeps.studies.spending.rounds import RANDOM, TRUTH, simulate_rounds, vote
from sweeps.studies.spending.splitting import replay_splits


def people(n=400, k=4, clicks=20, seed=0):
    """Click counts of n images about whose class people disagree."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.multinomial(clicks, p) for p in rng.dirichlet(np.full(k, 0.3), n)])


def models(gaps, n=400, seeds=2, costs=None):
    """Models whose loss is the worse by their gap, on clicks that vary: a cell a gap, the same images for all."""
    counts, rng = people(n), np.random.default_rng(1)
    base = rng.normal(1, 0.5, (seeds, n, 4))
    losses = [base[s] + gap + rng.normal(0, 0.3, (n, 1)) for gap in gaps for s in range(seeds)]
    cells = [f"cell{c}" for c in range(len(gaps)) for _ in range(seeds)]
    trials = pd.DataFrame(
        {
            "trial": [f"{c}-{i}" for i, c in enumerate(cells)],
            "cell": cells,
            "recipe": cells,
            "seed": list(range(seeds)) * len(gaps),
            "clicks": np.repeat(costs if costs is not None else [0.0] * len(gaps), seeds),
        }
    )
    return RecordedModels(metric="ce/10h", test_set="10h", losses=np.stack(losses), counts=counts, trials=trials)


@pytest.mark.parametrize("each", [1, 3])
def test_clicks_come_in_turns_and_none_twice(each):
    counts = people(n=30, clicks=7)
    image, label = draw_clicks(counts, each, 10_000, np.random.default_rng(0))
    again = np.zeros_like(counts)
    np.add.at(again, (image, label), 1)
    np.testing.assert_array_equal(again, counts)  # all of them, each once
    turns = image[: 30 * each].reshape(30, each)
    assert (turns == turns[:, :1]).all()
    assert len(set(turns[:, 0])) == 30  # every image has its turn before any has another


def test_first_clicks_are_what_people_said_in_proportion():
    counts = np.tile([15, 4, 1], (4000, 1))
    _, label = draw_clicks(counts, 1, 4000, np.random.default_rng(3))
    np.testing.assert_allclose(np.bincount(label, minlength=3) / 4000, [0.75, 0.2, 0.05], atol=0.025)


def test_a_loss_by_click_comes_to_the_metric_on_all_clicks():
    rng = np.random.default_rng(0)
    counts = people()
    logits = Logits(clean=rng.normal(0, 2, (400, 4)), attacked=np.zeros((400, 4)), temperature=1.7)
    shares = counts / counts.sum(axis=1, keepdims=True)
    by_click = {m: (click_losses(m, logits) * shares).sum(axis=1).mean() for m in ("ce", "scaled-ce", "accuracy")}
    assert by_click["ce"] == pytest.approx(cross_entropy(logits.clean, shares))
    assert by_click["scaled-ce"] == pytest.approx(cross_entropy(logits.clean / 1.7, shares))
    hard = np.eye(4)[counts.argmax(axis=1)]
    unanimous = (click_losses("accuracy", logits) * hard).sum(axis=1).mean()
    assert unanimous == pytest.approx(1 - accuracy(logits.clean, hard))
    with pytest.raises(RequestError, match="rmsce"):
        click_losses("rmsce", logits)


def test_means_at_a_budget_are_means_of_the_first_clicks():
    found = models([0.0, 0.1])
    losses = mean_losses(found, 3, [10, 50, 900], np.random.default_rng(5))
    image, label = draw_clicks(found.counts, 3, 900, np.random.default_rng(5))
    np.testing.assert_allclose(losses[:, 1], found.losses[:, image[:50], label[:50]].mean(axis=1))
    np.testing.assert_allclose(losses[:, 2], found.losses[:, image, label].mean(axis=1))


def test_the_spread_of_a_difference_is_what_its_parts_are():
    # Known parts: differences of images with variance 0.04, of clicks on one image with variance 0.09.
    rng, n = np.random.default_rng(2), 6000
    counts = rng.multinomial(10, [0.5, 0.5], n)
    difference = rng.normal(0, 0.2, (n, 1)) + np.array([[0.3, -0.3]])
    found = spread(difference, counts)
    assert found.between == pytest.approx(0.04, rel=0.06)
    assert found.within == pytest.approx(0.09, rel=0.03)


def test_the_images_that_a_gain_takes_show_it_as_often_as_stated():
    # Simulated studies of so many images see the gain in 80% of them; an image's clicks are seen anew in each.
    parts, gain, rng = Spread(between=0.04, within=0.09), 0.05, np.random.default_rng(0)
    n = round(parts.images_to_see(gain, 1))
    seen = rng.normal(gain, np.sqrt(0.13), (2000, n))
    z = seen.mean(axis=1) / (seen.std(axis=1, ddof=1) / np.sqrt(n))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.03)
    assert parts.smallest_seen(n, 1) == pytest.approx(gain, rel=0.01)
    assert parts.images_to_see(gain, 3) < n < 3 * parts.images_to_see(gain, 3)


def test_more_clicks_choose_better_and_one_an_image_is_best():
    found = replay_choices(models([0.0, 0.03]), replays=60, budgets=(20, 400), each=(1, 5))
    right = found.right.pivot_table(index="clicks", columns="each", values="mean")
    assert right.loc[400, 1] > right.loc[20, 1]
    assert right.loc[400, 1] > right.loc[400, 5] + 0.03


def test_equal_models_are_no_pair_and_pairs_share_their_seed():
    found = models([0.0, 0.0])
    equal = replace(found, losses=np.zeros_like(found.losses))
    assert replay_choices(equal, replays=2, budgets=(10,), each=(1,)).right.empty
    pairs = pairs_of(models([0.0, 0.1, 0.2], seeds=3))
    assert pairs.shape == (9, 2)


def test_a_split_budget_buys_candidates_or_a_better_choice():
    found = replay_splits(models([0.3, 0.2, 0.0], costs=[0.0, 0.0, 1000.0]), replays=20, test_clicks=(10, 400))
    chosen = found.chosen.set_index(["training", "test"])
    assert chosen.loc[(0, 400), "candidates"] == 2
    assert chosen.loc[(1000, 400), "candidates"] == 3
    # Nothing that training bought helps who chooses at random as much as clicks on the test do.
    assert chosen.loc[(1000, 400), "loss"] == pytest.approx(chosen.loc[(1000, 400), "best"], abs=0.01)
    assert chosen.loc[(1000, 0), "loss"] > chosen.loc[(1000, 10), "loss"] > chosen.loc[(1000, 400), "loss"]
    assert chosen.loc[(0, 400), "loss"] > chosen.loc[(1000, 400), "loss"]
    with pytest.raises(RequestError, match="no budget to split"):
        replay_splits(models([0.0, 0.1]), replays=2)


def test_a_vote_of_all_is_the_most_clicked_class_and_of_few_is_noisy():
    counts = people(n=2000)
    counts = counts[(counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1]
    truth = counts.argmax(axis=1)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(vote(counts, None, rng), truth)
    wrong = [(vote(counts, m, rng) != truth).mean() for m in (1, 3, 9)]
    assert wrong[0] > wrong[1] > wrong[2]
    # One person says each class as often as people do.
    expected = 1 - (counts / counts.sum(axis=1, keepdims=True)).max(axis=1).mean()
    assert wrong[0] == pytest.approx(expected, abs=0.03)


def test_rounds_add_errors_and_noise_costs_progress():
    rng, counts = np.random.default_rng(0), people(n=1500, clicks=20, seed=4)
    features = np.eye(4)[counts.argmax(axis=1)] + rng.normal(0, 0.7, (1500, 4))
    found = simulate_rounds(features, counts, seeds=4, rounds=4).progress.set_index(["labels", "round"])
    assert found.loc[(TRUTH, 0), "gain"] == 0
    assert (found.loc[TRUTH, "wrong"] == 0).all()
    assert (found.loc["1 person", "wrong"] > 0.1).all()
    assert found.loc["1 person", "accuracy"].mean() < found.loc[TRUTH, "accuracy"].mean()
    assert found.loc[(RANDOM, 3), "images"] == 500
    with pytest.raises(RequestError, match="375 images"):
        simulate_rounds(features[:100], counts[:100])
