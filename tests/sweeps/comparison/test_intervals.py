"""Intervals, p and detectable differences of a mean whose variance is partly known from few replicates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from softcore.errors import RequestError
from sweeps.comparison.intervals import (
    Spread,
    critical_values,
    half_width,
    holm,
    p_of,
    smallest_detectable,
    two_sided_p,
)


@pytest.mark.parametrize("df", [1, 2, 5])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_replicates_alone_give_students_t(df, level):
    spread = Spread(between=4.0, df=df, shared=0.0)
    assert half_width(spread, level) == pytest.approx(2 * t.ppf((1 + level) / 2, df), rel=1e-6)
    for far in (1.0, 3.0, 30.0):  # and far out
        assert p_of(far, spread) == pytest.approx(2 * t.sf(far / 2, df), rel=1e-3)


def test_images_alone_give_students_t_on_images():
    spread = Spread(between=0.0, df=0.0, shared=4.0, image_df=99)
    assert half_width(spread) == pytest.approx(2 * t.ppf(0.975, 99))
    assert p_of(3.0, spread) == pytest.approx(2 * t.sf(1.5, 99))
    # 1.984 + 0.845 standard deviations: both quantiles of t on 99.
    assert smallest_detectable(spread) == pytest.approx(2 * (t.ppf(0.975, 99) + t.ppf(0.8, 99)))


def test_replicates_that_hardly_vary_give_the_normal_distribution():
    spread = Spread(between=1e-9, df=2, shared=1.0)
    assert half_width(spread) == pytest.approx(norm.ppf(0.975), abs=0.002)


def coverage(df, share, level=0.95):
    """How often the interval covers where replicates are `share` of all variance, by integration over their spread."""
    u = (np.arange(400) + 0.5) / 400
    chi = 2 * _gamma_quantile(df / 2, u) / df
    shared = np.full(400, 1 - share)
    return float(np.mean(2 * norm.cdf(critical_values(share * chi, shared, df, level)) - 1))


def _gamma_quantile(a, u):
    from scipy.special import gammaincinv

    return gammaincinv(a, u)


@pytest.mark.parametrize("df", [1, 2, 5])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9])
def test_95_percent_is_95_whatever_replicates_add(df, share):
    assert 0.93 <= coverage(df, share) <= 0.974 if df == 1 else 0.935 <= coverage(df, share) <= 0.96


def test_a_chance_of_few_degrees_of_freedom_is_what_fails_without():
    # The naive interval takes two replicates' spread for known: the check above must be able to see that.
    chi = 2 * _gamma_quantile(0.5, (np.arange(400) + 0.5) / 400)
    naive = np.mean(2 * norm.cdf(1.96 * np.sqrt(0.5 * chi + 0.5)) - 1)
    assert naive < 0.93


@given(
    value=st.floats(0.01, 10), between=st.floats(1e-6, 10), shared=st.floats(0, 10), df=st.sampled_from([1.0, 2.0, 5.0])
)
def test_a_p_for_families_is_never_the_smaller(value, between, shared, df):
    one = np.array([value]), np.array([between]), np.array([shared])
    assert two_sided_p(*one, df, cautious=True)[0] >= two_sided_p(*one, df)[0] - 1e-9


def test_p_and_interval_agree():
    spread = Spread(between=0.3, df=2, shared=0.5)
    half = half_width(spread, 0.9)
    assert p_of(half, spread) == pytest.approx(0.1, abs=1e-5)
    assert p_of(-half, spread) == pytest.approx(0.1, abs=1e-5)


def test_no_difference_and_no_spread_are_defined():
    none = Spread(between=0.0, df=2, shared=0.0)
    assert (p_of(0.0, none), half_width(none), smallest_detectable(none)) == (1.0, 0.0, 0.0)
    assert p_of(0.0, Spread(between=0.0, df=0.0, shared=0.0)) == 1.0


@pytest.mark.parametrize(("df", "share"), [(1, 0.5), (2, 0.2), (2, 0.8), (5, 0.5)])
def test_what_is_detectable_is_detected_at_the_stated_power(df, share):
    # Over what one study's replicates show, and a fresh one's, both drawn from the same truth.
    shown = share * 2 * _gamma_quantile(df / 2, (np.arange(20) + 0.5) / 20) / df
    fresh = share * 2 * _gamma_quantile(df / 2, (np.arange(200) + 0.5) / 200) / df
    needed = critical_values(fresh, np.full(200, 1 - share), df, 0.95)
    stated = [smallest_detectable(Spread(between=between, df=df, shared=1 - share)) for between in shown]
    power = np.mean([norm.cdf(found - needed) + norm.cdf(-found - needed) for found in stated])
    assert 0.77 <= power <= 0.83


def test_holm_by_hand():
    # 4 x 0.01, 3 x 0.02, 2 x 0.03, and 0.5, none below those before.
    assert holm(np.array([0.02, 0.01, 0.5, 0.03])) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm(np.array([0.04])) == pytest.approx([0.04])


def test_a_level_outside_0_to_1_is_refused():
    with pytest.raises(RequestError, match="between 0 and 1"):
        half_width(Spread(between=1.0, df=2, shared=1.0), 1.0)
