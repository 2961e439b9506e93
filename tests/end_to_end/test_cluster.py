"""The same sweep here and on a cluster: a head with its dashboard and a second node, both on this machine."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.rehearsal import rehearsal

pytestmark = pytest.mark.slow

TIMES = ["train_seconds", "eval_seconds"]


def sweeps(*arguments: str, timeout: float = 600, code: int = 0) -> str:
    """What a `sweeps` command prints on standard output; it must end with `code`."""
    ended = subprocess.run(
        [sys.executable, "-m", "sweeps", *arguments],
        env={**os.environ, "RAY_AUTH_MODE": "token"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert ended.returncode == code, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout if code == 0 else ended.stderr


# Ready to stop a sweep at once: by the time that a command begun then has imported what it needs, trials have ended.
STOP = """
import sys
from cluster import jobs
from sweeps.commands.app import main
from sweeps.running import store

sys.stdin.readline()
main()
"""


def begin_stop(sweep: str, out: Path) -> subprocess.Popen:
    """`sweeps stop`, which waits for a line before it does."""
    return subprocess.Popen(
        [sys.executable, "-c", STOP, "stop", sweep, "--out", str(out)],
        env={**os.environ, "RAY_AUTH_MODE": "token"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def results(sweep: str, out: Path) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(sweeps("results", sweep, "--out", str(out))), dtype=str, keep_default_na=False)


def status(sweep: str, out: Path) -> dict:
    (row,) = json.loads(sweeps("status", sweep, "--out", str(out), "--json"))
    return row


def finished(sweep: str, out: Path) -> list[Path]:
    return list((out / sweep / "trials").glob("*/trial.json"))


def await_more_trials(sweep: str, out: Path, *, than: int) -> None:
    """Wait until more than so many trials have finished."""
    until = time.monotonic() + 180
    while len(finished(sweep, out)) <= than:
        assert time.monotonic() < until, sweeps("logs", sweep, "--out", str(out))
        time.sleep(0.2)


@pytest.fixture(scope="module")
def cluster():
    with rehearsal() as place:
        yield place


def test_a_sweep_on_two_nodes_gives_the_results_of_a_local_run(cluster, tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    # At 2 epochs one node would be through with all trials before the other has imported torch.
    what = ["quickstart", "--scale", "tiny", "--set", "seeds=1", "--set", "epochs=25"]
    submitted = json.loads(
        sweeps("submit", *what, "--address", cluster.dashboard, "--out", str(there), "--wait", "--json")
    )
    sweep = submitted["sweep"]
    assert submitted["submission"] == sweep

    row = status(sweep, there)
    assert row["state"] == "succeeded"
    assert row["done"] == row["trials"] > 0
    assert row["failed"] == 0
    assert "done" in sweeps("logs", sweep, "--out", str(there))

    manifest = json.loads((there / sweep / "manifest.json").read_text())
    trials = [json.loads(path.read_text()) for path in (there / sweep / "trials").glob("*/trial.json")]
    assert len(set(manifest["hosts"])) == 2
    assert {trial["host"] for trial in trials} == set(manifest["hosts"])  # both nodes worked

    sweeps("run", *what, "--cpus", "1", "--out", str(here))
    assert (here / sweep).is_dir()  # the same id
    ours, theirs = results(sweep, here), results(sweep, there)
    assert len(ours) == len(trials)
    pd.testing.assert_frame_equal(theirs.drop(columns=TIMES), ours.drop(columns=TIMES))
    for trial in ours["trial"]:
        left, right = (out / sweep / "trials" / trial / "predictions.npz" for out in (here, there))
        assert left.read_bytes() == right.read_bytes()


def test_a_stopped_sweep_can_be_resumed_on_the_cluster_and_here(cluster, tmp_path):
    out = tmp_path / "out"
    # Trials enough, and long enough, that a stop comes in the middle of the sweep on a fast machine too.
    what = ["quickstart", "--scale", "tiny", "--set", "seeds=1", "--set", "epochs=40", "--out", str(out)]
    sweep = json.loads(sweeps("submit", *what, "--address", cluster.dashboard, "--json"))["sweep"]
    again = sweeps("submit", *what, "--address", cluster.dashboard, code=2)
    assert f"{sweep} is " in again

    stop = begin_stop(sweep, out)
    await_more_trials(sweep, out, than=0)
    assert "has ended: stopped" in stop.communicate("now\n", timeout=120)[0]
    assert stop.returncode == 0
    stopped = status(sweep, out)
    assert stopped["state"] == "stopped"
    assert 0 < stopped["done"] < stopped["trials"]
    events = [json.loads(line) for line in (out / sweep / "events.jsonl").read_text().splitlines()]
    assert "stopped" in {event["status"] for event in events}  # it could save: it ended by itself, not by SIGKILL
    before = results(sweep, out).set_index("trial")

    resumed = json.loads(sweeps("submit", *what, "--address", cluster.dashboard, "--json"))
    assert resumed["submission"] == f"{sweep}-2"
    stop = begin_stop(sweep, out)
    await_more_trials(sweep, out, than=stopped["done"])
    assert "has ended: stopped" in stop.communicate("now\n", timeout=120)[0]
    assert len(finished(sweep, out)) < stopped["trials"]

    sweeps("resume", sweep, "--out", str(out), "--cpus", "1")  # and the rest on this machine alone
    after = results(sweep, out).set_index("trial")
    assert len(after) == stopped["trials"]
    assert set(after["status"]) == {"done"}
    pd.testing.assert_frame_equal(after.loc[before.index], before)  # what had finished was not run again


def test_a_cluster_that_is_not_there_is_refused_and_nothing_is_written(tmp_path):
    out = tmp_path / "out"
    began = time.monotonic()
    what = ["quickstart", "--scale", "tiny", "--address", "http://127.0.0.1:1", "--out", str(out)]
    assert "no Ray dashboard answers at http://127.0.0.1:1" in sweeps("submit", *what, code=2)
    assert time.monotonic() - began < 30  # ten for the answer, the rest to load the data
    assert not out.exists()
