"""Passwords in addresses are masked wherever these are shown or kept."""

import pytest

from cluster.addresses import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ada:s3cret@mlflow:5000/x", "http://ada:***@mlflow:5000/x"),
        ("HTTPS://ada:s3c@ret@mlflow", "HTTPS://ada:***@mlflow"),
        ("http://s3cret@mlflow", "http://***@mlflow"),
        ("http://:s3cret@mlflow", "http://:***@mlflow"),
        ("postgresql+psycopg2://ada:s3/c@ret@db/runs", "postgresql+psycopg2://ada:***@db/runs"),
        ("postgresql://db/runs?user=ada&password=s3cret&sslmode=require", None),
        ("at 'http://ada:s3cret@mlflow': refused (http://ada:s3cret@mlflow/api)", None),
    ],
)
def test_no_password_is_left_in_what_is_shown(text, shown):
    if shown is not None:
        assert masked(text) == shown
    assert "s3c" not in masked(text)
    assert "***" in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://mlflow.example:5000/#/experiments/1",
        "http://mlflow:5000/a@b",
        "postgresql://ada@db/runs",
        "sqlite:////tmp/mlflow.db",
        "trial t2-clamp: 3 of 4 (a@b)",
    ],
)
def test_what_holds_no_password_stays_as_it_is(text):
    assert masked(text) == text
