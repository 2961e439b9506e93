"""The cluster file passes Ray's own validation and keeps its promises about safety and versions."""

import shlex
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parents[2] / "ray-cluster.yaml"


def content() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())


def prepared() -> dict[str, Any]:
    """The file as `ray up` takes it; raises where Ray refuses it. The one place that needs Ray's private module."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(content())
    validate_config(config)
    return config


def test_ray_accepts_the_file_and_starts_every_worker_it_names():
    config = prepared()
    (node_type,) = config["available_node_types"].values()
    assert node_type["min_workers"] == node_type["max_workers"] == len(content()["provider"]["worker_ips"])


def test_ray_refuses_the_file_with_a_key_that_it_does_not_know(monkeypatch):
    import jsonschema

    spoiled = {**content(), "no_such_key": 1}
    monkeypatch.setitem(globals(), "content", lambda: spoiled)
    with pytest.raises(jsonschema.ValidationError, match="no_such_key"):
        prepared()


@pytest.mark.parametrize("role", ["head", "worker"])
def test_every_node_starts_with_tokens_on(role):
    (start,) = [line for line in content()[f"{role}_start_ray_commands"] if "ray start" in line]
    assert "export RAY_AUTH_MODE=token" in start
    assert start.index("RAY_AUTH_MODE") < start.index("ray start")


def test_the_token_reaches_every_node_and_is_its_owners_only():
    assert content()["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert any("chmod 600 ~/.ray/auth_token" in line for line in content()["setup_commands"])


def test_the_dashboard_is_reached_from_the_head_only():
    words = shlex.split(" ".join(content()["head_start_ray_commands"]))
    assert "--dashboard-host=127.0.0.1" in words
    assert not any("0.0.0.0" in word for word in words)


def test_the_nodes_get_the_ray_that_is_used_here():
    (install,) = [line for line in content()["setup_commands"] if "pip install" in line]
    assert f'"ray[default,tune]=={metadata.version("ray")}"' in install
    assert "nightly" not in FILE.read_text()


def test_a_node_without_the_shared_storage_is_not_set_up():
    assert any(line.startswith("test -w /mnt/sweeps || ") and "exit 1" in line for line in content()["setup_commands"])
