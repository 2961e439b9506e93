"""What a test set that can see a gain costs: from models' own differences, or nothing where it can't be known."""

from pathlib import Path

import numpy as np
import pytest

from softcore.datasets import DATASETS, load
from softcore.prices.read import price_list
from sweeps.evaluation.cost_of_test import test_cost_words as words
from sweeps.evaluation.cost_of_test import test_costs as costs
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

BLOCKS = [{"variety": "hard", "epochs": 1}, {"variety": "click", "annotators": 2, "items": 60, "epochs": 1}]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A finished sweep of two cells and two seeds, run without Ray."""
    digits = load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "digits", lambda root: digits)
        out, spec = (
            tmp_path_factory.mktemp("out"),
            resolve({"name": "cost", "dataset": "digits", "seeds": 2, "blocks": BLOCKS}),
        )
        made = manifest(spec, digits, out, None)
        store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), made)
        for trial in Sweep(store).trials():
            run_trial(trial, Material(dataset=digits), store.trials)
        yield Sweep(store)


def asked(sweep, metric="ce/crowd", gain=0.02, **pay):
    pay = {"wage": 12.0, "fee": 0.333} | pay
    return costs(sweep.store, sweep.results(), sweep.dataset(Path()), metric, gain, price_list("thesis"), **pay)


def test_half_the_gain_takes_four_times_the_images_and_money_is_of_clicks(sweep):
    one, three = asked(sweep)
    halved, _ = asked(sweep, gain=0.01)
    assert halved.images == pytest.approx(4 * one.images, abs=4)
    assert one.usd == pytest.approx(one.images * 2.5 / 3600 * 12 * 1.333)
    assert one.images > three.images > one.images / 3
    assert asked(sweep, wage=24.0)[0].usd == pytest.approx(2 * one.usd)
    assert f"{float(f'{one.images:.2g}'):,.0f} test images with one click each" in words([one, three])


def test_it_is_the_variance_of_the_models_own_differences(sweep):
    # A plain bootstrap over images with one fresh click each has the standard error that the formula states.
    digits, rng = sweep.dataset(Path()), np.random.default_rng(0)
    one, _ = asked(sweep)
    from scipy.special import log_softmax

    results = sweep.results()
    counts = digits.counts[digits.fixed_tests["crowd"].items]
    shares = counts / counts.sum(axis=1, keepdims=True)
    variances = []
    for seed in (0, 1):
        free, bought = (
            log_softmax(
                sweep.predictions(results[(results["seed"] == seed) & (results["variety"] == v)]["trial"].iloc[0])[
                    "crowd/clean"
                ].astype(float),
                axis=1,
            )
            for v in ("hard", "click")
        )
        images = rng.integers(0, len(counts), 200_000)
        classes = (shares[images].cumsum(axis=1) > rng.random((200_000, 1))).argmax(axis=1)
        variances.append((bought - free)[images, classes].var())
    expected = (1.959964 + 0.841621) ** 2 * np.mean(variances) / 0.02**2
    assert one.images == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("metric", "gain"), [("rmsce/crowd", 0.01), ("ce/pages", 0.01), ("ce/crowd", 0.0), ("ce/crowd", -1.0)]
)
def test_what_can_not_be_known_is_not_said(sweep, metric, gain):
    assert asked(sweep, metric, gain) == []
    assert words([]) == ""
