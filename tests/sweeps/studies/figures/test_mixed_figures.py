"""The figures of mixed images: every one drawn from made-up answers, what it shows taken from the picture itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from softcore.data.hmix import INFERENCE_COLUMNS, MixedImages, mix_images
from softcore.data.readers import CIFAR_CLASSES
from softcore.data.records import Answer, records_table
from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.studies.thesis.figures.mixed_figures import (
    MIXED_FIGURES,
    all_coefficients_figure,
    boundary_figure,
    confidence_figure,
)
from sweeps.studies.thesis.figures.mixed_pictures import examples_figure, soft_label_figure

AIRPLANE, DEER, HORSE, SHIP = (CIFAR_CLASSES.index(name) for name in ("airplane", "deer", "horse", "ship"))
PEOPLE = ("ann", "bob", "cat")


@pytest.fixture(scope="module")
def dataset():
    """The digits under other names: four mixes of an airplane and a deer, two of a horse and a ship, three people."""
    digits = load("digits")
    first = {k: int(np.flatnonzero(digits.labels[digits.train_items] == k)[0]) for k in range(10)}
    item = {k: int(digits.train_items[place]) for k, place in first.items()}
    pairs = [(AIRPLANE, DEER, c) for c in (0.1, 0.25, 0.5, 0.75)] + [(HORSE, SHIP, 0.5), (HORSE, SHIP, 0.9)]
    inferences = [
        (i, person, min(1, c + 0.02 * (1 + i * k)), 0.2 * (1 + k), 8.0, 1, False)
        for i, (_, _, c) in enumerate(pairs)
        for k, person in enumerate(PEOPLE)
    ]
    inferences.append((0, "ann", 1.0, 1.0, 8.0, 9, True))
    records, _ = records_table(
        [
            Answer(annotator="ann", item=4, top1=HORSE, p1=0.6, top2=SHIP, p2=0.2, impossible=(0,)),
            Answer(annotator="bob", item=4, top1=DEER, p1=1.0, impossible=tuple(k for k in range(10) if k != DEER)),
            Answer(annotator="bob", item=5, top1=DEER, p1=1.0, position=2),
        ]
    )
    mixed = MixedImages(
        names=tuple(f"mixed_{c}_{CIFAR_CLASSES[a]}_{item[a]}_{CIFAR_CLASSES[b]}_{item[b]}.png" for a, b, c in pairs),
        endpoints=np.array([(item[a], item[b]) for a, b, _ in pairs]),
        coefficients=np.array([c for _, _, c in pairs]),
        inferences=pd.DataFrame(inferences, columns=list(INFERENCE_COLUMNS)).astype(INFERENCE_COLUMNS),
        records=records,
    )
    # Clicks: all on one class for airplanes and deer (entropy 0), even on horses (2.3 nats), 97 to 3 on ships (0.13).
    counts = np.ones((len(digits.labels), 10), dtype=int)
    counts[np.isin(digits.labels, (AIRPLANE, DEER))] = [50] + [0] * 9
    counts[digits.labels == SHIP] = [97, 3] + [0] * 8
    return replace(digits, classes=CIFAR_CLASSES, counts=counts, mixed=mixed, simulated=False)


def words(figure):
    """All text on a figure."""
    texts = [text.get_text() for text in figure.texts]
    for panel in figure.axes:
        texts += [panel.get_xlabel(), panel.get_ylabel(), panel.get_title("left"), panel.get_title("right")]
        texts += [text.get_text() for text in (*panel.texts, *panel.get_xticklabels(), *panel.get_yticklabels())]
    for legend in figure.legends:
        texts += [text.get_text() for text in legend.get_texts()]
    return "\n".join(texts)


def dots(panel):
    return np.concatenate([np.asarray(m.get_offsets()) for m in panel.collections if isinstance(m, PathCollection)])


def medians(panel):
    """Where the round marks of single points lie."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in panel.lines if line.get_marker() == "o"
    ]


@pytest.mark.parametrize("name", MIXED_FIGURES)
def test_every_figure_is_drawn_and_names_its_source(dataset, name, tmp_path):
    figure = MIXED_FIGURES[name](dataset)
    assert isinstance(figure, Figure)
    assert f"Thesis figure {name}, drawn from {dataset.title}" in words(figure)
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", MIXED_FIGURES)
def test_a_data_set_without_mixed_images_is_refused_by_every_figure(dataset, name):
    with pytest.raises(RequestError, match=f"figure {name}: digits has no mixed images; data set hmix has them"):
        MIXED_FIGURES[name](replace(dataset, mixed=None))


@pytest.mark.parametrize("name", MIXED_FIGURES)
def test_simulated_annotators_are_named_on_every_picture(dataset, name):
    assert "SIMULATED ANNOTATORS" in words(MIXED_FIGURES[name](replace(dataset, simulated=True)))
    assert "SIMULATED ANNOTATORS" not in words(MIXED_FIGURES[name](dataset))


def test_every_first_answer_is_a_dot_and_each_coefficient_has_its_median(dataset):
    figure = all_coefficients_figure(dataset)
    (panel,) = figure.axes
    first = dataset.mixed.inferences.query("not is_repeat")
    assert sorted(dots(panel)[:, 1]) == pytest.approx(sorted(first["coefficient"]))  # the repeat's 1.0 once too few
    assert "18 answers of 3 people about 6 images" in words(figure).replace("\n", " ")
    # Image 1 was mixed with 0.25; its answers are 0.27, 0.29 and 0.31.
    assert dict(medians(panel))[0.25] == pytest.approx(0.29)


