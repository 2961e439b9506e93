import numpy as np

from sweeps.uncertainty.shrinkage import MEMORY, chunks, next_proposal


def test_equal_weights_propose_the_mean_and_a_tenth_more_than_the_spread():
    samples = np.array([[-1.0], [1.0]])
    centre, root = next_proposal(np.zeros(2), samples, least=2)
    # Mean 0, variance 1, 0.02 added so that it never vanishes: 1.1 * sqrt(1.02).
    np.testing.assert_allclose(centre, [0.0])
    np.testing.assert_allclose(root, [[1.1 * np.sqrt(1.02)]])


def test_weights_on_one_sample_are_flattened_until_they_rest_on_enough():
    samples = np.arange(10.0)[:, None]
    logs = np.where(np.arange(10) == 9, 50.0, 0.0)
    alone, _ = next_proposal(logs, samples, least=1)
    shared, _ = next_proposal(logs, samples, least=5)
    np.testing.assert_allclose(alone, [9.0])
    assert 4.5 < shared[0] < 7


def test_batches_hold_every_sample_once_and_fit():
    found = chunks(1000, 100)
    assert [i for part in found for i in range(1000)[part]] == list(range(1000))
    assert all((part.stop - part.start) * 100**2 <= MEMORY for part in found)
    assert chunks(3, 10_000) == [slice(0, 1), slice(1, 2), slice(2, 3)]  # one alone may be larger: it must be made
