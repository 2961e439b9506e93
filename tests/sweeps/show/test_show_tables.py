from sweeps.show.tables import print_table, table, table_as_markdown
from sweeps.spec.tune import curve


def test_rows_that_share_a_label_are_all_shown():
    shown = table([{"block": 2, "gamma": 0.1, "chosen": True}, {"block": 2, "gamma": 0.2, "chosen": None}], "Choices")
    assert [(label, texts) for _, label, texts in shown.rows()] == [("2", ["0.1", "yes"]), ("2", ["0.2", "–"])]
    assert "|  | 2 | 0.2 | – |" in table_as_markdown(shown)


def test_as_json_a_table_is_the_rows_it_was_made_of(capsys):
    print_table(table([{"a": 1, "b": None}], "Rows"), as_json=True)
    assert capsys.readouterr().out == '[\n {\n  "a": 1,\n  "b": null\n }\n]\n'


def test_a_tuned_axis_shows_every_value_that_was_tried():
    points = [{"gamma": 0.1, "ce/validation": 0.5, "trials": 1}, {"gamma": 0.2, "ce/validation": 0.4, "trials": 1}]
    rows = curve([{"block": 2, "axis": "gamma", "value": 0.2, "curve": points}])
    assert [(row["gamma"], row["chosen"]) for row in rows] == [("0.1", ""), ("0.2", "★")]
    assert len(table(rows, "Choices").rows()) == 2
