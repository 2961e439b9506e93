"""Scores come from stored logits alone, on every test set, with a temperature of the validation images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from softcore.datasets import TestSet
from softcore.evaluate import evaluate, predict
from softcore.labels.elicited import soft_labels
from softcore.metrics import METRICS, fit_temperature
from softcore.models import MODELS, make_model
from softcore.predict import BATCH, folded, logits
from softcore.test_sets import test_sets as sets_of


@pytest.fixture(scope="module")
def model():
    images = torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    return make_model("cnn", images, 10, seed=3).eval()


@pytest.fixture(scope="module")
def predictions(model, digits):
    return predict(model, digits.images, digits, sets_of(digits, 0))


def test_every_metric_is_there_for_every_test_set(predictions, digits):
    found = evaluate(predictions, digits, sets_of(digits, 0))
    assert set(found) == {f"{metric}/{test}" for metric in METRICS for test in ("crowd", "pages")}
    assert np.isfinite(list(found.values())).all()


def test_predictions_are_float32_logits_with_their_items(predictions, digits):
    flat = predictions.arrays()
    names = [f"{test}/{part}" for test in ("crowd", "pages") for part in ("items", "clean", "fgsm")]
    assert sorted(flat) == sorted([*names, "validation/items", "validation/clean"])
    assert all(array.dtype == np.float32 for name, array in flat.items() if not name.endswith("items"))
    assert flat["crowd/clean"].shape == flat["crowd/fgsm"].shape == (500, 10)
    assert flat["pages/clean"].shape == (50, 10)
    assert np.array_equal(flat["validation/items"], digits.validation_items)


def test_logits_come_in_the_order_of_the_items(model, digits):
    items = np.arange(BATCH + 20)
    forward, backward = logits(model, digits.images, items), logits(model, digits.images, items[::-1].copy())
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-5)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_folding_batch_norm_changes_nothing_but_rounding(name):
    noise = torch.Generator().manual_seed(0)
    images = torch.rand(16, 3, 16, 16, generator=noise)
    model = make_model(name, images, 5, seed=1)
    with torch.no_grad():
        for _ in range(3):  # running statistics that are not those of a fresh model
            model.train()(images)
        for norm in model.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.weight.uniform_(0.5, 2, generator=noise)
                norm.bias.uniform_(-1, 1, generator=noise)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    quick = folded(model)
    with torch.inference_mode():
        expected, found = model.eval()(images), quick(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in quick.modules())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in quick.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_temperature_is_fitted_on_validation_images_alone(predictions, digits):
    # Sharper logits on a test set must not change by what they are divided.
    tests = sets_of(digits, 0)
    temperature = fit_temperature(predictions.validation, digits.labels[digits.validation_items])
    sharper = replace(predictions, clean={name: 3 * clean for name, clean in predictions.clean.items()})
    by_hand = evaluate(
        replace(predictions, clean={n: 3 * c / temperature for n, c in predictions.clean.items()}), digits, tests
    )
    assert evaluate(sharper, digits, tests)["scaled-ce/crowd"] == pytest.approx(by_hand["ce/crowd"], rel=1e-5)


def test_the_held_out_test_is_the_mean_t2_clamp_of_all_its_people(digits):
    test = sets_of(digits, 4)["pages"]
    item = test.items[11]
    rows = digits.records[(digits.records["item"] == item) & ~digits.records["is_repeat"]]
    np.testing.assert_allclose(test.targets[11], soft_labels(rows, "t2-clamp", 10, 0.1).mean(axis=0))


def test_every_seed_is_tested_on_its_own_held_out_items(digits):
    assert not np.array_equal(sets_of(digits, 0)["pages"].items, sets_of(digits, 1)["pages"].items)
    assert np.array_equal(sets_of(digits, 0)["crowd"].items, sets_of(digits, 1)["crowd"].items)


def test_test_sets_share_no_item_with_the_validation_images(digits):
    for test in sets_of(digits, 0).values():
        assert not np.isin(test.items, digits.validation_items).any()


def test_a_data_set_that_holds_nothing_out_has_its_fixed_tests_only(digits):
    assert list(sets_of(replace(digits, held_out=0), 0)) == ["crowd"]


def test_metrics_can_be_computed_on_a_test_set_of_any_size(model, digits):
    few = {"few": TestSet(items=np.array([4]), targets=np.eye(10)[[3]])}
    assert np.isfinite(list(evaluate(predict(model, digits.images, digits, few), digits, few).values())).all()
