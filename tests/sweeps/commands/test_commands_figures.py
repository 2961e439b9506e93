"""`sweeps figure`: pictures of the thesis's figures, a list of them, refusals in one line."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from softcore.datasets import DATASETS, load
from softcore.errors import RequestError
from sweeps.commands.app import app
from sweeps.commands.figures import FIGURES, sweep_figure
from sweeps.running.curve import CURVE, write_curve
from sweeps.running.store import create
from sweeps.show.curves import annotators_curve_figure
from sweeps.show.learning import learning_curves_figure
from sweeps.spec.cells import spec_content, trials
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(DATASETS, "digits", lambda root: digits)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def figure(*arguments):
    return CliRunner().invoke(app, ["figure", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def refused(tmp_path):
    """Asks for a figure that is refused; the line that says why, when nothing has been written."""

    def ask(*arguments):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(RequestError) as error:
            figure(*arguments)
        assert "\n" not in str(error.value)
        assert sorted(tmp_path.iterdir()) == before
        return str(error.value)

    return ask


def test_a_figure_of_data_is_written_where_the_command_runs_and_its_path_is_printed(tmp_path):
    assert figure("3.2", "--dataset", "digits").stdout == "figure-3.2.png\n"
    assert [path.name for path in tmp_path.iterdir()] == ["figure-3.2.png"]
    assert (tmp_path / "figure-3.2.png").read_bytes().startswith(PNG)


def test_the_ending_of_the_file_says_how_to_write_it_and_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("one.svg", "other.svg"):
        said = figure("B.1", "--dataset", "digits", "--out", tmp_path / name, "--json").stdout
        assert json.loads(said) == {"figure": "B.1", "file": str(tmp_path / name)}
    content = (tmp_path / "one.svg").read_bytes()
    assert b"<svg" in content
    assert content == (tmp_path / "other.svg").read_bytes()


def test_an_item_can_be_chosen_by_hand(digits):
    item = digits.annotated_items[3]
    figure("3.2", "--dataset", "digits", "--item", item, "--out", "own.png")
    assert figure("3.3", "--dataset", "digits", "--item", item, "--item", item).exit_code == 0


def test_the_list_names_every_figure_of_the_thesis_that_there_is():
    rows = json.loads(figure("--list", "--json").stdout)
    assert [row["figure"] for row in rows] == list(FIGURES)
    assert set(FIGURES) >= {"3.2", "3.3", "3.4", "3.5", "3.6", "4.2", "4.3", "4.4", "4.5", "5.1", "B.1", "B.2", "B.3"}
    assert "one answer as four soft labels" in figure("--list").stdout


def test_the_figures_of_mixed_images_are_those_that_can_be_drawn():
    from sweeps.studies.thesis.figures.mixed_figures import MIXED_FIGURES

    assert set(MIXED_FIGURES) == {name for name, entry in FIGURES.items() if entry.source == "mixed images"}


def test_what_can_not_be_drawn_is_refused_in_one_line(refused, tmp_path):
    said = refused("9.9")
    assert said.startswith("unknown figure '9.9'; known: 3.2 (one answer as four soft labels), 3.3 (")
    assert "B.3 (performance against M)" in said
    assert refused().startswith("no figure named; known: 3.2 (")
    assert refused("3.5").endswith("name one, such as a run of the preset figure-3-5")
    assert refused("3.5", "some", "--dataset", "digits").startswith("--dataset is for figures of data")
    assert refused("3.5", "some", "--item", 3).startswith("--item is for figures of data")
    assert refused("3.2", "some").endswith("leave out 'some'")
    assert "there is no sweep in" in refused("3.5", "some", "--out", tmp_path)
    assert "there is no sweep in" in refused("3.5", "some", "--out", "x.png")
    assert refused("4.2", "--item", 3).startswith("--item is for figures of labels")
    assert refused("4.2", "--dataset", "digits").endswith("digits has none, the data set hmix has")
    assert refused("3.2", "--out", "x.jpg") == "the picture's file must end in .png or .svg; it is x.jpg"
    assert refused("3.2", "--dataset", "dogits").startswith("unknown data set 'dogits'")
    assert "can't be written" in refused("3.2", "--dataset", "digits", "--out", "nowhere/x.png")


def learned(trials):
    """Learning curves of `trials` (cell, variety, seed, values of ce by epoch), as `Sweep.curves` gives them."""
    rows = [
        {"trial": f"{cell}-{seed}", "cell": cell, "recipe": f"recipe {cell}", "variety": variety, "seed": seed}
        | {"epoch": epoch, "training_loss": 2 * ce, "learning_rate": 0.1, "validation_images": 500}
        | {"ce": ce, "scaled-ce": np.nan, "accuracy": 0.5}
        for cell, variety, seed, values in trials
        for epoch, ce in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows)


def test_learning_curves_are_means_over_replicates_with_their_standard_deviation():
    curves = learned([("a", "hard", 0, [2.0, 1.0]), ("a", "hard", 1, [4.0, 1.0]), ("b", "t2-clamp", 0, [1.0, 0.5])])
    drawn = learning_curves_figure(curves, "Title", simulated=True)
    said = "\n".join(text.get_text() for text in drawn.texts)
    assert "SIMULATED ANNOTATORS" in said
    assert "n = 1 to 2 replicates a cell: lines are means, shades one standard deviation" in said
    assert "500 validation images" in said
    titles = [panel.get_title("left") for panel in drawn.axes]
    assert titles[:3] == ["Training loss", "Cross-entropy", "Accuracy"]  # no trial has a scaled-ce
    lines = {line.get_label(): line for line in drawn.axes[1].lines}
    assert lines["recipe a"].get_xdata().tolist() == [1, 2]
    assert lines["recipe a"].get_ydata().tolist() == [3.0, 1.0]
    assert lines["recipe b"].get_ydata().tolist() == [1.0, 0.5]
    shade = drawn.axes[1].collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([shade[:, 1].min(), shade[:, 1].max()], [1.0, 3 + 2**0.5])
    assert not drawn.axes[1].collections[1].get_paths()  # one replicate has no spread
    assert [text.get_text() for text in drawn.legends[0].texts] == ["recipe a", "recipe b"]


def test_cells_of_one_variety_are_told_apart_by_their_dashes():
    curves = learned([(cell, "hard", 0, [2.0, 1.0]) for cell in "abcde"])
    lines = learning_curves_figure(curves, "Title", simulated=False).axes[0].lines
    assert len({line.get_color() for line in lines}) == 1
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 4


def test_the_learning_curves_of_a_sweep_are_drawn_and_one_without_any_says_so(refused, tmp_path, digits):
    spec = resolve({"name": "taught", "dataset": "digits", "seeds": 2, "blocks": [{"variety": ["hard", "smoothed"]}]})
    content = spec_content(spec, digits)
    store = create(tmp_path / "out", "taught-01234567", spec.model_dump(), content, {"simulated": True})
    why = "no finished trial kept one (curve_every: 0, or trained before they came)"
    assert refused("curves", "taught", "--out", "out") == f"taught-01234567 has no learning curves: {why}"
    for number, trial in enumerate(trials(spec, digits)[:3]):
        (store.trials / trial.id).mkdir()
        (store.trials / trial.id / "trial.json").write_text(json.dumps({"result": {"ce/crowd": 1.0}, "epochs": 2}))
        if number < 2:  # the third was trained before curves came
            write_curve(store.trials / trial.id / CURVE, [[1, 0.5, 0.1, 250, 2.0, 1.9, 0.5], [2, 0.4, 0, 250, 1, 1, 1]])
    curves = Sweep(store).curves()
    assert curves.groupby("recipe")["trial"].nunique().to_dict() == {"hard labels": 1, "label smoothing 0.05": 1}
    assert curves["epoch"].tolist() == [1, 2, 1, 2]
    assert figure("curves", "taught", "--out", "out", "--to", "learned.svg").stdout == "learned.svg\n"
    assert "hard labels" in (tmp_path / "learned.svg").read_text()
    assert refused("curves") == "figure curves is drawn from a sweep; name one"


def test_own_data_has_the_figure_of_one_answer_and_no_clicks_to_compare_with(refused, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 8)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(20) % 3)
    rows = [f"{person},{item},$cat$,70,dog $,20," for item in range(12) for person in ("ann", "bob $5$")]
    (tmp_path / "answers.csv").write_text("annotator,item,top1,p1,top2,p2,impossible\n" + "\n".join(rows))
    declared = {"name": "pets", "images": "images.npz", "classes": ["$cat$", "dog $", "owl"], "answers": "answers.csv"}
    (tmp_path / "pets.yaml").write_text(yaml.safe_dump({**declared, "probabilities": "percent"}))
    assert figure("3.2", "--dataset", "pets.yaml").exit_code == 0
    assert (tmp_path / "figure-3.2.png").is_file()
    for name in ("3.3", "3.4", "B.1", "B.2"):
        assert refused(name, "--dataset", "pets.yaml").startswith("pets has no counts of clicks")


@pytest.mark.parametrize(("name", "axis"), [("3.5", "annotators"), ("3.6", "items"), ("B.3", "annotators")])
def test_a_figure_of_a_sweep_needs_two_values_of_its_axis(make, name, axis):
    cells = [
        ({"variety": v, "aggregation": "separate", "annotators": m, "items": n}, 2.0, 1.2)
        for v in ("click", "t2-clamp")
        for m, n in ((2, 250), (4, 900))
    ]
    drawn = sweep_figure(name, make(cells), "mine-1", simulated=True)
    said = "\n".join(text.get_text() for text in drawn.texts)
    assert f"thesis figure {name}" in said
    assert "mine-1" in said
    assert "SIMULATED ANNOTATORS" in said
    value = {"annotators": 2, "items": 250}[axis]
    with pytest.raises(RequestError, match=f"two values of '{axis}' or more; mine-1 has {value} alone"):
        sweep_figure(name, make(cells[::2]), "mine-1", simulated=False)
    with pytest.raises(RequestError, match="mine-1 has none"):
        sweep_figure(name, make(cells).assign(status="failed"), "mine-1", simulated=False)


def test_a_figure_of_a_sweep_shows_the_thesis_metrics_on_its_test_sets(make):
    results = make()
    more = {f"ce/{test}": results["ce/10h"] for test in ("validation", "10h-c", "10h-c-generated")}
    drawn = sweep_figure("3.5", results.assign(**more), "mine-1", simulated=False)
    titles = [panel.get_title("left").split("\n") for panel in drawn.axes if panel.get_title("left")]
    assert [title[1] for title in titles] == ["CIFAR-10H"] * 4 + ["CIFAR-10S"] * 4
    assert not [title for title in titles if "ccuracy" in title[0]]


def test_a_curve_against_m_has_its_points_at_m_and_all_at_the_answers_used(make):
    # The made-up "all" of 9 items uses 50 x 9 answers; with one answer there is nothing to aggregate.
    cells = [({"variety": "click", "annotators": 1, "items": 9}, 2.0, 1.2), ({"variety": "hard"}, 1.8, 1.2)]
    cells += [
        ({"variety": "click", "aggregation": "separate", "annotators": m, "items": 9}, ce, 1.2)
        for m, ce in (("all", 1.4), (4, 1.5))
    ]
    panel = annotators_curve_figure(make(cells), "Title", False, metrics=["ce"]).axes[0]
    lines = {line.get_label(): line for line in panel.lines if not line.get_label().startswith("_")}
    assert lines["clicks, separate, N'=9"].get_xdata().tolist() == [1, 4, 50]
    np.testing.assert_allclose(lines["clicks, separate, N'=9"].get_ydata(), [2.0, 1.5, 1.4])
    assert "hard labels (free)" in lines
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["1", "4", "50"]
    assert panel.get_xscale() == "log"


def test_hard_labels_beside_bought_answers_are_not_called_free(make):
    cells = [({"variety": "click", "annotators": m, "items": 9}, 2.0, 1.2) for m in (1, 2)]
    results = make([*cells, ({"variety": "hard"}, 1.8, 1.2)])
    results.loc[results["variety"] == "hard", "answers/t2-clamp"] = 60  # bought for mixed images
    panel = annotators_curve_figure(results, "Title", False, metrics=["ce"]).axes[0]
    assert "hard labels" in [line.get_label() for line in panel.lines]


def test_asking_for_help_imports_nothing_that_draws():
    code = "import sys, sweeps.commands.app; print([m for m in ('matplotlib', 'pandas', 'torch') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
