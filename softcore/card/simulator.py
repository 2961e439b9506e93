"""The simulator's part of a data set's card: what was fitted, how well it mimics new people, where it fails."""

from typing import Any

import numpy as np
import pandas as pd

from softcore.card.measures import consistency
from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from softcore.labels.panels import split_annotated
from softcore.labels.simulate import (
    DRAWS,
    Level,
    SimulatedAnswers,
    Simulator,
    fit,
    fit_simulator,
    item_entropies,
    simulate,
)
from softcore.seeding import generator

SHUFFLED, SWAPPED = 1_000_003, 1_000_004  # keys of streams: far from any panel's
SHUFFLES = 2_000
PERCENTS = np.arange(101) / 100
SPLIT, DRAWN = 1_000_001, 1_000_002  # keys of streams: far from any panel's
FAILS_P, FAILS_KS, FAILS_SHARE = 0.01, 0.1, 0.1
RULE = (
    f"It fails on a distribution where the permutation p is below {FAILS_P} and the KS distance at least {FAILS_KS}, "
    f"and on a mean where it is off by more than {FAILS_SHARE:.0%} of the people's own and p, if there is one (means "
    f"over pairs of answers have none), is below {FAILS_P}."
)
READING = (
    f"KS is the largest difference of two cumulative shares; p is over {SHUFFLES:,} swaps of whole people with their "
    "simulated answers, as one person's answers are alike; ks_between_people is the KS of the people fitted on and the "
    "others, what a perfect simulator would have. The simulator has no person who could be asked twice: another answer "
    "is another draw, so its spread within a person is that between people."
)
WORDS = {
    "first_probability": "the first probability",
    "mass_of_the_top_two": "the mass of the top two classes",
    "possible_classes_besides_the_first": "the number of classes left possible besides the first",
    "mass_off_the_top_two": "the mass off the top two classes",
    "names_a_second_class": "the share of answers that name a second class",
    "distance_between_people": "the distance between two people's labels of an image",
    "distance_of_a_person_asked_twice": "the distance between the two labels of a person asked twice",
    "same_most_likely_class_between_people": "how often two people agree on the most likely class",
    "same_most_likely_class_of_a_person_asked_twice": "how often a person asked twice names the same most likely class",
}
FEWEST = 4  # people: two to fit on, two to compare with


