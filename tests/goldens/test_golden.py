"""The comparison itself: what it lets pass between machines, and what it must not."""

import pytest

from tests.goldens import golden
from tests.goldens.golden import as_json, closely, exactly, on_this_platform, too_far

A, B = (f"sha256:{digit * 64}" for digit in "ab")


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Goldens in a folder of their own, made on a platform that has another processor."""
    monkeypatch.setattr(golden, "FILES", tmp_path)
    monkeypatch.setattr(golden, "MADE_ON", tmp_path / "made_on.json")
    here = golden.this_platform()
    (tmp_path / "made_on.json").write_text(as_json({"x.txt": here | {"processor": "another"}, "y.txt": here}))
    for name in ("x.txt", "y.txt"):
        (tmp_path / name).write_text(f"ce 1.00, cell abc\n{A}\n")
    monkeypatch.delenv("GOLDENS", raising=False)


@pytest.mark.parametrize(
    ("golden_text", "found", "why"),
    [
        (f"ce 1.000 {A}", f"ce 1.001 {B}", ""),
        ("ce 1.000", "ce 1.02", "expected 1.000, found 1.02"),
        ("ce 1.0 better", "ce 1.0 worse", "better"),
        ("[1.0]", "[1.0, 2.0]", "expected ']', found ', '"),
        ("n 3", "n", "found 'n'"),
    ],
)
def test_words_and_far_numbers_are_told_apart_from_last_digits(golden_text, found, why):
    assert why in too_far(golden_text, found, rel=0.01)
    assert bool(why) == bool(too_far(golden_text, found, rel=0.01))


def test_on_another_platform_numbers_may_differ_a_little_and_it_says_what_was_compared(stored, request):
    closely("x.txt", f"ce 1.001, cell abc\n{B}\n", request, rel=0.01)
    with pytest.raises(pytest.fail.Exception, match=r"processor another .*numbers within 0.01"):
        closely("x.txt", f"ce 1.1, cell abc\n{A}\n", request, rel=0.01)
    with pytest.raises(pytest.skip.Exception, match=r"processor another .*Ids were compared"):
        on_this_platform("x.txt", B, request, instead="Ids were compared")
    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)must not depend on the machine.*goldens.accept -k test_on_ano"
    ):
        exactly("x.txt", f"ce 1.001, cell abc\n{A}\n", request)


def test_on_an_equal_platform_every_digit_counts(stored, request):
    closely("y.txt", f"ce 1.00, cell abc\n{A}\n", request, rel=0.01)
    for compare in (
        lambda found: closely("y.txt", found, request, rel=0.01),
        lambda found: exactly("y.txt", found, request),
    ):
        with pytest.raises(pytest.fail.Exception, match=r"y\.txt differs"):
            compare(f"ce 1.001, cell abc\n{A}\n")
    with pytest.raises(pytest.fail.Exception, match="to the byte"):
        on_this_platform("y.txt", B, request, instead="")
