"""Recorded models with people's clicks on their test images, and clicks drawn from those counts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from sweeps.evaluation.seeing import click_losses
from sweeps.evaluation.stored import on_test_set
from sweeps.results.names import recipes
from sweeps.results.table import ANSWERS, answer_columns, axis_columns, finished, is_control
from sweeps.sweep import Sweep


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedModels:
    """Finished trials on one test set whose images have clicks.

    `losses` [trial, image, class] is a model's loss if a click says that class, `counts` the clicks. `trials` has a row
    a trial: `cell`, `recipe`, `seed`, and `clicks`, what its labels cost in clicks (NaN where anything else was asked).
    """

    metric: str
    test_set: str
    losses: Float[np.ndarray, "trials n k"]
    counts: Int[np.ndarray, "n k"]
    trials: pd.DataFrame

    @property
    def true_losses(self) -> Float[np.ndarray, " trials"]:
        """The loss of each model with all clicks."""
        shares = self.counts / self.counts.sum(axis=1, keepdims=True)
        return np.einsum("tnk,nk->t", self.losses, shares) / len(shares)


def recorded_models(sweep: Sweep, metric: str, dataset: Dataset) -> RecordedModels:
    """The finished trials of a sweep on the first test set whose images have clicks; controls are left out.

    RequestError where the data set knows no clicks, or a metric can't be replayed by clicks.
    """
    if dataset.counts is None or not dataset.fixed_tests:
        raise RequestError(f"{dataset.name} has no clicks on the images of a fixed test set: they can't be replayed")
    test_set, test = next(iter(dataset.fixed_tests.items()))
    results = finished(sweep.results())
    results = results[~is_control(results)].reset_index(drop=True)
    found = [on_test_set(sweep.store, trial, test_set, dataset) for trial in results["trial"]]
    answers = results[answer_columns(results)].fillna(0).astype(float)
    clicks = answers.get(f"{ANSWERS}click", pd.Series(0.0, index=results.index))
    trials = results[["trial", "cell", "seed"]].assign(
        recipe=recipes(results[["cell", *axis_columns(results)]]),
        clicks=clicks.where(answers.sum(axis="columns") == clicks),
    )
    return RecordedModels(
        metric=f"{metric}/{test_set}",
        test_set=test_set,
        losses=np.stack([click_losses(metric, each.logits) for each in found]).astype(np.float32),
        counts=dataset.counts[test.items],
        trials=trials,
    )


def draw_clicks(
    counts: Int[np.ndarray, "n k"], each: int, most: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " clicks"], Int[np.ndarray, " clicks"]]:
    """A sequence of at most `most` clicks, as image and class: `each` on one image, then on the next.

    Images come in a drawn order, an image's clicks without replacement; once all images have had their turn it begins
    anew with further clicks. An image whose clicks are used up is passed over.
    """
    n, k = counts.shape
    clicks = counts.sum(axis=1)
    image = np.repeat(np.arange(n), clicks)
    label = np.repeat(np.tile(np.arange(k), n), counts.ravel())
    # The place of each click in its image's own drawn order, and of each image in the drawn order of images.
    order = np.lexsort((rng.random(len(image)), image))
    image, label = image[order], label[order]
    place = np.arange(len(image)) - np.repeat(np.concatenate([[0], np.cumsum(clicks)[:-1]]), clicks)
    rank = rng.permutation(n)
    sequence = np.lexsort((place, rank[image], place // each))[:most]
    return image[sequence], label[sequence]
