"""Simulated studies: two cells (or more) whose difference and variance over images, seeds and people are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from sweeps.comparison.differences import IMAGES, PEOPLE, SEEDS, Differences, from_items

HEAVY_DF = 3  # of Student's t, for images of heavy tails
ACCURACY, LOSS = "accuracy", "loss"


@dataclass(frozen=True, kw_only=True)
class Design:
    """A kind of study: how many seeds, panels a seed and images, and the standard deviations of what varies.

    Those are of the difference of a loss: over `seed_sd`, `people_sd` (a panel), `image_sd` (alike in all replicates)
    and `own_sd` (an image in one replicate). Every panel is of other people, as in sweeps: with one panel a seed the
    two come together. `held_out`: each seed has images of its own. `difficulty` is what images add to both cells
    alike. Of `accuracy` they are those of the latent value whose sign says whether a model is right.
    """

    name: str
    seeds: int
    panels: int = 1
    images: int = 3000
    seed_sd: float = 0.02
    people_sd: float = 0.02
    image_sd: float = 1.0
    own_sd: float = 1.0
    difficulty: float = 2.0
    heavy: bool = False
    held_out: bool = False
    kind: str = LOSS

    @property
    def replicates(self) -> tuple[np.ndarray, np.ndarray]:
        """The seed and the panel of each replicate."""
        return np.repeat(np.arange(self.seeds), self.panels), np.tile(np.arange(self.panels), self.seeds)


DESIGNS = (
    Design(name="2 seeds", seeds=2),
    Design(name="3 seeds", seeds=3),
    Design(name="6 seeds", seeds=6),
    Design(name="3 seeds, which vary little", seeds=3, seed_sd=0.004, people_sd=0.004),
    Design(name="3 seeds, which vary much", seeds=3, seed_sd=0.1, people_sd=0.05),
    Design(name="3 seeds, 2 panels of each", seeds=3, panels=2),
    Design(name="6 seeds, 2 panels of each", seeds=6, panels=2),
    Design(name="3 seeds, images of heavy tails", seeds=3, heavy=True),
    Design(name="6 seeds, images of heavy tails", seeds=6, heavy=True),
    Design(name="3 seeds, 100 images held out by each", seeds=3, images=100, held_out=True, seed_sd=0.1, people_sd=0.1),
    Design(name="3 seeds, accuracy", seeds=3, kind=ACCURACY, seed_sd=0.06, people_sd=0.04),
    Design(name="6 seeds, accuracy", seeds=6, kind=ACCURACY, seed_sd=0.06, people_sd=0.04),
    Design(name="3 seeds, accuracy on 100 images", seeds=3, images=100, kind=ACCURACY, seed_sd=0.1, people_sd=0.1),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One simulated study: scores of cells A and B [r, n], the same images in all rows unless each seed has its own.

    `truth` is the difference A less B over all images, seeds and people; `parts` what this study's own images, seeds
    and people add to it on average (of a loss): the truth of an interval that does not cover them.
    """

    a: Float[np.ndarray, "r n"]
    b: Float[np.ndarray, "r n"]
    truth: float
    design: Design
    parts: Mapping[str, float]

    def differences(self) -> Differences:
        """The paired differences, as `sweeps compare` makes them."""
        seed, panel = self.design.replicates
        count = self.a.shape[1]
        own = seed * count if self.design.held_out else seed * 0
        return from_items(list(self.a - self.b), [start + np.arange(count) for start in own], seed, panel)


def studies(design: Design, count: int, rng: np.random.Generator, difference: float = 0.0) -> Iterator[Study]:
    """`count` studies of a design, whose true difference A less B is about `difference` (of accuracy: latent)."""
    for _ in range(count):
        yield _study(design, rng, difference)


def _study(design: Design, rng: np.random.Generator, difference: float) -> Study:
    seed, _ = design.replicates
    shape = len(seed), design.images
    of_seeds = (design.seed_sd * rng.standard_normal(design.seeds))[seed]
    of_people = design.people_sd * rng.standard_normal(len(seed))
    image = design.image_sd * _shared(design, rng)
    own = design.own_sd * rng.standard_normal(shape)
    gap = (of_seeds + of_people)[:, None] + image + own
    parts = {IMAGES: float(image.mean()), SEEDS: float(of_seeds.mean()), PEOPLE: float(of_people.mean())}
    both = design.difficulty * _shared(design, rng)
    if design.kind == LOSS:
        worse = np.broadcast_to(both, shape)
        return Study(a=both + gap + difference, b=worse, truth=difference, design=design, parts=parts)
    right_a, right_b = (both + (1 + difference + gap / 2) > 0), (both + 1 - gap / 2 > 0)
    variances = design.seed_sd**2, design.people_sd**2, design.image_sd**2, design.own_sd**2
    scale = np.sqrt(design.difficulty**2 + sum(variances) / 4)
    truth = float(ndtr((1 + difference) / scale) - ndtr(1 / scale))
    return Study(a=right_a.astype(float), b=right_b.astype(float), truth=truth, design=design, parts={})


def _shared(design: Design, rng: np.random.Generator) -> np.ndarray:
    """What is alike in all replicates, of variance 1: [1, n], or [r, n] where each seed has images of its own."""
    seed, _ = design.replicates
    rows = design.seeds if design.held_out else 1
    if design.heavy:
        drawn = rng.standard_t(HEAVY_DF, size=(rows, design.images)) / np.sqrt(HEAVY_DF / (HEAVY_DF - 2))
    else:
        drawn = rng.standard_normal((rows, design.images))
    return drawn[seed] if design.held_out else drawn
