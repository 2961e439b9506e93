import numpy as np
import pandas as pd

from softcore.labels.ask import recorded_seconds


def records(*seconds):
    return pd.DataFrame({"seconds": seconds})


def test_recorded_time_is_the_plain_sum_to_the_bit_where_every_answer_has_one():
    times = np.random.default_rng(0).uniform(1, 300, 5579)
    assert recorded_seconds(records(*times)) == np.nansum(times)


def test_an_answer_without_a_time_counts_as_the_mean_of_the_others():
    # Two of 10 and 30 s, one untimed at their mean of 20 s: 60 s.
    assert recorded_seconds(records(10.0, 30.0, np.nan)) == 60


def test_without_any_time_none_is_known():
    assert np.isnan(recorded_seconds(records(np.nan, np.nan)))