def distributions(
    first: pd.DataFrame, known: pd.DataFrame, simulated: SimulatedAnswers, n_classes: int, seed: int
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


def means(first: pd.DataFrame, simulated: SimulatedAnswers, n_classes: int, seed: int) -> dict[str, dict[str, float]]:
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
    others: pd.DataFrame, first: pd.DataFrame, simulated: SimulatedAnswers, n_classes: int
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


def simulator_card(dataset: Dataset, seed: int = 0) -> dict[str, Any]:
    """What `rest: simulated` would use with `seed`, and how far its answers are from those of people it never saw.

    `fitted` is the fit on all pages about the training items that the seed does not hold out. `fidelity` fits half of
    the people (drawn by the seed), simulates one answer for each answer of the other half, about the same image, and
    compares the two. `fails` says in sentences where it fails, by the `rule` that stands beside them. First choices
    are drawn from clicks known as counts, else from the first choices of the people fitted on; where clicks are not
    known the levels are set by the fitted people's own mean labels, and classes are alike as the word vectors say.
    Nested dicts of plain values; `{"absent": reason}` where there is nothing to fit or to compare.
    """
    similarity = "confusions" if dataset.counts is not None else "word-vectors"
    if similarity == "word-vectors" and dataset.word_similarity is None:
        return {"absent": "how classes are alike is not known: no clicks known as counts, no word vectors"}
    _, held_out = split_annotated(dataset.annotated_items, dataset.held_out, seed)
    items = np.setdiff1d(dataset.train_items, held_out)
    pages = dataset.records[(dataset.records["question"] == "page") & dataset.records["item"].isin(items)]
    people = np.unique(pages.loc[~pages["is_repeat"], "annotator"].to_numpy(str))
    if len(people) < FEWEST:
        return {"absent": f"{len(people)} people answered pages; {FEWEST} are needed, half to fit, half to compare"}
    whole = fit_simulator(dataset, items, similarity)
    fitted_on = generator("simulation", seed, SPLIT).permutation(people)[: len(people) // 2]
    known = pages["annotator"].isin(fitted_on)
    fidelity = _fidelity(dataset, pages[known], pages[~known], whole.similarity, seed)
    return {"seed": seed, "similarity": similarity, "fitted": _fitted(whole), **fidelity}


def _fitted(simulator: Simulator) -> dict[str, Any]:
    return {"low_entropy": _level(simulator.low), "high_entropy": _level(simulator.high)}


def _level(level: Level | None) -> dict[str, Any]:
    if level is None:
        return {"absent": "fewer than two different first probabilities: nothing to fit"}
    return {
        "answers": level.answers,
        "first_probability_beta": dict(zip("ab", level.p1, strict=True)),
        "second_probability_beta": dict(zip("ab", level.p2, strict=True)) if level.p2 else {"absent": "too few named"},
        "names_a_second_class": level.second,
        "possible_classes_besides_the_first": dict(enumerate(level.possible)),
    }


def _fidelity(
    dataset: Dataset, known: pd.DataFrame, others: pd.DataFrame, similarity: np.ndarray, seed: int
) -> dict[str, Any]:
    """Answers simulated from the people `known` beside those of the `others`, about the same images."""
    n_classes = len(dataset.classes)
    entropy, shares = item_entropies(dataset, known), _first_choices(dataset, known)
    others = others[~np.isnan(entropy[others["item"].to_numpy(np.int64)])]
    first = others[~others["is_repeat"]]
    if first.empty:
        return {"fidelity": {"absent": "no image was answered by people of both halves"}, "fails": []}
    simulator = fit(known, entropy, similarity, n_classes)
    asked = first["item"].to_numpy(np.int64)
    draws = generator("simulation", seed, DRAWN).random((len(first), DRAWS))
    try:
        simulated = simulate(simulator, shares[asked], entropy[asked], draws)
    except RequestError as error:  # half of the people were too few for one of the levels
        return {"fidelity": {"absent": str(error)}, "fails": []}
    tests = distributions(first, known[~known["is_repeat"]], simulated, n_classes, seed)
    averages = means(first, simulated, n_classes, seed) | spread(others, first, simulated, n_classes)
    return {
        "fidelity": {
            "fitted_on": {"people": known["annotator"].nunique(), "answers": int((~known["is_repeat"]).sum())},
            "compared_with": {
                "people": first["annotator"].nunique(),
                "answers": len(first),
                "images": len(np.unique(asked)),
            },
            "distributions": tests,
            "means": averages,
            "reading": READING,
        },
        "rule": RULE,
        "fails": _fails(tests, averages),
    }


def _first_choices(dataset: Dataset, records: pd.DataFrame) -> np.ndarray:
    """Shares of classes an item, float64 [items, K]: of its clicks where known, else of first choices in `records`."""
    counts = np.zeros((len(dataset.labels), len(dataset.classes)))
    first = records[~records["is_repeat"]]
    np.add.at(counts, (first["item"].to_numpy(np.int64), first["top1"].to_numpy(np.int64)), 1)
    if dataset.counts is not None:
        counts = np.where(dataset.counts.sum(axis=1, keepdims=True) > 0, dataset.counts, counts)
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1)


def _fails(tests: dict[str, dict[str, float]], means: dict[str, dict[str, float]]) -> list[str]:
    """A sentence for each distribution and each mean that the rule calls failed."""
    said = [
        f"The distribution of {WORDS[name]} is not people's: KS distance {test['ks']:.2f} (p = {test['p']:.4f}), "
        f"{test['ks_between_people']:.2f} between two halves of the people; mean {test['mean_of_people']:.2f} of "
        f"people, {test['mean_simulated']:.2f} simulated."
        for name, test in tests.items()
        if test["p"] < FAILS_P and test["ks"] >= FAILS_KS
    ]
    said += [
        f"Off on average, {WORDS[name]}: {mean['people']:.3f} of people, {mean['simulated']:.3f} simulated."
        for name, mean in means.items()
        if abs(mean["simulated"] - mean["people"]) > FAILS_SHARE * abs(mean["people"]) and mean.get("p", 0) < FAILS_P
    ]
    return said
