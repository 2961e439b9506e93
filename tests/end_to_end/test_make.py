"""What make would do in a new checkout, without doing it."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands(tmp_path, *words):
    """The commands that `make` would run where no environment is there yet."""
    asked = ["make", "--dry-run", "--no-print-directory", f"VENV={tmp_path / 'venv'}", *words]
    # Not what a `make test` that runs this hands to makes below it.
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "TORCH")}
    return subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT, env=alone).stdout.splitlines()


def test_the_demo_needs_no_tools_of_developers(tmp_path):
    ran = commands(tmp_path, "demo")
    assert [line for line in ran if "dev" in line] == []
    assert ran[-1] == f"{tmp_path}/venv/bin/sweeps run quickstart"
    assert any(line.endswith("--editable .") for line in ran)


def test_tests_and_lint_add_them(tmp_path):
    for target in ("test", "test-slow", "test-simulation", "test-fuzz", "lint"):
        assert any(line.endswith("--editable '.[dev]'") for line in commands(tmp_path, target))


def test_an_environment_that_is_there_is_not_installed_again(tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "ready").touch()
    assert commands(tmp_path, "demo") == [f"{tmp_path}/venv/bin/sweeps run quickstart"]
    assert any("pip install" in line for line in commands(tmp_path, "test"))
    (tmp_path / "venv" / "dev").touch()
    assert not any("pip install" in line for line in commands(tmp_path, "test"))


def test_pytorch_without_cuda_is_one_word(tmp_path):
    index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert not any("index-url" in line for line in commands(tmp_path, "demo"))
    assert any(index in line for line in commands(tmp_path, "demo", "TORCH=cpu") if "--editable ." in line)