def test_the_boundary_runs_from_one_class_to_the_other_whichever_comes_first_in_the_file(dataset):
    figure = boundary_figure(dataset)
    (panel,) = figure.axes
    # The file has the airplane's share; from all deer to all airplane that is the share across.
    answers = dataset.mixed.inferences.query("not is_repeat and mixed < 4")
    assert sorted(dots(panel)[:, 1]) == pytest.approx(sorted(answers["coefficient"]))
    turned = boundary_figure(dataset, "airplane", "deer").axes[0]
    assert sorted(dots(turned)[:, 1]) == pytest.approx(sorted(1 - answers["coefficient"]))
    assert "share of the airplane in the pixels" in words(figure)
    assert "0\nall deer" in words(figure)
    assert len(panel.containers) == 4  # a mean with its interval for each coefficient
    assert "fitted to these" in words(figure).replace("\n", " ")


def test_a_thin_class_pair_says_that_its_curve_is_that_of_all(dataset):
    assert "all class pairs, as this one has too few answers" in words(
        boundary_figure(dataset, "horse", "ship")
    ).replace("\n", " ")


def test_a_boundary_that_nobody_was_asked_about_is_refused(dataset):
    with pytest.raises(RequestError, match="nobody was asked about a mix of deer and ship"):
        boundary_figure(dataset, "deer", "ship")
    with pytest.raises(RequestError, match="nobody was asked about a mix of deer and deer"):
        boundary_figure(dataset, "deer", "deer")
    with pytest.raises(RequestError, match="unknown class 'moose'; known: airplane"):
        boundary_figure(dataset, "moose", "deer")


def test_confidence_is_grouped_by_both_endpoints_and_the_others_are_counted(dataset):
    figure = confidence_figure(dataset)
    (panel,) = figure.axes
    shown = words(figure).replace("\n", " ")
    # Four images of two sure originals with three answers each; a ship is neither sure nor unsure.
    assert "both sure 12 answers, 4 images" in shown
    assert "both unsure 0 answers, 0 images" in shown
    assert "12 of 18 answers are about such images" in shown
    answers = dataset.mixed.inferences.query("not is_repeat and mixed < 4")["confidence"]
    assert dict(medians(panel))[0.0] == pytest.approx(answers.median())
    with pytest.raises(RequestError, match="no counts of clicks"):
        confidence_figure(replace(dataset, counts=None))


def test_the_three_examples_are_the_nearest_the_middle_one_and_the_farthest(dataset):
    figure = examples_figure(dataset)
    # Means are off by 0.02 (1 + i): 0.02, 0.04, ..., 0.1 for images 0 to 4; image 5 is cut off at 1 and so nearer.
    first = dataset.mixed.inferences.query("not is_repeat")
    moved = np.sort(np.abs(first.groupby("mixed")["coefficient"].mean() - dataset.mixed.coefficients))
    shown = words(figure)
    assert f"nearest: moved by {moved[0]:.2f}" in shown
    assert f"in the middle: moved by {moved[3]:.2f}" in shown
    assert f"farthest: moved by {moved[-1]:.2f}" in shown
    assert "mean of 3 people" in shown
    pictures = [panel.images[0].get_array() for panel in figure.axes if panel.images]
    mixed = dataset.mixed
    pixels = mix_images(dataset.images, mixed.endpoints[:1], mixed.coefficients[:1])[0, ..., 0]
    assert np.array_equal(pictures[0], pixels)
    few = replace(mixed, inferences=mixed.inferences[mixed.inferences["annotator"] == "ann"])
    with pytest.raises(RequestError, match="was seen by 3 people"):
        examples_figure(replace(dataset, mixed=few))


def test_the_soft_label_is_the_mean_of_the_people_beside_the_two_hot_one(dataset):
    figure = soft_label_figure(dataset)
    panel = next(panel for panel in figure.axes if panel.patches)
    two_hot, said = [[bar.get_width() for bar in bars] for bars in panel.containers]
    assert np.flatnonzero(two_hot).tolist() == [HORSE, SHIP]
    assert two_hot[HORSE] == 0.5
    # ann: 0.6 and 0.2, the rest on the 7 other classes but the airplane: 0.2 / 7. bob: the deer, all else ruled out.
    assert said[HORSE] == pytest.approx(0.6 / 2)
    assert said[DEER] == pytest.approx((0.2 / 7 + 1) / 2)
    assert sum(said) == pytest.approx(1)
    assert "a horse and a ship mixed half and half" in words(figure).replace("\n", " ")
    assert "what 2 people stated" in words(figure).replace("\n", " ")


def test_without_the_theses_example_the_first_labelled_image_is_shown(dataset):
    mixed = dataset.mixed
    rest = replace(dataset, mixed=replace(mixed, records=mixed.records[mixed.records["item"] == 5]))
    figure = soft_label_figure(rest)
    assert "the first image with soft labels" in words(figure).replace("\n", " ")
    assert "what one person stated" in words(figure).replace("\n", " ")
    nobody = replace(dataset, mixed=replace(mixed, records=mixed.records.iloc[:0]))
    with pytest.raises(RequestError, match="no mixed image of digits has soft labels"):
        soft_label_figure(nobody)
