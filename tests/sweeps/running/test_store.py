"""The folder of a sweep is the truth: whatever kills a process, what had finished is there once and whole."""

import json
import os
import subprocess
import sys

import pytest

from softcore.errors import RequestError
from sweeps.running.store import (
    DONE,
    EVENTS,
    FAILED,
    STOPPED,
    Store,
    check_writable,
    create,
    find,
    find_trial,
    out_folder,
    stores,
    write_bytes,
)


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "out", "first-0123abcd", {"name": "first"}, {"cells": []}, {"commit": None})


def finish(store, trial, result=None, epochs=3):
    """A finished trial's folder, as a worker leaves it."""
    folder = store.trials / trial
    folder.mkdir()
    (folder / "trial.json").write_text(
        json.dumps({"trial": trial, "epochs": epochs, "result": result or {"ce/a": 1.0}})
    )


def test_a_new_sweeps_folder_has_all_its_parts(store):
    assert sorted(path.name for path in store.folder.iterdir()) == [
        "manifest.json",
        "resolved.json",
        "spec.yaml",
        "trials",
    ]
    assert (store.id, store.spec(), store.resolved()) == ("first-0123abcd", {"name": "first"}, {"cells": []})
    assert [path.name for path in store.folder.parent.iterdir()] == [store.id]


def test_creating_a_sweep_that_exists_returns_it_as_it_is(store):
    again = create(store.folder.parent, store.id, {"name": "other"}, {}, {})
    assert again.spec() == {"name": "first"}
    assert len(list(store.folder.parent.iterdir())) == 1


def test_the_manifest_is_added_to_and_never_lost(store):
    store.update_manifest(hosts=["a"])
    assert store.manifest() == {"commit": None, "hosts": ["a"]}


def test_events_are_read_in_the_order_they_were_written(store):
    store.log("c1-s0-p0", 1, STOPPED)
    store.log("c1-s0-p0", 3, DONE, result={"ce/a": 2.0})
    assert [(e["epoch"], e["status"]) for e in store.events()] == [(1, STOPPED), (3, DONE)]
    assert store.finished() == {"c1-s0-p0": {"ce/a": 2.0}}


def test_half_a_line_of_a_killed_process_is_ignored_and_harms_no_other(store):
    store.log("c1-s0-p0", 3, DONE, result={"ce/a": 2.0})
    log = store.folder / EVENTS
    with log.open("a") as file:
        file.write('{"trial": "c2-s0-p0", "epo')
    assert list(store.finished()) == ["c1-s0-p0"]
    store.log("c3-s0-p0", 3, DONE, result={"ce/a": 4.0})
    assert list(store.finished()) == ["c1-s0-p0", "c3-s0-p0"]


def test_an_event_that_lost_only_its_line_end_still_counts(store):
    store.log("c1-s0-p0", 3, DONE, result={"ce/a": 2.0})
    log = store.folder / EVENTS
    log.write_bytes(log.read_bytes().rstrip(b"\n"))
    store.log("c2-s0-p0", 3, DONE, result={"ce/a": 3.0})
    assert list(store.finished()) == ["c1-s0-p0", "c2-s0-p0"]


def test_what_is_done_stays_done(store):
    store.log("c1-s0-p0", 3, DONE, result={"ce/a": 2.0})
    store.log("c1-s0-p0", 1, FAILED, error="late")
    assert store.finished() == {"c1-s0-p0": {"ce/a": 2.0}}
    assert store.failed() == {}


def test_a_failed_trial_that_finishes_later_is_no_longer_failed(store):
    store.log("c1-s0-p0", 1, FAILED, error="ValueError: no")
    assert list(store.failed()) == ["c1-s0-p0"]
    store.log("c1-s0-p0", 3, DONE, result={})
    assert store.failed() == {}


def test_a_finished_folder_that_nobody_logged_counts_and_is_adopted_once(store):
    finish(store, "c1-s0-p0", {"ce/a": 7.0})
    assert store.finished() == {"c1-s0-p0": {"ce/a": 7.0}}
    assert store.events() == []
    assert store.adopt() == 1
    assert store.adopt() == 0
    (event,) = store.events()
    assert (event["trial"], event["epoch"], event["status"], event["adopted"]) == ("c1-s0-p0", 3, DONE, True)


def test_what_a_killed_worker_left_half_written_is_no_trial_and_is_cleared(store):
    half = store.trials / ".c1-s0-p0-host-123"
    half.mkdir()
    (half / "predictions.npz").write_bytes(b"PK")
    assert store.trial_folders() == []
    assert store.finished() == {}
    store.clear_unfinished()
    assert list(store.trials.iterdir()) == []


