"""The type checker of the shapes in signatures: beartype, which takes a millisecond a function, once for equal ones."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from beartype import beartype

_known: dict[tuple[CodeType, str, str, tuple[Any, ...]], Callable[..., Any]] = {}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """What beartype makes of a stand-in that jaxtyping hands it in place of a function: it has its signature alone.

    A function inside another is made at each call of that one, and its stand-ins with it, equal to those before in code
    and annotations: they share one result. Those with defaults, which a code object does not hold, are made each time.
    """
    annotations = tuple(function.__annotations__.items())
    key = (function.__code__, function.__module__, function.__qualname__, annotations)
    if function.__defaults__ or function.__kwdefaults__:
        return beartype(function)
    if key not in _known:
        _known[key] = beartype(function)
    return _known[key]
