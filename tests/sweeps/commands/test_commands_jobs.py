"""The commands for sweeps on a cluster, with the cluster's answers made up; a real one is in tests/end_to_end."""

import json
import shlex
from pathlib import Path

import pytest
import typer

from cluster import jobs
from cluster.errors import ClusterError
from cluster.jobs import Job
from softcore.errors import RequestError
from sweeps.commands import jobs as cli_jobs

HEAD = "http://127.0.0.1:8265"


def job(state: str = "RUNNING", name: str = "quickstart-0", **more: object) -> Job:
    given = {"message": "", "started": 1.0, "ended": None, "exit_code": None, **more}
    return Job(submission_id=name, state=state, **given)


@pytest.fixture(autouse=True)
def no_address(monkeypatch, tmp_path):
    monkeypatch.delenv(cli_jobs.ADDRESS, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def asked(monkeypatch):
    """What the cluster was asked to submit; it accepts everything."""
    seen: list[dict] = []

    def submit(entrypoint: str, **rest: object) -> Job:
        files = sorted(path.name for path in Path(str(rest["working_dir"])).iterdir())
        seen.append({"entrypoint": entrypoint, "files": files, **rest})
        return job("PENDING", name=f"{rest['submission_id']}")

    monkeypatch.setattr(jobs, "check_free", lambda *given: None)
    monkeypatch.setattr(jobs, "submit", submit)
    return seen


@pytest.fixture
def submitted(asked, tmp_path, capsys) -> str:
    """The id of a sweep that has been submitted, its folder below `tmp_path / "out"`."""
    cli_jobs.submit("quickstart", address=HEAD, out=str(tmp_path / "out"), scale="tiny", as_json=True)
    return json.loads(capsys.readouterr().out)["sweep"]


def test_a_submission_is_recorded_in_the_sweeps_folder(submitted, asked, tmp_path):
    folder = tmp_path / "out" / submitted
    assert json.loads((folder / "submission.json").read_text()) == {
        "address": HEAD,
        "submission": submitted,
        "out": str(tmp_path / "out"),
    }
    assert (folder / "resolved.json").is_file()
    (given,) = asked
    assert given["submission_id"] == submitted
    assert given["files"] == ["cluster", "softcore", "sweeps"]
    words = shlex.split(given["entrypoint"])
    assert words[words.index("--out") + 1] == str(tmp_path / "out")
    assert Path(words[words.index("--data-root") + 1]).is_absolute()


def test_relative_folders_are_made_absolute(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli_jobs.submit("quickstart", address=HEAD, out="here", data_root="data", scale="tiny")
    words = shlex.split(asked[0]["entrypoint"])
    assert words[words.index("--out") + 1] == str(tmp_path / "here")
    assert words[words.index("--data-root") + 1] == str(tmp_path / "data")


def test_what_to_do_next_is_printed_with_the_sweeps_id(asked, tmp_path, capsys):
    cli_jobs.submit("quickstart", address=HEAD, out=str(tmp_path / "out"), scale="tiny")
    printed = capsys.readouterr().out
    assert f"sweeps status {asked[0]['submission_id']} --out {tmp_path / 'out'}" in printed


def test_a_cluster_that_refuses_leaves_no_folder(tmp_path, monkeypatch):
    def refuse(*given: object) -> None:
        raise ClusterError("no Ray dashboard answers")

    monkeypatch.setattr(jobs, "check_free", refuse)
    with pytest.raises(ClusterError):
        cli_jobs.submit("quickstart", address=HEAD, out=str(tmp_path / "out"), scale="tiny")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spec": "quickstart"}, "no cluster named: --address or SWEEPS_ADDRESS"),
        ({"spec": "nothing", "address": HEAD}, "unknown preset 'nothing'; known: .*quickstart"),
        ({"spec": "quickstart", "address": HEAD, "scale": "huge"}, "unknown scale 'huge'; known"),
        ({"spec": "quickstart", "address": HEAD, "set_": ["colour=red"]}, "unknown axis 'colour'"),
        ({"spec": "quickstart", "address": "ray://head:10001"}, "not a Ray dashboard's"),
    ],
)
def test_a_wrong_request_is_refused_before_the_cluster_is_asked(arguments, message, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "check_free", lambda *given: pytest.fail("the cluster was asked"))
    with pytest.raises((RequestError, ClusterError), match=message):
        cli_jobs.submit(**arguments, out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_password_in_the_tracking_servers_address_reaches_no_job(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "check_free", lambda *given: pytest.fail("the cluster was asked"))
    with pytest.raises(RequestError, match=r"http://ada:\*\*\*@mlflow: .*MLFLOW_TRACKING_PASSWORD"):
        cli_jobs.submit("quickstart", address=HEAD, out=str(tmp_path / "out"), tracking_uri="http://ada:s3cret@mlflow")
    assert not (tmp_path / "out").exists()


def test_status_shows_the_job_and_the_trials_in_the_folder(submitted, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "status", lambda name, address: job(name=name))
    cli_jobs.status(submitted[:8], out=str(tmp_path / "out"), as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["sweep"] == submitted
    assert row["state"] == "running"
    content = json.loads((tmp_path / "out" / submitted / "resolved.json").read_text())
    expected = len(content["cells"]) * len(content["seeds"])
    assert (row["done"], row["failed"], row["trials"]) == (0, 0, expected)


def test_status_still_counts_trials_when_the_cluster_has_gone(submitted, tmp_path, monkeypatch, capsys):
    def gone(*given: object) -> Job:
        raise ClusterError("no Ray dashboard answers")

    monkeypatch.setattr(jobs, "status", gone)
    with pytest.raises(ClusterError, match="no Ray dashboard answers"):
        cli_jobs.status(submitted, out=str(tmp_path / "out"), as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["state"] is None
    assert row["trials"] > 0


def test_a_failed_job_says_its_drivers_last_line(submitted, tmp_path, monkeypatch, capsys):
    message = "Job entrypoint command failed with exit code 2, last available logs:\n0/33\nsweeps: no such data\n\n"
    monkeypatch.setattr(jobs, "status", lambda name, address: job("FAILED", name=name, message=message, exit_code=2))
    cli_jobs.status(submitted, out=str(tmp_path / "out"))
    assert "sweeps: no such data; more: sweeps logs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "recorded", "variable", "expected"),
    [
        ("http://flag:1", True, "http://variable:1", "http://flag:1"),
        (None, True, "http://variable:1", HEAD),
        (None, False, "http://variable:1", "http://variable:1"),
    ],
)
def test_the_address_given_wins_over_the_recorded_one_and_that_over_the_variable(
    submitted, tmp_path, monkeypatch, capsys, flag, recorded, variable, expected
):
    if not recorded:
        (tmp_path / "out" / submitted / "submission.json").unlink()
    monkeypatch.setenv(cli_jobs.ADDRESS, variable)
    seen = []
    monkeypatch.setattr(jobs, "stop", lambda name, address: seen.append((name, address)) or job("STOPPED", name=name))
    cli_jobs.stop(submitted, address=flag, out=str(tmp_path / "out"))
    assert seen == [(submitted, expected)]
    assert "has ended: stopped" in capsys.readouterr().out


@pytest.mark.parametrize("command", [cli_jobs.status, cli_jobs.logs, cli_jobs.stop])
@pytest.mark.parametrize("variable", [None, "http://variable:1"])
def test_an_address_that_only_the_shared_folder_names_gets_no_token(
    submitted, tmp_path, monkeypatch, command, variable
):
    (tmp_path / "out" / submitted / "submission.json").write_text('{"address": "http://elsewhere:8265"}')
    for name in ("status", "logs", "stop"):
        monkeypatch.setattr(jobs, name, lambda *given, **more: pytest.fail("the token was sent"))
    if variable:
        monkeypatch.setenv(cli_jobs.ADDRESS, variable)
    with pytest.raises(RequestError, match=r"names http://elsewhere:8265, .*--address says which") as refused:
        command(submitted, out=str(tmp_path / "out"))
    assert (variable or "is not set") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_persons_submission_is_found_by_the_variable(submitted, tmp_path, monkeypatch, capsys):
    (tmp_path / "state" / "label-sweeps" / "addresses").unlink()
    monkeypatch.setattr(jobs, "stop", lambda name, address: job("STOPPED", name=f"{name} at {address}"))
    with pytest.raises(RequestError, match=f"names {HEAD}"):
        cli_jobs.stop(submitted, out=str(tmp_path / "out"))
    monkeypatch.setenv(cli_jobs.ADDRESS, HEAD)
    cli_jobs.stop(submitted, out=str(tmp_path / "out"))
    assert f"at {HEAD}" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "1", "[]", "{}", '{"address"'])
