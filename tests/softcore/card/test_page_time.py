"""The model of page time: worked by hand, on planted people, on the real ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.card.page_time import (
    TERMS,
    difficulty,
    fit_page_time,
    held_out_errors,
    panel_hours,
    random_intercept,
    timed_pages,
)
from softcore.errors import RequestError

PERSON, PAGE = 0.35, 0.4
TRUE = np.array([4.0, -0.4, 0.05, 0.25, 0.2])


def planted(people, seed=0, pages=25, person=PERSON, batches=None):
    """Pages of `people` who answer as the model says; `batches` adds to the difficulty of each one's images."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), pages)
    position = np.tile(np.arange(1, pages + 1), people)
    hard = rng.random(len(who)) + (0 if batches is None else batches[who])
    second = (rng.random(len(who)) < 1 / (1 + np.exp(0.8 - 2 * hard))).astype(float)
    place = np.log(position)
    log = np.column_stack([np.ones(len(who)), place, place**2, second, hard]) @ TRUE
    log = log + rng.normal(0, person, people)[who] + rng.normal(0, PAGE, len(who))
    names = np.array([f"p{i:03d}" for i in who])
    columns = {"annotator": names, "item": 0, "position": position, "seconds": np.exp(log)}
    return pd.DataFrame({**columns, "second": second, "difficulty": hard})


def sessions(pages):
    return [own["difficulty"].to_numpy() for _, own in pages.groupby("annotator")]


def test_the_random_intercept_of_two_balanced_groups_is_that_of_the_analysis_of_variance():
    # Groups (1, 3) and (5, 7): mean 4. Within: (1 + 1 + 1 + 1) / 2 = 2. Between means: 2 (4 + 4) / 1 = 16, so the
    # variance between groups is (16 - 2) / 2 = 7, and that of the mean is 16 / 4 = 4.
    beta, errors, within, between = random_intercept(np.ones((4, 1)), np.array([1.0, 3, 5, 7]), np.array([0, 0, 1, 1]))
    assert (beta[0], errors[0]) == pytest.approx((4, 2), rel=1e-3)
    assert (within**2, between**2) == pytest.approx((2, 7), rel=1e-2)


def test_a_column_that_adds_nothing_is_no_error():
    x = np.column_stack([np.ones(4), np.zeros(4)])
    beta, *_ = random_intercept(x, np.array([1.0, 3, 5, 7]), np.array([0, 0, 1, 1]))
    assert beta == pytest.approx([4, 0], abs=1e-6)


def test_what_was_planted_is_found():
    model = fit_page_time(planted(200))
    assert len(TERMS) == len(model.coefficients)
    # No estimate further off than four of its standard errors, and these are small.
    assert (np.abs(model.coefficients - TRUE) < 4 * model.standard_errors).all()
    assert (model.standard_errors < 0.06).all()
    assert (model.person_sd, model.page_sd) == pytest.approx((PERSON, PAGE), rel=0.15)
    assert model.naming == pytest.approx([-0.8, 2], abs=0.35)


def test_the_mean_counts_and_not_the_median():
    pages = planted(200)
    model = fit_page_time(pages)
    place, hard = pages["position"].to_numpy(), pages["difficulty"].to_numpy()
    assert model.seconds(place, hard).sum() == pytest.approx(pages["seconds"].sum(), rel=0.02)
    # exp of the mean of logs lies lower by about exp(-(0.35^2 + 0.4^2) / 2) = 0.868.
    assert model.median_seconds(place, hard).sum() == pytest.approx(0.868 * pages["seconds"].sum(), rel=0.04)


def test_an_interval_over_people_holds_what_new_people_take():
    model = fit_page_time(planted(150))
    inside = []
    for trial in range(60):
        new = planted(10, seed=100 + trial)
        hours = panel_hours(model, sessions(new), level=0.9, draws=200, seed=trial)
        inside.append(hours.low <= new["seconds"].sum() / 3600 <= hours.high)
    # 90% of 60 is 54; four standard deviations of the count are 9.3.
    assert 45 <= sum(inside) <= 60


def test_an_interval_that_forgets_that_people_differ_is_too_short():
    # The same panels with each page from somebody else: person by person the ratios are shuffled.
    model = fit_page_time(planted(150))
    mixed = np.random.default_rng(0).permutation(model.ratios.ravel()).reshape(model.ratios.shape)
    blind = replace(model, ratios=mixed)
    inside = []
    for trial in range(60):
        new = planted(10, seed=100 + trial)
        hours = panel_hours(blind, sessions(new), level=0.9, draws=200, seed=trial)
        inside.append(hours.low <= new["seconds"].sum() / 3600 <= hours.high)
    assert sum(inside) < 45


