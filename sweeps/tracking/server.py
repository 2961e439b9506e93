"""Whether a tracking server is there, asked before anything heavy is imported or written."""

import configparser
import logging
import os
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from cluster.addresses import MASK, masked
from cluster.errors import one_line
from softcore.errors import RequestError

WITHIN_S = 6.0  # the promise is 10 s, and the interpreter and a slow machine want their share
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}  # scheme (before any +driver) -> its usual port

OTHER_HOST = b"Invalid Host header"  # how MLflow refuses a name that it was not told is its own

log = logging.getLogger(__name__)


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

    A server of MLflow's must answer at all, asked as MLflow's own client asks (its credentials, its TLS settings); of a
    database's, the port must be open. A SQLite file is not looked at.
    Raises RequestError in one line with the way out, also for an address of another kind.
    """
    scheme = uri.partition("://")[0].partition("+")[0]
    if scheme == "sqlite":
        return
    if scheme in ("http", "https"):
        problem = _within(lambda: _answers(uri))
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


def _answers(uri: str) -> str:
    """Ask as MLflow's own client does. Whatever is answered, somebody is there, who may want to know us better."""
    import requests

    name, password = _user()
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    credentials = {}
    if name and password:
        credentials["Authorization"] = f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"
    elif token:  # which MLflow's client sends only where there is no user
        credentials["Authorization"] = f"Bearer {token}"
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    try:
        answer = requests.get(
            uri.rstrip("/") + "/health",
            headers=credentials,
            verify=False if insecure else os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH", True),
            cert=os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
            timeout=WITHIN_S,
            stream=True,  # nothing of an endless answer is wanted but its beginning
        )
    except requests.exceptions.SSLError as error:
        return (
            f"has a certificate that can't be trusted: {_reason(error)}; MLFLOW_TRACKING_SERVER_CERT_PATH names yours"
        )
    except Exception as error:  # whatever a server says that is no HTTP, requests and urllib3 have exceptions for
        return _silent(_reason(error))
    with answer:
        if answer.status_code == 403 and OTHER_HOST in answer.raw.read(1000, decode_content=True):
            return "answered 403 to /health; start it with --allowed-hosts naming this host"
        if answer.status_code in (401, 403):
            log.warning(
                "tracking server %s answered %d: if runs are missing there, set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
                masked(uri),
                answer.status_code,
            )
    return ""


def _user() -> tuple[str | None, str | None]:
    """Name and password as MLflow's client has them: from its variables, else from its file of credentials."""
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    file = configparser.ConfigParser()
    try:
        file.read(Path.home() / ".mlflow" / "credentials")
        kept = dict(file["mlflow"]) if "mlflow" in file else {}
    except (OSError, ValueError, configparser.Error):
        kept = {}
    found = [os.environ.get(name) or kept.get(name.lower()) for name in names]
    return found[0], found[1]


def _reason(error: BaseException) -> str:
    """The innermost of the exceptions that requests and urllib3 wrap around each other, in one line."""
    while isinstance(inner := getattr(error, "reason", None) or (error.args or [None])[0], BaseException):
        error = inner
    said = one_line(error)
    return said.rpartition(": ")[2] if "object at 0x" in said else said


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
