"""Scores come from stored logits alone, on every test set, with a temperature of the validation images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from softcore.data.dataset import TestSet
from softcore.errors import RequestError
from softcore.evaluate import CURVE_IMAGES, curve_items, curve_scores, evaluate, predict
from softcore.labels.elicited import soft_labels
from softcore.scoring.attacks import BATCH, fold_batch_norms, logits
from softcore.scoring.corrupted import CorruptedImages, corrupted_images
from softcore.scoring.corruptions import CORRUPTIONS
from softcore.scoring.metrics import ALWAYS, EXTRAS, METRICS, accuracy, cross_entropy, fit_temperature
from softcore.test_sets import test_sets as sets_of
from softcore.training.models import MODELS, make_model

# What `all-metrics` adds on a data set whose classes have no order.
MORE = ("brier", "nll", "tv", "kl", "entropy-correlation", "classwise-ece", "people-ece")


@pytest.fixture(scope="module")
def model():
    images = torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    return make_model("cnn", images, 10, seed=3).eval()


@pytest.fixture(scope="module")
def predictions(model, digits):
    return predict(model, digits.images, digits, sets_of(digits, 0))


def test_every_metric_is_there_for_every_test_set(predictions, digits):
    found = evaluate(predictions, digits, sets_of(digits, 0))
    on_tests = [f"{metric}/{test}" for test in ("crowd", "pages") for metric in ALWAYS]
    assert list(found) == [*on_tests, "temperature", "temperature_error", "ce/validation", "accuracy/validation"]
    assert np.isfinite(list(found.values())).all()


def test_predictions_are_float32_logits_with_their_items(predictions, digits):
    flat = predictions.arrays()
    names = [f"{test}/{part}" for test in ("crowd", "pages") for part in ("items", "clean", "fgsm")]
    assert sorted(flat) == sorted([*names, "validation/items", "validation/clean"])
    assert all(array.dtype == np.float32 for name, array in flat.items() if not name.endswith("items"))
    assert flat["crowd/clean"].shape == flat["crowd/fgsm"].shape == (500, 10)
    assert flat["pages/clean"].shape == (50, 10)
    assert np.array_equal(flat["validation/items"], digits.validation_items)


def test_learning_curves_are_on_a_draw_of_the_validation_images_that_every_trial_shares(digits):
    many = replace(digits, validation_items=np.arange(3, 1203))
    drawn = curve_items(many)
    assert len(set(drawn)) == CURVE_IMAGES < 1200
    assert np.isin(drawn, many.validation_items).all()
    assert np.array_equal(drawn, curve_items(many))
    assert 400 < drawn.mean() < 800  # not the first ones: an own data set's may be sorted by class
    assert np.array_equal(curve_items(digits), np.sort(digits.validation_items))


def test_a_curves_scores_are_those_of_the_metrics_where_there_are_images_enough(predictions, digits):
    found, labels = predictions.validation, digits.labels[digits.validation_items]
    hard = np.eye(10)[labels]
    scaled = cross_entropy(found / fit_temperature(found, labels), hard)
    assert curve_scores(found, labels) == {
        "ce": cross_entropy(found, hard),
        "accuracy": accuracy(found, hard),
        "scaled-ce": scaled,
    }
    assert list(curve_scores(found[:99], labels[:99])) == ["ce", "accuracy"]
    assert curve_scores(found[:0], labels[:0]) == {}
    assert curve_scores(np.full_like(found, np.nan), labels) == {}


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
    quick = fold_batch_norms(model)
    with torch.inference_mode():
        expected, found = model.eval()(images), quick(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    # All but those that follow a sum: the first of each pre-activation block and the last of all.
    left = sum(isinstance(module, torch.nn.BatchNorm2d) for module in quick.modules())
    assert left == {"preact-resnet18": 8 + 1, "preact-resnet34": 16 + 1}.get(name, 0)
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


@pytest.fixture(scope="module")
def corrupted(digits):
    return corrupted_images(None, digits, np.sort(digits.fixed_tests["crowd"].items)[:40])


@pytest.fixture(scope="module")
def few(digits):
    """The first 40 items of the fixed test set, and the held-out one."""
    crowd = digits.fixed_tests["crowd"]
    order = np.argsort(crowd.items)[:40]
    return {"crowd": TestSet(items=crowd.items[order[::-1]], targets=crowd.targets[order[::-1]])} | {
        "pages": sets_of(digits, 0)["pages"]
    }


@pytest.fixture(scope="module")
def everything(model, digits, few, corrupted):
    return predict(model, digits.images, digits, few, extras=EXTRAS, corrupted=corrupted)


def test_validation_scores_are_against_its_hard_labels(predictions, digits):
    found = evaluate(predictions, digits, sets_of(digits, 0))
    hard = np.eye(10)[digits.labels[digits.validation_items]]
    assert found["ce/validation"] == cross_entropy(predictions.validation, hard)
    assert found["accuracy/validation"] == accuracy(predictions.validation, hard)


def test_what_was_asked_for_comes_after_what_is_always_there(everything, digits, few):
    found = evaluate(everything, digits, few, extras=EXTRAS)
    usual = list(evaluate(everything, digits, few))
    assert list(found)[: len(usual)] == usual
    assert list(found)[len(usual) :] == [
        *("pgd/crowd", "rmsce-released/crowd", *(f"{metric}/crowd" for metric in MORE)),
        *("ce/crowd-c-generated", "scaled-ce/crowd-c-generated", "accuracy/crowd-c-generated"),
        *("pgd/pages", "rmsce-released/pages", *(f"{metric}/pages" for metric in MORE)),
    ]
    assert np.isfinite(list(found.values())).all()
    assert found["pgd/crowd"] > found["ce/crowd"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_one_extra_adds_its_own_metrics_only(model, digits, few, corrupted, extra):
    added = {
        "pgd": {"pgd/crowd", "pgd/pages"},
        "released": {"rmsce-released/crowd", "rmsce-released/pages"},
        "corruptions": {f"{metric}/crowd-c-generated" for metric in ("ce", "scaled-ce", "accuracy")},
        "all-metrics": {f"{metric}/{test}" for metric in MORE for test in ("crowd", "pages")},
    }
    one = predict(model, digits.images, digits, few, extras=[extra], corrupted=corrupted)
    found = evaluate(one, digits, few, extras=[extra])
    assert set(found) - set(evaluate(one, digits, few)) == added[extra]


def test_classes_with_an_order_have_a_wasserstein_distance(predictions, digits):
    ordered = replace(digits, class_positions=np.arange(10.0))
    tests = sets_of(digits, 0)
    found = evaluate(predictions, ordered, tests, extras=["all-metrics"])
    more = {f"wasserstein/{test}" for test in ("crowd", "pages")}
    assert set(found) - set(evaluate(predictions, digits, tests, extras=["all-metrics"])) == more
    assert set(found) == {f"{m}/{test}" for m in METRICS if not METRICS[m].extra for test in ("crowd", "pages")} | {
        *("temperature", "temperature_error", "ce/validation", "accuracy/validation")
    }


def test_extras_leave_the_other_predictions_the_same_bytes(model, digits, few, everything):
    plain = predict(model, digits.images, digits, few).arrays()
    with_extras = everything.arrays()
    assert all(with_extras[name].tobytes() == array.tobytes() for name, array in plain.items())
    corruptions = {f"crowd/c-generated/{name}" for name in CORRUPTIONS}
    assert set(with_extras) - set(plain) == {"crowd/pgd", "pages/pgd"} | corruptions
    assert all(with_extras[name].dtype == np.float32 for name in corruptions)


def test_corrupted_logits_are_those_of_each_items_own_copy(model, digits, few, corrupted, everything):
    rows = corrupted.rows(few["crowd"].items)
    assert not np.array_equal(rows, np.arange(40))  # the test set has an order of its own
    for name in ("fog", "pixelate"):
        expected = logits(model, corrupted.images[name][rows], np.arange(40))
        np.testing.assert_allclose(everything.corrupted["crowd"][name], expected, atol=1e-4)


def test_scores_on_corrupted_images_are_means_over_the_standard_corruptions(everything, digits, few):
    # Two corruptions are left, one of them without a place in the mean.
    by_name = everything.corrupted["crowd"]
    two = {"crowd": {"fog": by_name["fog"], "snow": by_name["snow"], "saturate": 9 * by_name["contrast"]}}
    found = evaluate(replace(everything, corrupted=two, suffix="c"), digits, few, extras=["corruptions"])
    targets = few["crowd"].targets
    temperature = fit_temperature(everything.validation, digits.labels[digits.validation_items])
    fog, snow = by_name["fog"], by_name["snow"]
    assert found["ce/crowd-c"] == pytest.approx((cross_entropy(fog, targets) + cross_entropy(snow, targets)) / 2)
    assert found["accuracy/crowd-c"] == (accuracy(fog, targets) + accuracy(snow, targets)) / 2
    scaled = (cross_entropy(fog / temperature, targets) + cross_entropy(snow / temperature, targets)) / 2
    assert found["scaled-ce/crowd-c"] == pytest.approx(scaled)


def test_a_fixed_test_set_without_its_corrupted_images_is_an_error(model, digits, corrupted):
    with pytest.raises(ValueError, match=r"no corrupted image of item \d+ \(460 of 500 are missing\)"):
        predict(model, digits.images, digits, digits.fixed_tests, extras=["corruptions"], corrupted=corrupted)
    with pytest.raises(ValueError, match="no corrupted images were given"):
        predict(model, digits.images, digits, digits.fixed_tests, extras=["corruptions"])


def test_corrupted_images_of_another_size_than_the_trials_are_an_error(model, digits, few, corrupted):
    with pytest.raises(ValueError, match=r"gaussian_noise images are \[4, 4, 1\], the trial's \[8, 8, 1\]"):
        predict(model, digits.images, digits, few, extras=["corruptions"], corrupted=corrupted.at(4))


def test_an_extra_that_is_not_known_is_refused(model, digits, few, predictions):
    with pytest.raises(RequestError, match="unknown extra 'pdg'; known: all-metrics, corruptions, pgd, released"):
        predict(model, digits.images, digits, few, extras=["pdg"])
    with pytest.raises(RequestError, match="unknown extra 'pdg'"):
        evaluate(predictions, digits, few, extras=["pdg"])


def test_official_images_score_under_a_name_of_their_own(model, digits, few, corrupted):
    official = CorruptedImages(source="official", images=corrupted.images, items=corrupted.items, absent={})
    found = predict(model, digits.images, digits, few, extras=["corruptions"], corrupted=official)
    assert "crowd/c/fog" in found.arrays()
    assert "ce/crowd-c" in evaluate(found, digits, few, extras=["corruptions"])
