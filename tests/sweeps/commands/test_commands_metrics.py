"""`sweeps metrics`: the table, a card, JSON, and one line for a metric that is not known."""

import json
import sys

import pytest

from softcore.scoring.metrics import METRICS
from sweeps.commands.app import main


@pytest.fixture
def sweeps(monkeypatch, capsys):
    """Runs a command in this process: exit code, standard output, standard error."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sweeps", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_the_table_has_every_metric_in_its_order(sweeps):
    code, out, _ = sweeps("metrics")
    assert code == 0
    lines = [line.split("│")[1].strip() for line in out.splitlines() if line.count("│") > 2]
    assert [name for name in lines if name] == list(METRICS)
    (row,) = (line for line in out.splitlines() if "│ people-ece" in line)
    assert all(words in row for words in ("0 to 1", "lower is better", "`evaluate: [all-metrics]`"))


def test_a_card_says_all_that_it_knows(sweeps):
    code, out, _ = sweeps("metrics", "fgsm")
    assert code == 0
    said = " ".join(out.split())
    for words in ("ce after one FGSM step", "0 or more, in nats", "of every trial", "rewards softness", "1412.6572"):
        assert words in said
    assert "1.28561 on these items" in said
    (first,) = (line for line in out.splitlines() if line.startswith("│ 1 "))
    assert [cell.strip() for cell in first.strip("│").split("│")] == [
        *("1", "0.75  0.15  0.10", "0.50  0.30  0.20", "1.00  0.00  0.00"),
    ]


def test_what_an_example_takes_beside_its_items_is_said(sweeps):
    assert "classes at 0, 1, 2" in sweeps("metrics", "wasserstein")[1]
    assert "temperature 2" in sweeps("metrics", "scaled-ce")[1]
    assert "on the six items, each 4 times" in sweeps("metrics", "rmsce-released")[1]


def test_json_is_a_list_of_cards_or_one(sweeps):
    _, every, _ = sweeps("metrics", "--json")
    assert [record["name"] for record in json.loads(every)] == list(METRICS)
    _, one, _ = sweeps("metrics", "kl", "--json")
    record = json.loads(one)
    assert record == json.loads(every)[list(METRICS).index("kl")]
    assert (record["least"], record["most"], record["lower_is_better"], record["by_item"]) == (0, None, True, True)
    assert record["example"]["people"][1] == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("name", "said"), [("brir", "; did you mean 'brier'?"), ("people-ce", "; did you mean 'people-ece'?"), ("f1", "")]
)
def test_an_unknown_metric_is_refused_in_one_line_with_the_nearest(sweeps, name, said):
    code, out, error = sweeps("metrics", name)
    assert (code, out) == (2, "")
    assert error == f"sweeps: unknown metric '{name}'; known: {', '.join(sorted(METRICS))}{said}\n"
