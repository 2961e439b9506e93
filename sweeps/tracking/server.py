"""Whether a tracking server is there, asked before anything heavy is imported or written."""

import os
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from cluster.addresses import MASK, masked
from softcore.errors import RequestError

WITHIN_S = 6.0  # the promise is 10 s, and the interpreter and a slow machine want their share
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}  # scheme (before any +driver) -> its usual port


def tracking_address(given: str | None, kept: str | None) -> str | None:
    """The address to mirror to: the one `given`, else the one `kept` in a manifest, in which a password is masked.

    Without its password it is enough where MLflow's own variables have one (for a database, its driver's). Raises
    RequestError where nothing has.
    """
    if given or not kept or MASK not in kept:
        return given or kept
    web = kept.startswith("http")
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD") if web else ("PGPASSWORD",)
    if not all(os.environ.get(name) for name in names) or f"={MASK}" in kept:
        raise RequestError(
            f"the password of tracking server {kept} was not kept: give --tracking-uri with it again, "
            f"or set {' and '.join(names)}"
        )
    return re.sub(r"(?<=://)\S*@" if web else rf":{re.escape(MASK)}(?=@)", "", kept)


def check_server(uri: str) -> None:
    """Refuse a tracking server that does not answer within 6 seconds in all, name look-up included.

    A server of MLflow's must answer /health; of a database's, the port must be open. A SQLite file is not looked at.
    Raises RequestError in one line with the way out, also for an address of another kind.
    """
    scheme = uri.partition("://")[0].partition("+")[0]
    if scheme == "sqlite":
        return
    if scheme in ("http", "https"):
        problem = _within(lambda: _health(uri))
    elif scheme in DATABASES:
        problem = _within(lambda: _port(uri, DATABASES[scheme]))
    else:
        raise RequestError(f"tracking address '{masked(uri)}' must begin with http://, https:// or sqlite:///")
    if problem:
        raise RequestError(masked(f"tracking server {uri} {problem}"))


def _within(ask: Callable[[], str]) -> str:
    """What `ask` says is wrong ("" for nothing): it may hang in a name look-up, which takes no time limit."""
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(ask()), name="tracking-server-check", daemon=True)
    thread.start()
    thread.join(WITHIN_S)
    return said[0] if said else _silent(f"nothing within {WITHIN_S:g} s")


def _health(uri: str) -> str:
    try:
        urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=WITHIN_S).close()
    except urllib.error.HTTPError as error:
        hint = "; start it with --allowed-hosts naming this host" if error.code == 403 else ""
        return f"answered {error.code} to /health{hint}"
    except Exception as error:  # whatever a server says that is no HTTP, urllib has an exception for
        return _silent(getattr(error, "reason", None) or error)
    return ""


def _port(uri: str, usual: int) -> str:
    try:
        parts = urlsplit(uri)
        if parts.hostname:  # without one it is a socket file of this machine
            socket.create_connection((parts.hostname, parts.port or usual), timeout=WITHIN_S).close()
    except (OSError, ValueError) as error:
        return _silent(error)
    return ""


def _silent(reason: object) -> str:
    return f"does not answer: {reason}; start it, or leave --tracking-uri out for a local store"
