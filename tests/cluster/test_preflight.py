"""What is looked at before a sweep starts."""

import os

import pytest

from cluster import machine, preflight
from cluster.preflight import GIB


def test_this_environment_satisfies_the_ranges_that_the_project_declares():
    checks = preflight.version_checks("label-sweeps")
    assert {"python", "ray", "torch", "mlflow"} <= {check.name for check in checks}
    assert "pytest" not in {check.name for check in checks}  # an extra
    assert [check for check in checks if not check.ok] == []


def test_a_package_out_of_its_range_is_named_with_the_range(monkeypatch):
    real = preflight.metadata.version
    monkeypatch.setattr(preflight.metadata, "version", lambda name: "1.0" if name == "ray" else real(name))
    (bad,) = [check for check in preflight.version_checks("label-sweeps") if not check.ok]
    assert bad.name == "ray"
    assert bad.found.startswith("1.0 (")
    assert bad.way_out.startswith("install ray")


def test_a_project_that_is_not_installed_says_how_to_install_it():
    (check,) = preflight.version_checks("no-such-distribution")
    assert not check.ok
    assert "pip install" in check.way_out


def test_more_trials_at_once_than_cores_are_advised_against():
    assert preflight.core_check(machine.cores()).ok
    check = preflight.core_check(machine.cores() + 1)
    assert not check.ok
    assert check.way_out == f"run fewer trials at once: --cpus {machine.cores()}"


def test_memory_is_counted_a_trial(monkeypatch):
    monkeypatch.setattr(preflight, "memory_bytes", lambda: 4 * GIB)
    assert preflight.memory_check(2).ok  # 2 x 1.5 = 3.0 of 4
    check = preflight.memory_check(3)  # 3 x 1.5 = 4.5
    assert not check.ok
    assert "--cpus 2" in check.way_out  # floor(4 / 1.5)


def test_a_containers_small_shared_memory_is_found(monkeypatch):
    monkeypatch.setattr(preflight, "shared_memory_bytes", lambda: 64 * 2**20)
    check = preflight.shared_memory_check()
    assert not check.ok
    assert "--shm-size" in check.way_out


def test_a_token_that_others_can_read_is_found(tmp_path, monkeypatch):
    path = tmp_path / "token"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    assert preflight.token_check().ok  # none yet
    path.write_text("secret")
    path.chmod(0o644)
    check = preflight.token_check()
    assert not check.ok
    assert check.way_out.endswith(f"chmod 600 {path}")
    path.chmod(0o600)
    assert preflight.token_check().ok


def test_looking_at_an_out_folder_creates_nothing(tmp_path):
    out = tmp_path / "not" / "yet"
    assert preflight.folder_check(out).ok
    assert preflight.disk_check(out).ok
    assert list(tmp_path.iterdir()) == []


def test_an_out_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    check = preflight.folder_check(tmp_path / "file" / "out")
    assert not check.ok
    assert "--out" in check.way_out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_out_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    assert not preflight.folder_check(tmp_path / "out").ok


def test_every_local_check_has_a_way_out_exactly_where_it_fails(tmp_path):
    for check in preflight.local_checks(tmp_path / "out"):
        assert check.name
        assert check.found
        assert bool(check.way_out) != check.ok