def test_a_broken_submission_is_refused_in_a_line(submitted, tmp_path, content):
    (tmp_path / "out" / submitted / "submission.json").write_text(content)
    with pytest.raises(RequestError, match="can't be read as a submission; name the cluster with --address"):
        cli_jobs.logs(submitted, out=str(tmp_path / "out"))


def test_a_sweep_that_was_never_submitted_says_so(submitted, tmp_path):
    (tmp_path / "out" / submitted / "submission.json").unlink()
    with pytest.raises(RequestError, match="was never submitted from here"):
        cli_jobs.logs(submitted, out=str(tmp_path / "out"))


def test_an_unknown_sweep_is_refused_unless_a_cluster_is_named(tmp_path, monkeypatch, capsys):
    with pytest.raises(RequestError, match="unknown sweep 'q-1'"):
        cli_jobs.logs("q-1", out=str(tmp_path))
    monkeypatch.setattr(jobs, "logs", lambda name, address: iter([f"{name} at {address}"]))
    cli_jobs.logs("q-1", address=HEAD, out=str(tmp_path))
    assert capsys.readouterr().out == f"q-1 at {HEAD}"


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (job("SUCCEEDED", exit_code=0), 0),
        (job("FAILED", exit_code=1), 1),
        (job("FAILED", exit_code=2), 2),
        (job("STOPPED"), 130),
    ],
)
def test_waiting_ends_as_the_sweep_has_ended(asked, tmp_path, monkeypatch, capsys, ended, code):
    monkeypatch.setattr(jobs, "logs", lambda name, address, follow: iter(["33/33 done\n"]))
    monkeypatch.setattr(jobs, "wait", lambda name, address: ended)
    with pytest.raises(typer.Exit) as caught:
        cli_jobs.submit("quickstart", address=HEAD, out=str(tmp_path), scale="tiny", wait=True, as_json=True)
    assert caught.value.exit_code == code
    streams = capsys.readouterr()
    assert set(json.loads(streams.out)) == {"sweep", "folder", "address", "submission", "out"}
    assert "33/33 done" in streams.err


@pytest.mark.slow
def test_a_job_that_never_ran_is_an_error_with_its_reason(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "logs", lambda name, address, follow: iter([]))
    monkeypatch.setattr(jobs, "wait", lambda name, address: job("FAILED", message="runtime_env setup failed\nmore"))
    with pytest.raises(ClusterError, match="failed before it could run: runtime_env setup failed"):
        cli_jobs.submit("quickstart", address=HEAD, out=str(tmp_path), scale="tiny", wait=True)


def test_leaving_a_log_leaves_the_sweep_running(submitted, tmp_path, monkeypatch, capsys):
    def interrupted(name: str, address: str, *, follow: bool):
        yield "1/33 done\n"
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "logs", interrupted)
    with pytest.raises(typer.Exit) as caught:
        cli_jobs.logs(submitted, out=str(tmp_path / "out"), follow=True)
    assert caught.value.exit_code == 130
    assert f"{submitted} goes on at {HEAD}" in capsys.readouterr().err
