"""Dynamic benchmarks under label noise: fit, find errors, have noisy people relabel them, add, and fit again.

After Shirali, Abebe & Hardt 2023, "A theory of dynamic benchmarks" (arXiv:2210.03165): in every round annotators look
for what the current model gets wrong, and the next model is fitted to all that was collected so far. Here a model is a
multinomial logistic regression on the logits that recorded models give for the test images, people are CIFAR-10H's own
clicks (M of an image's, drawn without replacement), and the truth is the class that most of its clicks say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from softcore.errors import RequestError
from softcore.seeding import generator
from softcore.statistics import mean_interval

ROUNDS = 8
FIRST, ADDED = 200, 100  # images labelled at the start, and errors that a round adds at most
HELD_OUT = 0.2  # of the images: nobody labels them, progress is measured there
PEOPLE = (1, 3)  # who label an image together; more of them make less noise
TRUTH, RANDOM = "the truth", "at random"


@dataclass(frozen=True, kw_only=True, eq=False)
class Rounds:
    """Progress by round.

    `progress` has columns `labels` (who labels), `round`, `images` (collected), `wrong` (share of collected labels that
    are not the truth), `accuracy` on held-out images, all means over `seeds`, and `gain` with `low` and `high` (95%
    over seeds): accuracy less what the same seed began with, labelled with the truth.
    """

    seeds: int
    images: int
    progress: pd.DataFrame


def vote(counts: Int[np.ndarray, "n k"], people: int | None, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
    """The class that most of `people` drawn clicks say of each image, ties drawn; of all of them where None."""
    drawn = counts
    if people is not None:
        enough = np.minimum(people, counts.sum(axis=1))
        drawn = np.stack([rng.multivariate_hypergeometric(row, m) for row, m in zip(counts, enough, strict=True)])
    # Less than a click, so that it decides between equal counts alone.
    return (drawn + rng.random(drawn.shape) / 2).argmax(axis=1)


def simulate_rounds(
    features: Float[np.ndarray, "n d"],
    counts: Int[np.ndarray, "n k"],
    *,
    seeds: int = 20,
    rounds: int = ROUNDS,
    people: Sequence[int] = PEOPLE,
) -> Rounds:
    """Rounds with labels of the truth and of M people, and beside them as many images taken at random with the truth.

    Every arm of a seed has the same split and begins with the same images. RequestError for fewer images than a round
    needs.
    """
    n = len(counts)
    if n * (1 - HELD_OUT) < FIRST + ADDED:
        raise RequestError(f"rounds need {round((FIRST + ADDED) / (1 - HELD_OUT))} images with clicks; there are {n}")
    truth = counts.argmax(axis=1)
    arms = {TRUTH: None, **{f"{m} {'person' if m == 1 else 'people'}": m for m in people}, RANDOM: None}
    rows = []
    for seed in range(seeds):
        order = generator("replay", 1, seed).permutation(n)
        held, pool = order[: round(HELD_OUT * n)], order[round(HELD_OUT * n) :]
        for number, (arm, m) in enumerate(arms.items()):
            rng = generator("replay", 2, seed, number)
            labels = truth if m is None else vote(counts, m, rng)
            taken = np.zeros(n, dtype=bool)
            taken[pool[:FIRST]] = True
            for each in range(rounds):
                said = _fit(features, labels, taken).predict(_scaled(features, taken))
                rows.append(
                    {
                        "labels": arm,
                        "seed": seed,
                        "round": each,
                        "images": int(taken.sum()),
                        "wrong": float((labels != truth)[taken].mean()),
                        "accuracy": float((said == truth)[held].mean()),
                    }
                )
                left = pool[~taken[pool]]
                found = left if arm == RANDOM else left[(said != labels)[left]]
                taken[rng.permutation(found)[:ADDED]] = True
    return Rounds(seeds=seeds, images=n, progress=_means(pd.DataFrame(rows)))


def _scaled(features: np.ndarray, taken: np.ndarray) -> np.ndarray:
    return StandardScaler().fit(features[taken]).transform(features)


def _fit(features: np.ndarray, labels: np.ndarray, taken: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=0.1, max_iter=300).fit(_scaled(features, taken)[taken], labels[taken])


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    begun = rows[(rows["labels"] == TRUTH) & (rows["round"] == 0)].set_index("seed")["accuracy"]
    rows = rows.assign(gain=rows["accuracy"] - rows["seed"].map(begun))
    found = []
    for (arm, number), group in rows.groupby(["labels", "round"], sort=False):
        interval = mean_interval(group["gain"].to_numpy())
        means = {name: float(group[name].mean()) for name in ("images", "wrong", "accuracy")}
        ends = {"gain": interval.mean, "low": interval.low, "high": interval.high}
        found.append({"labels": arm, "round": number, **means, **ends})
    return pd.DataFrame(found)