@pytest.mark.slow
def test_a_lock_keeps_a_second_driver_away_and_dies_with_its_process(store):
    hold = (
        "import sys, time; from pathlib import Path; from sweeps.running.store import Store\n"
        "with Store(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", hold, str(store.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RequestError, match="first-0123abcd is being run by another process"), store.lock():
            pass
    finally:
        other.kill()
        other.wait()
    with store.lock():
        pass


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    write_bytes(path, b"old")

    def crash(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(RequestError, match=r"results\.csv can't be written: No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"x\.csv can't be written: No such file or directory"):
        write_bytes(tmp_path / "nowhere" / "x.csv", b"")


def test_an_output_folder_is_checked_without_being_made(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(RequestError, match="file is not a folder"):
            check_writable(out)


@pytest.mark.slow
def test_an_output_folder_that_may_not_be_written_or_looked_into_is_refused(tmp_path):
    # In a process of its own, since a superuser may write anywhere until it gives that up.
    shut = tmp_path / "shut"
    (shut / "deep").mkdir(parents=True)
    asks = (
        "import os, sys; from pathlib import Path; from sweeps.running.store import check_writable\n"
        "from softcore.errors import RequestError\n"
        "folder = Path(sys.argv[1]); [os.chmod(p, 0o755) for p in (folder.parent, folder.parent.parent)]\n"
        "os.chmod(folder, 0)\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "for out in (folder / 'new', folder / 'deep' / 'new'):\n"
        "    try: check_writable(out); print('let through', out)\n"
        "    except RequestError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", asks, str(shut)], capture_output=True, text=True, check=False)
    os.chmod(shut, 0o755)
    assert said.stderr == ""
    assert said.stdout.count("can't be written: no permission to write in") == 2


def test_the_output_folder_is_the_one_given_else_the_variable_else_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPS_OUT", raising=False)
    assert out_folder(None) == tmp_path / "sweeps-out"
    monkeypatch.setenv("SWEEPS_OUT", str(tmp_path / "variable"))
    assert out_folder(None) == tmp_path / "variable"
    assert out_folder("given") == tmp_path / "given"


@pytest.fixture
def three(tmp_path):
    """Two sweeps that begin alike and one that does not, beside the folder of MLflow."""
    for name in ("digits-aaaa1111", "digits-aabb2222", "table-cccc3333"):
        create(tmp_path, name, {}, {}, {})
    (tmp_path / "mlflow").mkdir()
    return tmp_path


def test_a_sweep_is_found_by_id_by_a_unique_beginning_and_by_path(three):
    assert find("digits-aaaa1111", three).id == "digits-aaaa1111"
    assert find("digits-aaa", three).id == "digits-aaaa1111"
    assert find("t", three).id == "table-cccc3333"
    assert find(str(three / "table-cccc3333"), three / "elsewhere").id == "table-cccc3333"


def test_an_id_that_another_begins_with_is_still_itself(three):
    create(three, "table-cccc3333-more", {}, {}, {})
    assert find("table-cccc3333", three).id == "table-cccc3333"


def test_an_ambiguous_or_unknown_sweep_is_refused_with_those_there_are(three):
    with pytest.raises(RequestError, match=r"ambiguous sweep 'digits'; in .*: digits-aaaa1111, digits-aabb2222$"):
        find("digits", three)
    with pytest.raises(RequestError, match=r"unknown sweep 'x'; in .*: digits-aaaa1111, digits-aabb2222, table-cccc"):
        find("x", three)
    with pytest.raises(RequestError, match=r"unknown sweep 'x': there is no sweep in .*/empty"):
        find("x", three / "empty")


def test_only_sweeps_are_listed(three):
    (three / ".new-123").mkdir()
    (three / "notes.txt").write_text("")
    assert [store.id for store in stores(three)] == ["digits-aaaa1111", "digits-aabb2222", "table-cccc3333"]


def test_a_trial_is_found_in_whatever_sweep_finished_it(three):
    sweep = Store(three / "digits-aabb2222")
    finish(sweep, "0123abcd-s0-p0")
    finish(sweep, "0999abcd-s0-p0")
    found, trial = find_trial("012", three)
    assert (found.id, trial) == ("digits-aabb2222", "0123abcd-s0-p0")
    assert find_trial(str(sweep.trials / "0999abcd-s0-p0"), three)[1] == "0999abcd-s0-p0"
    with pytest.raises(RequestError, match="ambiguous trial '0': 0123abcd-s0-p0, 0999abcd-s0-p0"):
        find_trial("0", three)
    with pytest.raises(RequestError, match=r"unknown trial '7': no sweep in .* has finished it"):
        find_trial("7", three)
