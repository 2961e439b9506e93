"""What can't be served is refused in one line on standard error with exit code 2, and nothing is written."""

import socket
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
import yaml

from softcore.datasets import DATASETS, load
from softcore.labels.aggregate import AGGREGATORS
from softcore.labels.ask import asked_varieties
from softcore.varieties import VARIETIES
from sweeps.commands.app import main
from sweeps.spec.spec import presets_by_name
from sweeps.tracking import server as tracking_server

PRESETS = ", ".join(presets_by_name())


@pytest.fixture(scope="module", autouse=True)
def _digits_once():
    """The digits, loaded once: every request loads them."""
    loaded = load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "digits", lambda root: loaded)
        yield


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs the command line in an empty folder; the one line that it refuses with, after `sweeps: `."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for variable in ("SWEEPS_OUT", "SWEEPS_ADDRESS", "SOFTCORE_DATA"):
        monkeypatch.delenv(variable, raising=False)

    def ask(*arguments):
        monkeypatch.setattr(sys, "argv", ["sweeps", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2
        assert said.out == ""
        assert said.err.startswith("sweeps: ")
        assert said.err.endswith("\n")
        assert said.err.count("\n") == 1
        assert list(here.iterdir()) == []
        return said.err.removeprefix("sweeps: ").rstrip("\n")

    return ask


@pytest.fixture
def pets(tmp_path):
    """A writer of a user's own data, 20 images of three classes with two people's answers, its first row changed."""
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 8, 1)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(20) % 3)

    def write(**first_row):
        row = partial(dict, top1="cat", p1=80, top2="dog", p2=15, impossible="")
        rows = [row(annotator=person, item=item) for item in range(12) for person in ("ann", "bob")]
        rows[0] |= first_row
        pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
        declared = {"name": "pets", "images": "images.npz", "classes": ["cat", "dog", "owl"], "answers": "answers.csv"}
        (tmp_path / "pets.yaml").write_text(yaml.safe_dump({**declared, "probabilities": "percent"}))
        spec = {"name": "own", "dataset": "pets.yaml", "blocks": [{"variety": "t2-clamp"}]}
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(spec))
        return tmp_path / "own.yaml"

    return write


def test_an_unknown_preset(refused):
    assert refused("run", "quickstrat") == f"unknown preset 'quickstrat'; known: {PRESETS}"


def test_an_unknown_axis(refused):
    said = refused("run", "quickstart", "--set", "flavour=3")
    assert said.startswith("unknown axis 'flavour'; known: aggregation, alpha, annotators, augmentation, batch, beta")


def test_an_unknown_scale(refused):
    assert refused("run", "quickstart", "--scale", "huge") == "unknown scale 'huge'; known: half, paper, small, tiny"


def test_an_unknown_variety(refused):
    said = refused("run", "quickstart", "--set", "variety=t9")
    assert said == f"quickstart, block 1: unknown variety 't9'; known: {', '.join(sorted(VARIETIES))}"


def test_an_unknown_data_set(refused):
    said = refused("run", "quickstart", "--set", "dataset=digit")
    assert said == "unknown data set 'digit'; known: cifar10s, digits, hmix, or the path of your own .yaml file"


def test_an_unknown_metric(refused):
    assert refused("run", "quickstart", "--set", "metric=auc/crowd").startswith(
        "unknown metric 'auc'; known: accuracy, brier, ce"
    )


def test_more_annotators_than_any_item_has(refused):
    said = refused("run", "quickstart", "--set", "variety=t2-clamp", "--set", "annotators=9")
    assert said == "quickstart, block 1: annotators must be 'all' or 1..7, the most answers of any item; it is 9"


def test_a_gamma_of_1_7(refused):
    said = "gamma must be a number in 0..1; it is 1.7"
    assert refused("run", "quickstart", "--set", "gamma=1.7") == f"quickstart, block 1: {said}"


def test_a_probability_of_940(refused, pets):
    spec = pets(p1=940)
    said = refused("run", spec)
    assert "answers.csv: row 2, p1: '940'; allowed: " in said


def test_a_class_that_does_not_exist(refused, pets):
    spec = pets(top1="lion")
    assert "answers.csv: row 2, top1: 'lion'; allowed: " in refused("run", spec)
    assert "cat, dog, owl" in refused("run", spec)


def test_a_missing_data_root(refused, tmp_path):
    said = refused("run", "table-3-2", "--scale", "tiny", "--data-root", tmp_path / "nowhere")
    assert said.startswith(f"data file {tmp_path}/nowhere/cifar10")
    assert "sweeps data fetch cifar10s" in said
    assert "--data-root or SOFTCORE_DATA" in said


def test_broken_yaml(refused, tmp_path):
    (tmp_path / "broken.yaml").write_text("name: x\nblocks: [{variety: hard}\n")
    said = refused("run", tmp_path / "broken.yaml")
    assert said.startswith(f"{tmp_path}/broken.yaml, line 3, column 1: not valid YAML: expected ',' or ']'")


