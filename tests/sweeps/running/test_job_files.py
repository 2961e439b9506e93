"""What a job takes along, and the command that runs it there."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.running.job_files import PACKAGES, is_file, job_folder, package_folder, run_command, with_own_files
from sweeps.spec.spec import Spec


def command(spec: str, **changes: object) -> list[str]:
    given = {"out": Path("/mnt/out"), "data_root": Path("/mnt/data"), "scale": None, "sets": [], "tracking_uri": None}
    return shlex.split(run_command(spec, **{**given, **changes}))


def test_a_job_takes_the_source_and_nothing_that_was_made_from_it():
    with job_folder("quickstart") as folder:
        assert sorted(path.name for path in folder.iterdir()) == sorted(PACKAGES)
        files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        sources = {
            path.relative_to(package_folder(package).parent)
            for package in PACKAGES
            for path in package_folder(package).rglob("*.py")
        }
        assert sources <= files
        assert Path("sweeps/spec/presets/quickstart.yaml") in files
        assert not [path for path in folder.rglob("*") if path.name == "__pycache__" or path.suffix == ".pyc"]
        assert sum(path.stat().st_size for path in folder.rglob("*")) < 20 * 2**20  # Ray's limit is 512 MiB
    assert not folder.exists()


def test_the_code_that_came_along_runs_and_not_the_installed_one():
    code = "import softcore, cluster, sweeps; print(softcore.__file__, cluster.__file__, sweeps.__file__)"
    with job_folder("quickstart") as folder:
        imported = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.split()
        assert [Path(path).parent.parent for path in imported] == [folder] * 3


def test_a_spec_goes_along_as_it_was_written(tmp_path):
    spec = tmp_path / "mine.yaml"
    spec.write_text("name: mine  # with a remark\n")
    with job_folder(str(spec)) as folder:
        assert (folder / "specs" / "mine.yaml").read_text() == spec.read_text()
    assert command(str(spec))[4:6] == ["run", "specs/mine.yaml"]


def test_a_preset_is_named_and_a_file_is_copied():
    assert not is_file("quickstart")
    assert is_file("mine.yaml")
    assert is_file("folder/mine")
    assert command("quickstart")[:6] == ["exec", "python", "-m", "sweeps", "run", "quickstart"]


def test_the_driver_joins_the_cluster_that_runs_it_and_writes_where_it_was_told():
    words = command("quickstart")
    assert words[words.index("--ray-address") + 1] == "auto"
    assert words[words.index("--out") + 1] == "/mnt/out"
    assert words[words.index("--data-root") + 1] == "/mnt/data"


def test_scale_settings_and_tracking_server_are_handed_on_in_order():
    words = command("quickstart", scale="tiny", sets=["seeds=3", "gamma=[0.0, 0.1]"], tracking_uri="http://mlflow:5000")
    assert words[words.index("--scale") :] == (
        ["--scale", "tiny", "--set", "seeds=3", "--set", "gamma=[0.0, 0.1]", "--tracking-uri", "http://mlflow:5000"]
    )


@pytest.mark.parametrize("name", ["a b", "a'b", "$HOME", "a;rm b", "a\nb", "ä"])
def test_no_path_is_read_by_the_shell_as_anything_but_a_path(name):
    words = command("quickstart", out=Path("/mnt") / name)
    assert words[words.index("--out") + 1] == f"/mnt/{name}"


def test_files_of_ones_own_are_found_from_the_jobs_folder():
    spec = Spec(name="mine", dataset="/home/me/birds.yaml", blocks=[{"variety": "hard"}])
    (setting,) = with_own_files(spec, [])
    assert setting == 'dataset="/home/me/birds.yaml"'
    here = json.dumps(str(Path("glove.txt").absolute()))
    given = spec.model_copy(update={"dataset": "digits", "word_vectors": "glove.txt"})
    assert with_own_files(given, ["seeds=2"]) == ["seeds=2", f"word_vectors={here}"]
    assert with_own_files(spec.model_copy(update={"dataset": "digits"}), ["seeds=2"]) == ["seeds=2"]
