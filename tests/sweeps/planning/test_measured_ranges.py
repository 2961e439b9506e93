import pytest

from softcore.errors import RequestError
from sweeps.planning.candidates import keep_in_range, of_variety, ranges
from sweeps.planning.rows import Rows


def test_a_range_is_from_the_least_to_the_most_measured(clear_rows: Rows):
    assert [r.words for r in ranges(clear_rows)][::4] == [
        "click: M 1 to 24, N' 250 to 900",
        "t2-clamp: M 1 to 3, N' 250 to 900",
    ]


def test_a_request_beyond_says_how_far_it_is(clear_rows: Rows):
    pages = of_variety(ranges(clear_rows), ["t2-clamp"])
    with pytest.raises(RequestError, match=r"^M = 12 for t2-clamp is beyond the measured 1 to 3: the model was not"):
        keep_in_range(pages, annotators=12)
    with pytest.raises(RequestError, match=r"N' = 100 for click, t1-uniform, .* is below the measured 250 to 900: the"):
        keep_in_range(ranges(clear_rows), items=100)
    assert [r.variety for r in keep_in_range(ranges(clear_rows), annotators=12)] == ["click"]


def test_a_question_that_nobody_asked_is_refused_with_those_that_were(clear_rows: Rows):
    with pytest.raises(RequestError, match=r"unknown question .variety. 'select-two'; known: click, t1-clamp"):
        of_variety(ranges(clear_rows), ["select-two"])
