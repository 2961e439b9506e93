"""What holds inside a private Ray; one for all, as starting it takes some seconds."""

import os
import subprocess

import pytest

from cluster import preflight
from cluster.connection import connect
from cluster.errors import ClusterError
from cluster.resources import check_fits, concurrency, nodes, this_node, trial_resources


@pytest.fixture(scope="module")
def private_ray():
    """A connection to a private Ray of two CPUs."""
    with connect(cpus=2, object_store_memory=150 * 2**20) as connection:
        yield connection


def test_a_private_ray_has_the_cpus_asked_for(private_ray):
    assert private_ray.private
    assert private_ray.cpus == 2
    assert private_ray.gpus == 0
    assert len(private_ray.hosts) == 1
    assert private_ray.address.startswith("127.0.0.1:")


def test_no_port_of_a_private_ray_is_open_to_other_machines(private_ray):
    ray_processes = subprocess.run(["ss", "-tlnpH"], capture_output=True, text=True, check=False)
    if ray_processes.returncode:
        pytest.skip("needs `ss` to list listening ports")
    import psutil  # comes with Ray

    own = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    listening = [line for line in ray_processes.stdout.splitlines() if any(f"pid={pid}," in line for pid in own)]
    assert listening
    open_to_all = [line for line in listening if "127.0.0.1]:" not in line and "127.0.0.1:" not in line]
    assert open_to_all == []


def test_a_process_that_is_connected_keeps_its_ray(private_ray):
    import ray

    with connect() as again:
        assert not again.private
        assert again.address == private_ray.address
    assert ray.is_initialized()


@pytest.mark.parametrize("other", [{"cpus": 1}, {"address": "auto"}])
def test_a_process_that_is_connected_can_not_ask_for_another_ray(private_ray, other):
    with pytest.raises(ClusterError, match=r"connected to Ray at 127\.0\.0\.1:[0-9]+ already"), connect(**other):
        pass


def test_on_a_machine_without_gpus_a_trial_takes_one_cpu_and_every_cpu_a_trial(private_ray):
    assert trial_resources() == {"cpu": 1}
    assert concurrency({"cpu": 1}) == 2
    assert concurrency({"cpu": 2}) == 1


def test_a_trial_that_fits_no_node_is_refused_before_it_waits_for_ever(private_ray):
    check_fits({"cpu": 2})
    with pytest.raises(ClusterError, match=r"no node can hold a trial that needs 3 CPU: .* has 2 CPU, 0 GPU"):
        check_fits({"cpu": 3})
    with pytest.raises(ClusterError, match="needs 1 CPU, 1 GPU"):
        check_fits({"cpu": 1, "gpu": 1})


def test_this_process_runs_on_a_listed_node(private_ray):
    assert this_node() in private_ray.hosts == tuple(found.label for found in nodes())


def test_a_folder_that_every_node_sees_passes_and_is_left_empty(private_ray, tmp_path):
    check = preflight.shared_folder_check(tmp_path / "shared")
    assert check.ok, check.found
    assert check.found == "read and written by 1 nodes"
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_node_that_sees_another_folder_is_named(private_ray, tmp_path, monkeypatch):
    # The driver looks for the node's answer elsewhere, as it would if the node had written to a disk of its own.
    monkeypatch.setattr(preflight, "_read", lambda path: None)
    check = preflight.shared_folder_check(tmp_path)
    assert not check.ok
    assert private_ray.hosts[0] in check.found
    assert "mount the same storage" in check.way_out


def test_a_folder_that_the_driver_can_not_make_is_named(private_ray, tmp_path):
    (tmp_path / "file").write_text("")
    check = preflight.shared_folder_check(tmp_path / "file" / "below")
    assert not check.ok
    assert "this machine" in check.found
