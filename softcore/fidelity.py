"""How like people's answers simulated ones are: answer by answer about the same images, person by person."""

import numpy as np
import pandas as pd

from softcore.card import consistency
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from softcore.labels.simulate import Simulated
from softcore.seeding import generator

SHUFFLED, SWAPPED = 1_000_003, 1_000_004  # keys of streams: far from any panel's
SHUFFLES = 2_000
PERCENTS = np.arange(101) / 100


def distributions(
    first: pd.DataFrame, known: pd.DataFrame, simulated: Simulated, n_classes: int, seed: int
) -> dict[str, dict[str, float]]:
    """A two-sample test of each measure: people the simulator never saw against its answers about the same images."""
    theirs, fitted = _of_people(first, n_classes), _of_people(known, n_classes)
    ours = _measures(simulated.p1, simulated.possible.sum(axis=1), simulated.probs)
    person, _ = pd.factorize(first["annotator"])
    found = {}
    for number, (name, values) in enumerate(theirs.items()):
        grid = np.arange(n_classes) if name.startswith("possible") else PERCENTS
        swaps = generator("simulation", seed, SHUFFLED, 1 + number)
        distance, p = swap_test(_below(values, grid), _below(ours[name], grid), person, swaps)
        between = np.abs(_below(values, grid).mean(axis=0) - _below(fitted[name], grid).mean(axis=0)).max()
        found[name] = {
            "mean_of_people": float(values.mean()),
            "mean_simulated": float(ours[name].mean()),
            "ks": distance,
            "p": p,
            "ks_between_people": float(between),
        }
    return found


def _below(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Whether each value lies at or below each point of the grid, as floats (values, grid)."""
    return (values[:, None] <= grid + 1e-9).astype(float)


def means(first: pd.DataFrame, simulated: Simulated, n_classes: int, seed: int) -> dict[str, dict[str, float]]:
    """Means over answers, those of people the simulator never saw beside the simulated ones, with the p of swaps."""
    people = _of_people(first, n_classes)
    ours = _measures(simulated.p1, simulated.possible.sum(axis=1), simulated.probs)
    possible, top_two = "possible_classes_besides_the_first", "mass_of_the_top_two"
    compared = {
        possible: (people[possible], ours[possible]),
        "mass_off_the_top_two": (1 - people[top_two], 1 - ours[top_two]),
        "names_a_second_class": (first["top2"].to_numpy(np.int64) >= 0, simulated.top2 >= 0),
    }
    person, _ = pd.factorize(first["annotator"])
    found = {}
    for number, (name, (theirs, drawn)) in enumerate(compared.items()):
        swaps = generator("simulation", seed, SWAPPED, 1 + number)
        _, p = swap_test(theirs[:, None].astype(float), drawn[:, None].astype(float), person, swaps)
        found[name] = {"people": float(theirs.mean()), "simulated": float(drawn.mean()), "p": p}
    return found


def spread(
    others: pd.DataFrame, first: pd.DataFrame, simulated: Simulated, n_classes: int
) -> dict[str, dict[str, float]]:
    """How far two answers about an image are apart (total variation of T2 Clamp labels, gamma 0.1) and how often alike.

    `others` has the repeats that show the spread within a person; what can't be had is left out.
    """
    theirs = consistency(others, _labels(others, n_classes))
    ours = consistency(first, simulated.probs)["two_people"]
    found = {}
    for name, whose, figure in (
        ("distance_between_people", "two_people", "total_variation"),
        ("distance_of_a_person_asked_twice", "one_person_twice", "total_variation"),
        ("same_most_likely_class_between_people", "two_people", "same_most_likely_class"),
        ("same_most_likely_class_of_a_person_asked_twice", "one_person_twice", "same_most_likely_class"),
    ):
        if figure in theirs[whose] and figure in ours:
            found[name] = {"people": float(theirs[whose][figure]), "simulated": float(ours[figure])}
    return found


def swap_test(one: np.ndarray, other: np.ndarray, person: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The largest distance of two samples' mean rows, and its permutation p; rows of `value <= grid` give the KS.

    Answer i of both [answers, grid] is about one image. A permutation swaps all answers of a person with their
    counterparts or none: `person` (codes from 0) says whose they are, so that what is alike within a person does not
    pass for evidence. p is never 0: the observed one counts beside the 2,000 swaps.
    """
    differences = np.zeros((person.max() + 1, one.shape[1]))
    np.add.at(differences, person, one - other)
    differences /= len(one)
    observed = np.abs(differences.sum(axis=0)).max()
    signs = rng.choice([-1.0, 1.0], size=(SHUFFLES, len(differences)))
    shuffled = np.abs(signs @ differences).max(axis=1)
    return float(observed), float((1 + (shuffled >= observed - 1e-12).sum()) / (1 + SHUFFLES))


def _measures(p1: np.ndarray, possible: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """What is compared of each answer, by name."""
    return {
        "first_probability": p1,
        "mass_of_the_top_two": np.sort(labels, axis=1)[:, -2:].sum(axis=1),
        "possible_classes_besides_the_first": possible,
    }


def _of_people(records: pd.DataFrame, n_classes: int) -> dict[str, np.ndarray]:
    possible = n_classes - 1 - records["impossible"].map(len).to_numpy(np.int64)
    return _measures(records["p1"].to_numpy(float), possible, _labels(records, n_classes))


def _labels(records: pd.DataFrame, n_classes: int) -> np.ndarray:
    return soft_labels(records, "t2-clamp", n_classes, DEFAULT_GAMMA)
