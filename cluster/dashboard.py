"""The way to a cluster's dashboard, which serves the Jobs API: within a time limit, and with errors in one line."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cluster.addresses import masked
from cluster.errors import ClusterError, one_line

_ANSWER_WITHIN_S = 8  # the promise to the user is 10 s
_REQUEST_WITHIN_S = 60  # an upload or a busy head; never for ever

# These say at INFO that they upload and that they have uploaded, whatever the level of their parents.
_TALKATIVE = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)


def checked_address(address: str) -> str:
    """A dashboard's address as a URL without a slash at its end; raises ClusterError for one that can't be one."""
    if "://" not in address:
        address = f"http://{address}"
    scheme, _, rest = address.partition("://")
    if scheme not in ("http", "https") or not rest.strip("/"):
        raise ClusterError(f"address '{address}' is not a Ray dashboard's; allowed: http://host:8265 or https://host")
    return address.rstrip("/")


def remember(address: str) -> None:
    """Keep `address`, without a password, as one that this person named: `is_remembered` knows it from now on.

    In a file of their own. Where it can't be written the address has to be named again, which is no error.
    """
    if is_remembered(address):
        return
    path = _remembered()
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
            file.write(f"{masked(checked_address(address))}\n")


def is_remembered(address: str) -> bool:
    """Whether this person has submitted to the dashboard at `address` from this account."""
    try:
        return checked_address(address) in _remembered().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False


def _remembered() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "label-sweeps" / "addresses"


def client(address: str) -> Any:
    """Ray's client for the dashboard at `address`, after a look whether anything answers there at all."""
    address = checked_address(address)
    _check_answers(address)
    from ray.job_submission import JobSubmissionClient

    for module in _TALKATIVE:
        logging.getLogger(module).setLevel(logging.WARNING)
    with plain_errors(address), _no_other_address():
        found = JobSubmissionClient(address)
    # Ray's requests have no time limit: a head that vanishes would hold `status` for ever.
    request = found._do_request
    found._do_request = lambda *args, **kwargs: request(*args, **{"timeout": _REQUEST_WITHIN_S, **kwargs})
    return found


def _check_answers(address: str) -> None:
    """Raise ClusterError unless some HTTP server answers at `address`: Ray's client would wait without limit."""
    import requests

    try:
        requests.get(f"{address}/api/version", timeout=_ANSWER_WITHIN_S)
    except requests.Timeout as error:
        raise ClusterError(f"the cluster at {address} did not answer within {_ANSWER_WITHIN_S} s") from error
    except requests.RequestException as error:
        raise ClusterError(
            f"no Ray dashboard answers at {address}: is the cluster up, and the ssh tunnel open?"
        ) from error


@contextmanager
def plain_errors(address: str) -> Iterator[None]:
    """Turn what Ray and the network raise into one ClusterError in one line."""
    import requests
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError as error:
        raise ClusterError(
            f"the cluster at {address} refuses our token: set RAY_AUTH_MODE=token and put the cluster's token into "
            "~/.ray/auth_token (or RAY_AUTH_TOKEN_PATH)"
        ) from error
    except requests.RequestException as error:
        raise ClusterError(f"the cluster at {address} stopped answering: {one_line(error)}") from error
    except (RuntimeError, ConnectionError, ValueError) as error:
        if isinstance(error, ClusterError):
            raise
        raise ClusterError(f"the cluster at {address} refused: {one_line(error)}") from error


@contextmanager
def _no_other_address() -> Iterator[None]:
    """Hide the variables that Ray's client would follow in place of the address that it was given."""
    hidden = {name: os.environ.pop(name) for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
