"""Every metric against an implementation that is not this project's: torchmetrics, scikit-learn, SciPy, PyTorch."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.special import softmax
from scipy.stats import wasserstein_distance
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, mean_squared_error
from sklearn.metrics.pairwise import paired_manhattan_distances
from torchmetrics.functional import spearman_corrcoef
from torchmetrics.functional.classification import binary_calibration_error
from torchmetrics.functional.regression import kl_divergence

from softcore.scoring.metrics import METRICS, Logits

N, K, PEOPLE = 3000, 5, 20
TEMPERATURE = 1.7
POSITIONS = np.array([0.0, 1, 3, 4, 10])


def made(n):
    """Logits, and what twenty people each click on n items, as shares."""
    rng = np.random.default_rng(n)
    clean, attacked, pgd = (rng.normal(scale=2, size=(n, K)) for _ in range(3))
    clicks = rng.multinomial(PEOPLE, softmax(clean + rng.normal(size=(n, K)), axis=1))
    logits = Logits(clean=clean, attacked=attacked, pgd=pgd, temperature=TEMPERATURE, positions=POSITIONS)
    return logits, clicks / PEOPLE


def torch_ce(logits, targets):
    return float(torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(targets)))


def quantile_gaps(logits, targets, size):
    """scikit-learn's calibration curve with bins of equal count: the gaps of bins, least confident first."""
    probabilities = softmax(logits.clean, axis=1)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets.argmax(axis=1)
    share, mean = calibration_curve(right, confidence, n_bins=len(right) // size, strategy="quantile")
    return mean - share


def classwise(probabilities, labels):
    """torchmetrics' calibration error of each class apart, on labels [n] (in float64: its bins, too)."""
    errors = [
        binary_calibration_error(torch.tensor(probabilities[:, k]), torch.tensor(labels == k).int(), n_bins=15)
        for k in range(probabilities.shape[1])
    ]
    return float(np.mean(errors))


def entropy_ranks(logits, targets):
    model = torch.distributions.Categorical(logits=torch.tensor(logits.clean)).entropy()
    people = torch.tensor([float(torch.special.entr(torch.tensor(row)).sum()) for row in np.sort(targets, axis=1)])
    return float(spearman_corrcoef(model, people.double()))


def everybody(logits, targets):
    """Each item as often as it has people, with one person's label each time: no metric needs to take soft targets."""
    labels = [k for row in targets for k in np.repeat(np.arange(K), np.round(row * PEOPLE).astype(int))]
    return np.repeat(softmax(logits.clean, axis=1), PEOPLE, axis=0), np.array(labels)


def brier(logits, targets):
    """A drawn label's score by scikit-learn, less what no model can do about it: people's own disagreement."""
    probabilities, labels = everybody(logits, targets)
    drawn = brier_score_loss(labels, probabilities, labels=range(K), scale_by_half=False)
    return drawn - (targets * (1 - targets)).sum(axis=1).mean()


def moved(logits, targets):
    return np.mean(
        [
            wasserstein_distance(POSITIONS, POSITIONS, p, t)
            for p, t in zip(softmax(logits.clean, axis=1), targets, strict=True)
        ]
    )


OTHERS = {
    "ce": lambda logits, targets: torch_ce(logits.clean, targets),
    "scaled-ce": lambda logits, targets: torch_ce(logits.clean / TEMPERATURE, targets),
    "fgsm": lambda logits, targets: torch_ce(logits.attacked, targets),
    "pgd": lambda logits, targets: torch_ce(logits.pgd, targets),
    "accuracy": lambda logits, targets: accuracy_score(targets.argmax(axis=1), logits.clean.argmax(axis=1)),
    "rmsce": lambda logits, targets: np.sqrt((quantile_gaps(logits, targets, 100) ** 2).mean()),
    "rmsce-released": lambda logits, targets: np.sqrt(
        (quantile_gaps(logits, targets, 100)[:-1] ** 2).sum() / (N // 100)
    ),
    "nll": lambda logits, targets: log_loss(targets.argmax(axis=1), softmax(logits.clean, axis=1), labels=range(K)),
    "brier": brier,
    "tv": lambda logits, targets: paired_manhattan_distances(softmax(logits.clean, axis=1), targets).mean() / 2,
    "kl": lambda logits, targets: float(
        kl_divergence(torch.tensor(targets), torch.softmax(torch.tensor(logits.clean), dim=1))
    ),
    "wasserstein": moved,
    "entropy-correlation": entropy_ranks,
    "classwise-ece": lambda logits, targets: classwise(softmax(logits.clean, axis=1), targets.argmax(axis=1)),
    "people-ece": lambda logits, targets: classwise(*everybody(logits, targets)),
}


@pytest.fixture(scope="module")
def many():
    return made(N)


def test_every_metric_has_another_implementation_to_agree_with():
    assert set(OTHERS) == set(METRICS.built_in)


@pytest.mark.parametrize("metric", OTHERS)
def test_a_metric_is_what_another_implementation_says(many, metric):
    assert METRICS[metric].score(*many) == pytest.approx(OTHERS[metric](*many), abs=1e-6)


def test_the_calibration_error_of_a_small_test_set_has_bins_of_ten():
    logits, targets = made(500)
    other = np.sqrt((quantile_gaps(logits, targets, 10) ** 2).mean())
    assert METRICS["rmsce"].score(logits, targets) == pytest.approx(other, abs=1e-6)


def test_a_brier_score_is_a_sum_of_squared_errors_of_classes(many):
    logits, targets = many
    classes = mean_squared_error(targets, softmax(logits.clean, axis=1), multioutput="raw_values")
    assert METRICS["brier"].score(logits, targets) == pytest.approx(classes.sum(), abs=1e-9)


def test_mass_is_moved_in_the_cheapest_way_that_a_linear_programme_finds():
    logits, targets = made(5)
    distances = np.abs(POSITIONS[:, None] - POSITIONS[None, :]).ravel()
    from_, to = np.repeat(np.eye(K), K, axis=1), np.tile(np.eye(K), K)
    for p, t, found in zip(
        softmax(logits.clean, axis=1), targets, METRICS["wasserstein"].each(logits, targets), strict=True
    ):
        best = linprog(distances, A_eq=np.vstack([from_, to]), b_eq=np.concatenate([p, t]))
        assert found == pytest.approx(best.fun, abs=1e-6)
