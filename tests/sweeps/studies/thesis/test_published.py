import pytest

from sweeps.studies.thesis.published import PrintedNumber, preferences, published_row, tables
from sweeps.studies.thesis.sections import thesis_words

CELLS = {  # rows x metrics x test sets of each table
    "3.1": 5 * 3 * 2,
    "3.2": 2 * 3 * 2,
    "3.3": 4 * 3 * 2,
    "3.4": 4 * 3 * 2,
    "B.1": 3 * 3 * 2,
    "B.2": 2 * 3 * 2,
    "B.3": 2 * 3 * 2,
    "4.1": 5 * 3,
    "4.2": 3 * 3,
    "4.3": 5 * 3,
    "5.1": 3 * 4,
    "5.2": 6 * 4,
    "C.1": 4 * 3,
    "figure 3.6": 0,
    "figure B.3": 0,
}


def test_every_cell_of_every_table_is_entered():
    assert {key: sum(len(row.printed) for row in table.rows.values()) for key, table in tables().items()} == CELLS


@pytest.mark.parametrize(
    ("table", "key", "check", "text"),
    [
        ("3.1", "hard", "fgsm/10h", "15.455 ± 7.5"),
        ("3.1", "pages", "rmsce/10s", "0.324 ± 0.02"),
        ("3.3", "clicks-1", "ce/10s", "4.49 ± 0.31"),
        ("3.4", "t2-clamp", "fgsm/10h", "8.482 ± 3.95"),  # the table has loss under attack before calibration
        ("4.2", "separate", "ce/10h", "2.01 ± 0.03"),  # printed 0.0'3
        ("5.1", "mix-maxent", "ce/10h-c", "1.340 ± 0.03"),
        ("C.1", "logistic", "rmsce/10h", "0.172 ± 0.11"),
    ],
)
def test_a_number_is_as_the_thesis_prints_it(table, key, check, text):
    assert published_row(table, key).printed[check].text == text


def test_a_printed_number_has_its_mean_and_half_its_interval():
    assert PrintedNumber.of("1.070 ± 0.04") == PrintedNumber(text="1.070 ± 0.04", mean=1.07, half=0.04)


@pytest.mark.parametrize(
    ("table", "again"), [("3.2", "B.1"), ("3.4", "B.2"), ("3.4", "B.3"), ("4.1", "4.2"), ("4.2", "4.3"), ("5.1", "5.2")]
)
def test_a_number_that_is_printed_twice_is_entered_alike(table, again):
    first_by_axes = {frozenset(row.where.items()): row for row in tables()[table].rows.values()}
    both = [
        (first_by_axes[key], row)
        for row in tables()[again].rows.values()
        if (key := frozenset(row.where.items())) in first_by_axes
    ]
    assert both
    for one, other in both:
        assert {k: (v.mean, v.half) for k, v in one.printed.items()} == {
            k: (v.mean, v.half) for k, v in other.printed.items()
        }


def test_no_half_width_is_negative_and_no_mean_is_zero():
    for table in tables().values():
        for found in table.rows.values():
            assert all(number.mean > 0 and number.half >= 0 for number in found.printed.values())


def test_a_row_says_what_its_trials_have_on_the_axes_that_it_does_not_name():
    assert published_row("3.1", "hard").where["mixing"] == (None, "none")
    assert published_row("3.1", "hard").where["hmix"] == (None,)
    assert published_row("5.2", "mixup-soft").where["rest"] == ("simulated",)
    assert published_row("4.3", "mean-confidence").where["confidence_decay"] == (0.005,)
    assert preferences() == {"gamma": 0.1, "beta": 0.05, "entropy_floor": 0.7}


def test_what_the_thesis_does_not_say_is_not_made_up():
    assert tables()["5.1"].seeds is None
    assert thesis_words(tables()["5.1"]) == "The thesis: seeds not said, PreAct ResNet-34."
    assert "0.0'3" in tables()["4.2"].note
