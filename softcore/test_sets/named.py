"""Test sets of CIFAR-10 that any sweep on its images can be scored on later, by name."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import entropy

from softcore.data.dataset import Dataset
from softcore.datasets import data_root
from softcore.errors import RequestError, unknown_name
from softcore.scoring.corrupted import CIFAR_TESTS, corrupted_images
from softcore.test_sets.outside import OutsideTestSet

SUSPECTS = "label_errors/cifar10_mturk.json"
VOTES = 5  # of people on each suspected label
ENOUGH = 3  # that agree
CONTESTED = 0.25  # nats of people's entropy: above it CIFAR-10S chose the images that it asked about


def named_test_set(name: str, dataset: Dataset, root: Path | None) -> OutsideTestSet:
    """The test set called `name` of `NAMED_TEST_SETS`, made of `dataset` and the files below `root`.

    Raises RequestError for an unknown name, a data set without that test set, and files that are missing or don't fit.
    """
    if name not in NAMED_TEST_SETS:
        raise unknown_name("test set", name, NAMED_TEST_SETS)
    if not dataset.fixed_tests:
        raise RequestError(f"test set {name}: {dataset.name} has no fixed test set to make it of")
    return NAMED_TEST_SETS[name](dataset, root)


def _contested(dataset: Dataset, root: Path | None) -> OutsideTestSet:
    """Test images on which people disagree: more than `CONTESTED` nats of entropy in their labels."""
    ((base, test),) = dataset.fixed_tests.items()
    kept = entropy(test.targets, axis=1) > CONTESTED
    if not kept.any():
        raise RequestError(f"test set contested: people agree on every image of {base}")
    note = (
        f"{kept.sum()} of the {len(kept)} images of {base}, those with more than {CONTESTED} nats of people's entropy"
    )
    return _of_dataset("contested", note, dataset, test.items[kept], test.targets[kept])


def _reference(dataset: Dataset, root: Path | None) -> OutsideTestSet:
    """Test images with their reference labels alone, as benchmarks usually have them."""
    ((base, test),) = dataset.fixed_tests.items()
    note = f"the {len(test.items)} images of {base} with their reference labels"
    return _of_dataset(
        "reference-labels", note, dataset, test.items, np.eye(len(dataset.classes))[dataset.labels[test.items]]
    )


def _corrected(dataset: Dataset, root: Path | None) -> OutsideTestSet:
    """Test images with the reference label, put right where people's votes on suspected errors say so.

    Each suspect has five votes between the label that was given, another one, both, and neither. Three or more alike
    decide: the given label stays, the other one takes its place, both share the target half and half, or (neither) the
    image is left out, as it is where no three agree. Source of votes: Northcutt, Athalye & Mueller 2021,
    arXiv:2103.14749.
    """
    if dataset.name not in CIFAR_TESTS:
        raise RequestError(f"test set corrected: the votes are on CIFAR-10's test images; {dataset.name} has others")
    ((base, test),) = dataset.fixed_tests.items()
    targets, kept = np.eye(len(dataset.classes))[dataset.labels], np.ones(len(dataset.labels), bool)
    counts = Counter[str]()
    for suspect in _suspects(data_root(root) / SUSPECTS, dataset):
        item, given, guessed, votes = suspect
        if item not in test.items:
            continue
        answer, most = max(votes.items(), key=lambda vote: vote[1])
        decided = answer if most >= ENOUGH else "undecided"
        counts[decided] += 1
        if decided == "guessed":
            targets[item] = np.eye(len(dataset.classes))[guessed]
        elif decided == "both":
            targets[item] = (np.eye(len(dataset.classes))[given] + np.eye(len(dataset.classes))[guessed]) / 2
        kept[item] = decided not in ("neither", "undecided")
    items = test.items[kept[test.items]]
    rule = (
        f"{sum(counts.values())} of the {len(test.items)} images of {base} are suspects with {VOTES} votes each; "
        f"{ENOUGH} or more alike decide: {counts['given']} keep their label, {counts['guessed']} get the other one, "
        f"{counts['both']} both by half; {counts['neither']} that are neither and {counts['undecided']} undecided ones "
        "are left out"
    )
    return _of_dataset("corrected", rule, dataset, items, targets[items])


def _suspects(path: Path, dataset: Dataset) -> list[tuple[int, int, int, dict[str, int]]]:
    """(item, given label, guessed label, votes by answer) of each suspect; RequestError for a file that doesn't fit."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(
            f"{path}: can't be read ({error.strerror}); fetch it with `sweeps data fetch label-errors`"
        ) from error
    except ValueError as error:
        raise RequestError(f"{path}: not a JSON file ({error})") from error
    answers, found = ("given", "guessed", "neither", "both"), []
    for place, row in enumerate(content if isinstance(content, list) else [None]):
        try:
            item, given, guessed = (int(row[k]) for k in ("id", "given_original_label", "our_guessed_label"))
            votes = {answer: int(row["mturk"][answer]) for answer in answers}
            fits = dataset.labels[item] == given and item >= 0 and 0 <= guessed < len(dataset.classes)
        except (KeyError, TypeError, ValueError, IndexError):
            fits = False
        if not fits or sum(votes.values()) != VOTES:
            raise RequestError(f"{path}: entry {place} is not a suspected label of {dataset.name} with {VOTES} votes")
        found.append((item, given, guessed, votes))
    return found


def _corrupted(dataset: Dataset, root: Path | None) -> OutsideTestSet:
    """Every test image after each corruption at severity 3: the rows of one image keep its number."""
    ((base, test),) = dataset.fixed_tests.items()
    corrupted = corrupted_images(root, dataset, test.items)
    rows, kinds = corrupted.rows(test.items), list(corrupted.images)
    lacking = f", without {', '.join(corrupted.absent)}" if corrupted.absent else ""
    note = f"the {len(rows)} images of {base} after each of {len(kinds)} corruptions ({corrupted.source}{lacking})"
    return OutsideTestSet(
        name="corrupted",
        title=note,
        images=np.concatenate([corrupted.images[kind][rows] for kind in kinds]),
        targets=np.tile(test.targets, (len(kinds), 1)),
        items=np.tile(test.items, len(kinds)),
        names=tuple(f"{kind} of item {item}" for kind in kinds for item in test.items),
        notes=(note, "copies of one image are kept together wherever images are resampled"),
        simulated=dataset.simulated,
        of_dataset=True,
    )


def _of_dataset(name: str, note: str, dataset: Dataset, items: np.ndarray, targets: np.ndarray) -> OutsideTestSet:
    return OutsideTestSet(
        name=name,
        title=note,
        images=dataset.images[items],
        targets=targets,
        items=items,
        names=tuple(f"item {item}" for item in items),
        notes=(note,),
        simulated=dataset.simulated,
        of_dataset=True,
    )


NAMED_TEST_SETS: dict[str, Callable[[Dataset, Path | None], OutsideTestSet]] = {
    "contested": _contested,
    "corrected": _corrected,
    "corrupted": _corrupted,
    "reference-labels": _reference,
}