def test_more_people_take_more_hours_and_vary_less_in_relation():
    model = fit_page_time(planted(100))
    image = np.full(25, 0.5)
    few, many = (panel_hours(model, [image] * n) for n in (4, 100))
    assert many.mean == pytest.approx(25 * few.mean)
    assert (few.sessions, few.pages, many.pages) == (4, 100, 2500)
    assert (many.high - many.low) / many.mean < 0.5 * (few.high - few.low) / few.mean
    assert few == panel_hours(model, [image] * 4)
    # The first pages of a session are slow: ten short sessions take longer than four whole ones of as many pages.
    assert panel_hours(model, [image[:10]] * 10).mean > 1.1 * few.mean


def test_too_few_people_and_no_session_are_refused():
    with pytest.raises(RequestError, match="page times of 19 people; a model of them needs 20 or more"):
        fit_page_time(planted(19))
    with pytest.raises(RequestError, match="page times of 0 people"):
        fit_page_time(planted(2).iloc[:0])
    model = fit_page_time(planted(20))
    with pytest.raises(RequestError, match="one session or more"):
        panel_hours(model, [])
    with pytest.raises(RequestError, match="level"):
        panel_hours(model, [np.zeros(2)], level=1.0)


def test_difficulty_is_the_entropy_of_clicks_and_else_of_the_other_people(digits):
    items = digits.records["item"].to_numpy()[:5]
    share = digits.counts[items] / digits.counts[items].sum(axis=1, keepdims=True)
    expected = -np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0).sum(axis=1)
    assert difficulty(digits)[:5] == pytest.approx(expected)
    # Three people on one image say 0, 0, 1: to the first the others are split, 0.693; to the third they agree, 0.
    one = digits.records[~digits.records["is_repeat"]].groupby("item").head(3).iloc[:3].assign(top1=[0, 0, 1])
    assert len(set(one["item"])) == 1
    assert difficulty(replace(digits, counts=None, records=one)) == pytest.approx([np.log(2), np.log(2), 0])
    # Nobody else: nothing is known.
    assert difficulty(replace(digits, counts=None, records=one.iloc[:1])).tolist() == [0]


def test_only_first_answers_on_training_items_are_fitted(digits):
    pages = timed_pages(digits)
    assert len(pages) == 1550
    some = digits.annotated_items[:10]
    assert set(timed_pages(digits, some)["item"]) == set(some)
    assert timed_pages(digits, digits.validation_items).empty


def test_a_model_that_helps_is_seen_to_help_and_one_that_can_not_is_seen_not_to():
    # Batches of easy and of hard images for people who are alike: a flat mean does not know which panel got which.
    # Images alike for people who differ: nothing that is known of new people tells them apart.
    batches = np.random.default_rng(1).choice([0.0, 5.0], 160)
    helps = held_out_errors(planted(160, person=0.05, batches=batches), folds=4, deals=2)
    assert helps["beats_flat_mean"]
    assert "the model beats a flat mean" in helps["verdict"]
    same = held_out_errors(planted(160), folds=4, deals=2)
    assert not same["beats_flat_mean"]
    assert "does not beat a flat mean" in same["verdict"]
    assert same["short_sessions"]["panel_error"]["model"] < same["short_sessions"]["panel_error"]["flat_mean"]
    assert same["panels"] == 2 * 4 * 4
    with pytest.raises(RequestError, match="160 people in 20 folds are too few for panels of 10"):
        held_out_errors(planted(160), folds=20)


def test_on_the_real_people_the_model_ties_with_a_flat_mean_and_32_seconds_fall_short(cifar10s):
    found = held_out_errors(timed_pages(cifar10s))
    errors = found["panel_error"]
    # A negative result: new people differ by more than anything that is known of them beforehand.
    assert not found["beats_flat_mean"]
    assert errors["model"] == pytest.approx(errors["flat_mean"], abs=0.005)
    assert errors["model"] == pytest.approx(0.116, abs=0.01)
    assert found["panel_bias"]["flat_32_s"] == pytest.approx(-0.26, abs=0.01)
    # Of a page it knows more than a flat mean, and of short sessions.
    page = found["page_mean_absolute_error"]
    assert page["model_median"] < page["flat_32_s"] < page["model"] < page["flat_mean"]
    assert found["short_sessions"]["panel_error"]["model"] < found["short_sessions"]["panel_error"]["flat_mean"] - 0.02
    assert 0.8 <= found["inside_interval"]["share"] <= 1