def test_a_spec_that_is_not_there(refused):
    assert refused("run", "mine.yaml") == "spec mine.yaml can't be read: No such file or directory"


def test_an_output_folder_that_can_not_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("")
    said = refused("run", "quickstart", "--out", tmp_path / "file" / "out")
    assert said == f"output folder {tmp_path}/file/out can't be written: {tmp_path}/file is not a folder"


@pytest.fixture
def silent_server():
    """The address of a port of this machine that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return port


@pytest.mark.parametrize("command", [("run", "quickstart"), ("resume", "quickstart")])
def test_a_tracking_server_that_is_not_there(refused, closed_port, command):
    address = f"http://127.0.0.1:{closed_port}"
    said = refused(*command, "--tracking-uri", address)
    assert said.startswith(f"tracking server {address} does not answer: ")
    assert said.endswith("start it, or leave --tracking-uri out for a local store")


def test_a_tracking_database_that_is_not_there(refused, closed_port):
    address = f"postgresql+psycopg2://me@127.0.0.1:{closed_port}/mlflow"
    assert refused("run", "quickstart", "--tracking-uri", address).startswith(f"tracking server {address} does not ans")


def test_a_tracking_server_that_never_answers_is_given_up_in_time(refused, silent_server, monkeypatch):
    # The promise is 10 s, of which the interpreter's own start takes a second or two.
    assert tracking_server.WITHIN_S <= 7
    monkeypatch.setattr(tracking_server, "WITHIN_S", 0.3)
    begun = time.monotonic()
    assert "does not answer: " in refused("run", "quickstart", "--tracking-uri", silent_server)
    assert time.monotonic() - begun < 3


def test_a_tracking_server_is_asked_before_torch_is_imported(closed_port, tmp_path):
    # Seconds that would come on top of the wait.
    arguments = ["sweeps", "run", "quickstart", "--tracking-uri", f"http://127.0.0.1:{closed_port}"]
    loaded = "sorted({'torch', 'ray', 'mlflow'} & set(sys.modules))"
    start = f"import sys; from sweeps.commands.app import main; sys.argv = {arguments}"
    ask = f"{start}\ntry: main()\nfinally: print({loaded})"
    ended = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ended.returncode, ended.stdout) == (2, "[]\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["localhost:5000", "ftp://x", "http://[::1", "http://127.0.0.1:x"])
def test_an_address_that_is_none(refused, address):
    assert refused("run", "quickstart", "--tracking-uri", address).startswith("tracking ")


@pytest.mark.parametrize("command", ["show", "results", "resume", "frontier", "report table", "logs", "stop"])
def test_an_unknown_sweep(refused, command, tmp_path):
    said = refused(*command.split(), "nosuch-12345678", "--out", tmp_path / "out")
    assert said == f"unknown sweep 'nosuch-12345678': there is no sweep in {tmp_path}/out"


def test_an_unknown_trial(refused, tmp_path):
    said = refused("replay", "0123", "--out", tmp_path / "out")
    assert said == f"unknown trial '0123': no sweep in {tmp_path}/out has finished it"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--variety", "t9"), f"unknown variety 't9'; known: {', '.join(sorted(asked_varieties()))}"),
        (("--variety", "hard"), f"unknown variety 'hard'; known: {', '.join(sorted(asked_varieties()))}"),
        (("--gamma", "1.7"), "gamma must lie in 0..1; it is 1.7"),
        (("--gamma", "1.7", "--variety", "click"), "gamma must lie in 0..1; it is 1.7"),
        (("--aggregation", "vote"), f"unknown aggregation 'vote'; known: {', '.join(sorted(AGGREGATORS))}"),
    ],
)
def test_labels_that_can_not_be_made(refused, arguments, message):
    assert refused("labels", "digits", "--out", "x.parquet", *arguments).startswith(message)


def test_labels_that_can_not_be_written(refused):
    assert refused("labels", "digits", "--out", "x.txt") == "--out must end in .parquet or .csv; it is x.txt"
    assert refused("labels", "digits", "--out", "no/x.csv") == "no/x.csv can't be written: No such file or directory"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "Missing argument 'spec'; see `sweeps run --help`"),
        (("run", "quickstart", "--fast"), "No such option: --fast"),
        (("run", "quickstart", "--cpus", "two"), "Invalid value for '--cpus'"),
        (("run", "quickstart", "--cpus", "0"), "--cpus must be at least 1; it is 0"),
        (("results", "x", "--format", "xml"), "Invalid value for '--format'"),
        (("go",), "No such command 'go'; see `sweeps --help`"),
        (("data", "describe", "digit"), "unknown data set 'digit'; known: cifar10s, digits"),
        (("data", "describe"), "Missing argument 'name'"),
        (("ui",), "no MLflow store at "),
    ],
)
def test_a_command_that_is_wrong(refused, arguments, message):
    assert refused(*arguments).startswith(message)


def test_the_console_script_refuses_in_the_same_way(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "sweeps", "run", "quickstrat", "--out", "out"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == f"sweeps: unknown preset 'quickstrat'; known: {PRESETS}\n"
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []
