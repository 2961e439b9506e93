"""Pictures of labels: what is drawn are the labels of `softcore.labels`, and every word is drawn as it is."""

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.labels.aggregate import aggregate
from softcore.labels.ask import people_labels
from softcore.labels.elicited import soft_labels
from sweeps.studies.thesis.figures.construction_figure import answer_words, construction_figure
from sweeps.studies.thesis.figures.label_figures import COMPARISONS, LABEL_FIGURES, comparison_figure
from sweeps.studies.thesis.figures.label_panels import bars_shown, caption_lines


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def bar_panels(figure):
    """The panels that hold bars, as masses from the top: [bars] a panel."""
    found = []
    for panel in figure.axes:
        if panel.patches:
            ordered = sorted(panel.patches, key=lambda bar: round(bar.get_y() + bar.get_height() / 2, 6))
            found.append(np.array([bar.get_width() for bar in ordered]))
    return found


def words(figure):
    return "\n".join(text.get_text() for text in figure.texts)


def test_the_four_labels_drawn_of_an_answer_are_those_that_training_uses(digits):
    item = int(digits.annotated_items[7])
    figure = construction_figure(digits, [item])
    drawn = np.stack(bar_panels(figure))
    answers = digits.records[(digits.records["item"] == item) & ~digits.records["is_repeat"]]
    varieties = ("t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")
    people = np.stack([soft_labels(answers, variety, 10, 0.1) for variety in varieties], axis=1)
    one = np.flatnonzero([np.allclose(labels, drawn) for labels in people])
    assert len(one) >= 1
    assert f"annotator {answers['annotator'].iloc[one[0]]}'s" in " ".join(words(figure).split("\n"))
    titles = words(figure)
    assert [titles.index(title) for title in ("A  T1 Uniform", "B  T1 Clamp", "C  T2 Uniform", "D  T2 Clamp")]


def test_the_two_labels_drawn_of_an_image_are_everybodys_mean_and_the_shares_of_clicks(digits):
    items = [int(digits.annotated_items[k]) for k in (20, 3)]
    stated = aggregate(people_labels(digits, "t2-clamp", digits.annotated_items, gamma=0.1)[0], "mean")
    panels = bar_panels(comparison_figure("B.1", digits, items))
    assert len(panels) == 2
    for item, drawn in zip(items, panels, strict=True):
        np.testing.assert_allclose(drawn[::2], stated.probs[stated.items == item][0])
        np.testing.assert_allclose(drawn[1::2], digits.counts[item] / digits.counts[item].sum())


@pytest.mark.parametrize("name", LABEL_FIGURES)
def test_every_figure_is_drawn_from_simulated_people_and_says_so(digits, name):
    figure = LABEL_FIGURES[name](digits, ())
    figure.savefig(io.BytesIO(), format="png", dpi=20)
    assert "SIMULATED ANNOTATORS" in words(figure)
    assert f"Thesis figure {name}" in words(figure)
    assert len(bar_panels(figure)) == (4 if name == "3.2" else 3)


def test_the_distance_is_named_where_labels_are_compared_and_chosen_by_it(digits):
    for name in COMPARISONS:
        said = " ".join(words(comparison_figure(name, digits)).split("\n"))
        assert "total variation" in said
        assert "Wasserstein distance" in said
        assert "Chosen: " in said
    by_hand = words(comparison_figure("B.1", digits, digits.annotated_items[:1]))
    assert "Chosen by hand." in by_hand
    assert "three images" not in by_hand


def test_class_names_are_never_taken_for_mathematics(digits):
    named = replace(digits, classes=tuple(rf"${k} \frac{{$" for k in range(10)), title=r"$\frac$ and $\sum_{$")
    for name in LABEL_FIGURES:
        LABEL_FIGURES[name](named, ()).savefig(io.BytesIO(), format="svg")


def test_of_many_classes_the_likely_ones_are_drawn_and_the_rest_as_one():
    # 20 classes; class 19 has 0.5, class 3 has 0.2, the others share 0.3: 18 of 0.3 / 18 each, of which 9 are drawn.
    label = np.full((1, 20), 0.3 / 18)
    label[0, [19, 3]] = 0.5, 0.2
    names, masses, kept = bars_shown([f"class number {k}" for k in range(20)], label)
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19, -1]
    assert (names[3], names[-2], names[-1]) == ("class number 3", "class number …", "9 others")
    assert masses[0, -1] == pytest.approx(9 * 0.3 / 18)
    assert masses.sum() == pytest.approx(1)


