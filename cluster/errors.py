"""The error for a request that a cluster can't serve."""


class ClusterError(RuntimeError):
    """What was asked of a cluster can't be done as asked.

    The message is one line: the place, the value, what to do about it. The command line prints it and exits with 2.
    """

    exit_code = 2


class RayDiedError(ClusterError):
    """Ray died under a sweep: nothing was wrong with what was asked. The command line exits with 3."""

    exit_code = 3


def one_line(error: BaseException) -> str:
    """What `error` says in one line: its first, or the last where it quotes a traceback; its type's name if nothing."""
    lines = [line.strip() for line in str(error).splitlines() if any(letter.isalnum() for letter in line)]
    if not lines:
        return type(error).__name__
    return lines[-1] if "Traceback" in lines[0] else lines[0]
