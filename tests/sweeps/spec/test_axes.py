"""Axes of the later methods: completed where they apply, null where plain, refused where they make no sense."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.spec.axes import settle_axes
from sweeps.spec.axis_names import DEFAULT_AXES
from sweeps.spec.spec import resolve


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def hmix(digits):
    """Digits that claim to have mixed images and class similarities: enough for what is checked here."""
    return replace(digits, name="hmix", mixed=object(), word_similarity=np.ones((10, 10)))


def settled(dataset, **axes):
    return settle_axes({**DEFAULT_AXES, **axes}, dataset)


def test_what_is_plain_is_null(digits):
    plain = settled(digits, variety="hard")
    names = ("similarity", "hmix", "hmix_images", "confidence_decay", "mixing", "alpha", "loss", "entropy_floor")
    assert [plain[name] for name in (*names, "target_mixing")] == [None] * 9
    assert settled(digits, variety="hard", mixing=None, loss=None) == plain


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"mixing": "mixup"}, {"alpha": 1.0}),
        ({"mixing": "mix-maxent"}, {"alpha": 10.0}),
        ({"mixing": "mixup", "loss": "entropy-weighted"}, {"alpha": 0.2, "entropy_floor": 0.7}),
        ({"mixing": "mixup", "target_mixing": "linear"}, {"target_mixing": None}),
        ({"hmix": "mean"}, {"hmix_images": "all"}),
        ({"hmix": "soft-labels"}, {"hmix_images": None}),
    ],
)
def test_what_is_left_open_takes_the_usual_value(hmix, asked, found):
    axes = settled(hmix, variety="hard", **asked)
    assert {name: axes[name] for name in found} == found


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"loss": "entropy-weighted"}, "needs mixing: mixup"),
        ({"loss": "entropy-weighted", "mixing": "mix-maxent"}, "needs mixing: mixup"),
        ({"entropy_floor": 0.7, "mixing": "mixup"}, "entropy_floor: 0.7 needs loss: entropy-weighted"),
        ({"alpha": 0.2}, "alpha: 0.2 needs mixing: mixup or mix-maxent"),
        ({"alpha": 0, "mixing": "mixup"}, "alpha must be a number"),
        ({"target_mixing": "logistic"}, "needs mixing"),
        ({"target_mixing": "logistic", "mixing": "mix-maxent"}, "gives mixed images no target"),
        ({"target_mixing": "logistic", "mixing": "mixup", "variety": "t2-clamp"}, "needs one class an endpoint"),
        ({"mixing": "cutmix"}, "unknown mixing 'cutmix'; known: "),
        ({"loss": "focal"}, "unknown loss 'focal'; known: "),
        ({"rest": "simulated"}, "soft endpoints without soft labels make no sense"),
        ({"rest": "simulated", "variety": "click"}, "variety must be t2-clamp"),
        ({"hmix": "median"}, "unknown hmix 'median'; known: "),
        ({"hmix_images": "all"}, "hmix_images: all needs mixed images"),
        ({"confidence_decay": 0.005}, "needs mixed images"),
        ({"confidence_decay": 0.005, "hmix": "generating"}, "needs hmix: mean or separate; it is generating"),
        ({"confidence_decay": 2, "hmix": "mean"}, "confidence_decay must be a number in 0..1"),
        ({"hmix": "soft-labels", "hmix_images": "all"}, "only the images that people labelled"),
        ({"similarity": "confusions"}, "needs a semantic variety; it is hard"),
        ({"variety": "t1-semantic"}, "needs similarity: confusions or word-vectors"),
        ({"variety": "t1-semantic", "similarity": "glove"}, "unknown similarity 'glove'"),
        ({"variety": "t2-clamp", "aggregation": "median"}, "unknown aggregation 'median'; known: "),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(hmix, asked, words):
    with pytest.raises(RequestError) as refused:
        settled(hmix, **{"variety": "hard", **asked})
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"hmix": "mean"}, "digits has none"),
        ({"mixing": "mixup", "target_mixing": "logistic"}, "digits has none"),
        ({"variety": "t1-semantic", "similarity": "word-vectors"}, "needs word_vectors: FILE"),
    ],
)
def test_what_the_data_lacks_is_refused(digits, asked, words):
    with pytest.raises(RequestError, match=words):
        settled(digits, **{"variety": "hard", **asked})


def test_clicks_known_as_counts_are_not_pooled_by_person(digits):
    counts = np.ones((len(digits.images), 10), dtype=np.int64)
    with pytest.raises(RequestError, match="known as counts"):
        settled(replace(digits, counts=counts), variety="click", aggregation="dawid-skene")
    settled(digits, variety="t2-clamp", aggregation="dawid-skene")


def test_a_setting_reaches_the_blocks_that_have_the_axis():
    blocks = [{"variety": "t1-uniform"}, {"variety": "t1-semantic", "similarity": "confusions"}]
    spec = resolve({"name": "x", "blocks": blocks}, sets=["similarity=word-vectors", "word_vectors=glove.txt"])
    assert [block.get("similarity") for block in spec.blocks] == [None, ["word-vectors"]]
    assert spec.word_vectors is not None
    assert spec.word_vectors.endswith("/glove.txt")


def test_a_setting_that_no_block_has_reaches_all():
    spec = resolve({"name": "x", "blocks": [{"variety": "hard"}, {"variety": "click"}]}, sets=["mixing=mixup"])
    assert [block["mixing"] for block in spec.blocks] == [["mixup"], ["mixup"]]