def test_an_answer_is_told_in_words():
    classes = ("cat", "dog", "owl")
    answer = pd.Series({"top1": 0, "p1": 0.7, "top2": 1, "p2": 0.2, "impossible": (2,)}, dtype=object)
    assert answer_words(answer, classes) == [
        "most likely: cat, 70%",
        "second: dog, 20%",
        "definitely not: owl",
        "left over: 10%",
    ]
    alone = pd.Series({"top1": 2, "p1": 1.0, "top2": -1, "p2": np.nan, "impossible": ()}, dtype=object)
    assert answer_words(alone, classes) == [
        "most likely: owl, 100%",
        "second: none",
        "definitely not: nothing ticked",
        "left over: 0%",
    ]
    over = pd.Series({"top1": 0, "p1": 0.9, "top2": 1, "p2": 0.3, "impossible": ()}, dtype=object)
    assert answer_words(over, classes)[-1] == "in all 120%: scaled to 100%"
    many = tuple(f"class {k}" for k in range(30))
    ruled_out = pd.Series({"top1": 0, "p1": 0.9, "top2": -1, "impossible": tuple(range(5, 25))}, dtype=object)
    assert answer_words(ruled_out, many)[2] == "definitely not: 20 of 30 classes"


def test_a_caption_keeps_all_its_words():
    said = "one two three " * 60
    lines = caption_lines(said, 6)
    assert " ".join(lines) == said.strip()
    assert max(map(len, lines)) < 6 * 14


def test_what_a_figure_can_not_show_is_refused(digits):
    item = int(digits.annotated_items[0])
    never = int(np.setdiff1d(digits.train_items, digits.annotated_items)[0])
    with pytest.raises(RequestError, match=r"figure 3\.2 shows one answer about one item; 2 items were given"):
        construction_figure(digits, [item, item])
    for draw in LABEL_FIGURES.values():
        with pytest.raises(RequestError, match=f"item {never} of digits has no labels to draw; 250 items have them"):
            draw(digits, [never])
    with pytest.raises(RequestError, match=r"figure 3\.4 shows at most 12 items; 13 were given"):
        comparison_figure("3.4", digits, [item] * 13)
    for name in COMPARISONS:
        with pytest.raises(RequestError, match="digits has no counts of clicks"):
            comparison_figure(name, replace(digits, counts=None))
    hard = replace(digits, counts=np.eye(10, dtype=np.int64)[(digits.labels + 1) % 10])
    with pytest.raises(RequestError, match=r"figure B\.2: its rule finds no image in digits; choose some with --item"):
        comparison_figure("B.2", replace(hard, records=_certain(digits)))


def _certain(dataset):
    """The records with all mass on the reference label."""
    labels = dataset.labels[dataset.records["item"].to_numpy()]
    ruled_out = [tuple(k for k in range(10) if k != label) for label in labels]
    return dataset.records.assign(top1=labels, p1=1.0, top2=-1, p2=np.nan, impossible=ruled_out)


@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real CIFAR-10S files: set SOFTCORE_DATA")
def test_real_people_and_clicks_are_not_called_simulated():
    real = load("cifar10s", Path(os.environ["SOFTCORE_DATA"]))
    figure = comparison_figure("B.1", real)
    assert "SIMULATED" not in words(figure)
    assert "51 clicks" in words(figure)


@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real CIFAR-10S files: set SOFTCORE_DATA")
def test_the_thesis_three_images_are_furthest_by_sorted_masses_with_repeats_as_people():
    real = load("cifar10s", Path(os.environ["SOFTCORE_DATA"]))
    labels = soft_labels(real.records, "t2-clamp", 10, 0.1)
    items, rows = np.unique(real.records["item"], return_inverse=True)
    stated = np.zeros((len(items), 10))
    np.add.at(stated, rows, labels / np.bincount(rows)[rows][:, None])
    clicked = real.counts[items] / real.counts[items].sum(axis=1, keepdims=True)
    # What scipy.stats.wasserstein_distance gives for two samples of one size: the mean gap between sorted values.
    distance = np.abs(np.sort(stated) - np.sort(clicked)).mean(axis=1)
    three = items[np.argsort(-distance)[:3]]
    assert [real.classes[k] for k in real.labels[three]] == ["dog", "frog", "bird"]
    for item in three:
        assert str(item) in COMPARISONS["B.1"].of_the_thesis
