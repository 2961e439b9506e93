"""What every plug-in owes: one suite over VARIETIES, AGGREGATORS, MODELS and METRICS that a new one is held to."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch

from softcore.data.dataset import Dataset, TestSet
from softcore.datasets import DATASETS
from softcore.errors import RequestError
from softcore.evaluate import evaluate, predict
from softcore.labels.aggregate import AGGREGATORS, BY_PERSON, aggregate
from softcore.labels.ask import asked_varieties
from softcore.labels.build import build
from softcore.labels.label_set import group
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.scoring.metrics import ALWAYS, LEAST_VALIDATION, METRICS, lower_is_better, scores
from softcore.test_sets import test_sets as sets_of
from softcore.train import train
from softcore.training.models import MODELS, make_model
from softcore.varieties import FREE, VARIETIES


@dataclass(frozen=True)
class Shape:
    """Images and classes of a made-up data set."""

    height: int
    width: int
    channels: int
    classes: int


SHAPES = [Shape(20, 24, 1, 3), Shape(8, 8, 3, 10), Shape(5, 4, 4, 2)]
ITEMS, TRAIN, VALIDATION = 60, 36, 9


def made_up(shape, *, counts):
    """60 images, 24 of them answered by 2 or 3 of three people, with or without clicks known as counts."""
    rng = np.random.default_rng(0)
    labels = np.arange(ITEMS) % shape.classes
    rows = []
    for item in range(24):
        for person in range(2 + item % 2):
            first, second = rng.permutation(shape.classes)[:2]
            ticks = tuple(k for k in range(shape.classes) if k not in (first, second) and rng.random() < 0.5)
            p1 = float(rng.choice([0.4, 0.8, 1.0]))
            rows.append((f"p{person}", item, first, p1, second, float(rng.choice([0.1, 0.6])), ticks))
    records = pd.DataFrame(rows, columns=["annotator", "item", "top1", "p1", "top2", "p2", "impossible"])
    records = records.assign(seconds=30.0, position=1, is_repeat=False, question="page")
    test = np.arange(TRAIN + VALIDATION, ITEMS)
    return Dataset(
        name="made-up",
        title="made up",
        images=rng.integers(0, 256, (ITEMS, shape.height, shape.width, shape.channels)).astype(np.uint8),
        labels=labels,
        classes=tuple(f"class {k}" for k in range(shape.classes)),
        train_items=np.arange(TRAIN),
        validation_items=np.arange(TRAIN, TRAIN + VALIDATION),
        records=records,
        counts=rng.integers(0, 4, (ITEMS, shape.classes)) + 1 if counts else None,
        fixed_tests={"reference": TestSet(items=test, targets=np.eye(shape.classes)[labels[test]])},
        held_out=4,
        held_out_test="pages",
        default_metric="ce/reference",
        simulated=True,
        odd_rows={},
        fingerprints={"made-up": f"{shape}"},
        word_similarity=rng.uniform(-0.2, 1, (shape.classes, shape.classes)),
    )


def labels_policy(variety, **said):
    """The usual policy of a variety; classes are alike as the words say, which every made-up data set has."""
    return LabelPolicy(variety=variety, similarity="word-vectors" if VARIETIES[variety].similarity else None, **said)


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def shape(request):
    return request.param


@pytest.fixture(scope="module", params=[True, False], ids=["counts", "no counts"])
def dataset(request, shape):
    return made_up(shape, counts=request.param)


@pytest.mark.parametrize("variety", VARIETIES)
@pytest.mark.parametrize("annotators", [1, "all"])
def test_a_variety_makes_distributions_the_same_each_time(dataset, variety, annotators):
    policy = labels_policy(variety, annotators=annotators)
    one, other = build(dataset, policy, seed=1), build(dataset, policy, seed=1)
    assert one.probs.shape == (len(one.probs), len(dataset.classes))
    assert one.probs.dtype == np.float64
    assert (one.probs >= 0).all()
    np.testing.assert_allclose(one.probs.sum(axis=1), 1, atol=1e-9)
    assert one.probs.tobytes() == other.probs.tobytes()
    assert np.array_equal(one.items, np.setdiff1d(dataset.train_items, one.held_out))
    assert np.diff(one.offsets).min() >= 1


@pytest.mark.parametrize("variety", VARIETIES)
def test_a_variety_counts_the_answers_that_it_used(dataset, variety):
    targets = build(dataset, labels_policy(variety, annotators=2, items=10), seed=1)
    assert targets.answers == ({variety: 20} if variety not in FREE else {})
    assert len(targets.panel.items) == 10


@pytest.mark.parametrize("variety", VARIETIES)
def test_an_item_that_nobody_was_asked_this_about_keeps_its_hard_label(dataset, variety):
    # Half of the items have pages, half clicks.
    question = np.where(dataset.records["item"] < 12, "page", "click")
    mixed = replace(dataset, records=dataset.records.assign(question=question), counts=None)
    targets = build(mixed, labels_policy(variety), seed=1)
    assert np.array_equal(targets.items, np.setdiff1d(dataset.train_items, targets.held_out))
    alone = build(mixed, labels_policy(variety, rest="none"), seed=1)
    assert np.array_equal(alone.items, alone.panel.items)


@pytest.mark.parametrize("variety", VARIETIES)
def test_a_variety_leaves_the_data_alone(dataset, variety):
    records, labels = dataset.records.copy(deep=True), dataset.labels.copy()
    build(dataset, labels_policy(variety), seed=1)
    pd.testing.assert_frame_equal(dataset.records, records)
    assert np.array_equal(dataset.labels, labels)


@pytest.mark.parametrize("method", [method for method in AGGREGATORS if method not in BY_PERSON])
@pytest.mark.parametrize("variety", asked_varieties())
def test_an_aggregator_keeps_items_and_distributions(dataset, method, variety):
    keeps_items_and_distributions(dataset, method, variety)


@pytest.mark.parametrize("method", BY_PERSON)
def test_an_aggregator_by_person_does_too_and_wants_to_know_who_answered(method):
    # First choices alone tell whom to trust, and seconds are dear: one data set and one variety stand for all.
    keeps_items_and_distributions(made_up(SHAPES[0], counts=False), method, "t2-clamp")
    with pytest.raises(RequestError, match="needs to know who answered"):
        keeps_items_and_distributions(made_up(SHAPES[0], counts=True), method, "click")


def keeps_items_and_distributions(dataset, method, variety):
    labels = build(dataset, labels_policy(variety), seed=1).panel
    before = labels.probs.copy()
    pooled, again = aggregate(labels, method), aggregate(labels, method)
    assert np.array_equal(pooled.items, labels.items)
    assert pooled.probs.shape == (pooled.offsets[-1], len(dataset.classes))
    assert (pooled.counts >= 1).all()
    assert (pooled.counts <= labels.counts).all()
    assert len(pooled.annotators) == len(pooled.probs)
    np.testing.assert_allclose(pooled.probs.sum(axis=1), 1, atol=1e-9)
    assert pooled.probs.tobytes() == again.probs.tobytes()
    assert np.array_equal(labels.probs, before)


@pytest.mark.parametrize("method", AGGREGATORS)
def test_an_aggregator_keeps_what_all_agree_on(method):
    dataset = made_up(SHAPES[0], counts=False)
    items = np.repeat(dataset.train_items, 2)
    classes = dataset.labels[items]
    people = np.tile(["ann", "bob"], len(dataset.train_items))
    labels = group(items, np.eye(len(dataset.classes))[classes], people, "click", classes)
    found = aggregate(labels, method)
    likely = np.eye(len(dataset.classes))[dataset.labels[found.label_items]]
    np.testing.assert_allclose(found.probs, likely, atol=0.1 if method in BY_PERSON else 0)


@pytest.fixture(scope="module")
def images(shape):
    size = (2, shape.channels, shape.height, shape.width)
    return torch.rand(*size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=MODELS)
def model(request, shape, images):
    """Each network for each shape, its weights of seed 4; a batch has gone through it forward and backward."""
    made = make_model(request.param, images, shape.classes, seed=4)
    made.name, made.first = request.param, [parameter.detach().clone() for parameter in made.parameters()]
    made.logits = made.train()(images)
    made.logits.logsumexp(1).sum().backward()
    return made.eval()


def test_a_model_takes_any_size_channels_and_classes(shape, images, model):
    for logits in (model.logits, model(images)):
        assert logits.shape == (2, shape.classes)
        assert logits.dtype == torch.float32
        assert torch.isfinite(logits).all()


def test_all_of_a_models_weights_learn(model):
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_models_weights_are_the_seeds(shape, images, model):
    twin = make_model(model.name, images, shape.classes, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(model.first, twin.parameters(), strict=True))


def test_a_models_logits_of_an_image_do_not_depend_on_its_company(images, model):
    with torch.no_grad():
        together, alone = model(images), model(images[:1])
    torch.testing.assert_close(together[:1], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("metric", ALWAYS)
@pytest.mark.parametrize("n", [1, 7, 30, 1001])
def test_a_metric_is_a_finite_number_the_same_each_time(shape, metric, n):
    rng = np.random.default_rng(n)
    logits = rng.normal(scale=3, size=(n, shape.classes)).astype(np.float32)
    targets = rng.dirichlet(np.ones(shape.classes), size=n)
    one, other = (scores(logits, logits[::-1].copy(), targets, 1.5)[metric] for _ in range(2))
    assert isinstance(one, float)
    assert np.isfinite(one)
    assert one == other


@pytest.mark.parametrize("metric", ALWAYS)
def test_a_metrics_better_is_that_of_a_model_that_is_right(shape, metric):
    targets = np.eye(shape.classes)[np.arange(40) % shape.classes]
    right, wrong = (6 * t.astype(np.float32) for t in (targets, np.roll(targets, 1, axis=1)))
    good, bad = (scores(logits, logits, targets, 1.0)[metric] for logits in (right, wrong))
    assert (good < bad) == lower_is_better(metric)


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_has_a_card(metric):
    card = METRICS[metric]
    assert card.name == metric
    assert all((card.title, card.definition, card.faults))


def test_any_shape_is_trained_and_scored_from_answers_to_metrics(dataset):
    targets = build(dataset, LabelPolicy(variety="t2-clamp"), seed=0)
    policy = TrainingPolicy(epochs=1, batch=8, image_size=None, augmentation="crop-flip")
    model = train(dataset.images, targets, policy, classes=len(dataset.classes), seed=0)
    tests = sets_of(dataset, 0)
    found = evaluate(predict(model, dataset.images, dataset, tests), dataset, tests)
    assert len(dataset.validation_items) < LEAST_VALIDATION
    usual = {f"{m}/{test}" for m in ALWAYS if not METRICS[m].scaled for test in ("reference", "pages")}
    assert set(found) == usual | {"ce/validation", "accuracy/validation"}
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("table", [VARIETIES, AGGREGATORS, MODELS, METRICS, DATASETS])
def test_names_are_words_for_a_command_line(table):
    assert all(name == name.lower() and name.replace("-", "").isalnum() for name in table)
