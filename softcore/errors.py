"""The one kind of error that is the asker's to mend."""


class RequestError(ValueError):
    """What was asked for can't be done as asked.

    The message is one line: the place (file, row, field), the value, what is allowed. The command line prints it and
    exits with 2; nothing has been written when it is raised.
    """


def known(kind: str, name: object, names: object) -> RequestError:
    """An error for an unknown `name` of a `kind` that lists the known `names` in order."""
    return RequestError(f"unknown {kind} '{name}'; known: {', '.join(sorted(str(n) for n in names))}")  # type: ignore[attr-defined]
