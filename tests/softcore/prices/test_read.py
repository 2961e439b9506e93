"""A user's own price list, right and wrong."""

import pytest

from softcore.errors import RequestError
from softcore.prices.read import PRICES, price_list, read_prices

OWN = """
name: ours
assumes: Timed on 40 colleagues.
wage: 15
wage_floor: 10
seconds:
  click: 4
  t2-clamp: [30, 50]
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "ours.yaml"
        path.write_text(text)
        return path

    return written


def test_a_list_of_ones_own_says_all_that_it_says(write):
    prices = price_list(str(write(OWN)))
    assert (prices.name, prices.assumes) == ("ours", "Timed on 40 colleagues.")
    assert (prices.interval("click"), prices.interval("t2-clamp")) == ((4, 4), (30, 50))
    assert (prices.wage, prices.fee, prices.wage_floor) == (15, 0.333, 10)
    with pytest.raises(RequestError, match=r"variety in price list 'ours' 't1-clamp'; known: click, .*t2-clamp"):
        prices.interval("t1-clamp")


def test_a_list_like_another_changes_only_what_it_says(write):
    prices = read_prices(write("name: ours\nlike: page\nseconds: {click: 4, t1-uniform: 20}\nwage: 20\n"))
    page = PRICES["page"]
    assert prices.interval("click") == (4, 4)
    assert prices.interval("t2-uniform") == page.interval("t2-uniform")
    # What it prices itself is not charged by what was recorded, nor by what others measured.
    assert {*page.recorded} - {*prices.recorded} == {"t1-uniform"}
    assert page.measure_clicks
    assert not prices.measure_clicks
    assert (prices.wage, prices.fee, prices.wage_floor, prices.measured_on) == (20, 0.333, 8, ("cifar10s", "hmix"))
    assert prices.assumes.startswith("As price list 'page', but click, t1-uniform as in ours.yaml.")
    assert "assumed to take 2.5 s" not in prices.assumes


def test_a_session_list_with_an_overhead_prices_clicks(write):
    prices = read_prices(write("name: ours\nlike: session\nclick_overhead: 2\n"))
    assert prices.interval("click") == (4.5, 4.5)
    assert prices.measure_clicks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "a price list is a mapping"),
        ("name: [", "not valid YAML"),
        ("seconds: {click: 1}", "`name` must be a text, not None"),
        ("name: x", "no `seconds`"),
        ("name: x\nsecond: {click: 1}", r"key in .*ours.yaml: 'second'; known: assumes"),
        (
            "name: x\nseconds: {clicks: 1}",
            r"question in `seconds` of .*'clicks'; known: click, first-choice, mixed-page",
        ),
        ("name: x\nseconds: {click: -1}", "`seconds: click` must be a number of 0 or more, not -1"),
        ("name: x\nseconds: {click: true}", "`seconds: click` must be a number of 0 or more, not True"),
        ("name: x\nseconds: {click: .nan}", "`seconds: click` must be a number of 0 or more, not nan"),
        ("name: x\nseconds: {click: [1, 2, 3]}", r"`seconds: click` must be a number or \[low, high\]"),
        ("name: x\nseconds: {click: [2, 1]}", r"`seconds: click` must not fall"),
        ("name: x\nseconds: 3", "`seconds` must map questions to numbers"),
        ("name: x\nlike: page\nrecorded: {t1-clamp: 1.2}", "`recorded: t1-clamp` must be a number from 0 to 1"),
        ("name: x\nlike: pages", "unknown price list 'pages'"),
        ("name: x\nlike: page\nwage: cheap", "`wage` must be a number of 0 or more, not 'cheap'"),
        ("name: x\nlike: page\nmeasured_on: pets", "`measured_on` must be a list"),
        ("name: x\nlike: page\nmeasure_clicks: 1", "`measure_clicks` must be true or false"),
    ],
)
def test_what_is_wrong_is_refused_with_file_key_and_what_is_allowed(write, text, said):
    with pytest.raises(RequestError, match=said) as refused:
        read_prices(write(text))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"none.yaml: can't be read"):
        price_list(str(tmp_path / "none.yaml"))
