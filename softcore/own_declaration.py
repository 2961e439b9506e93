"""The YAML file that declares a user's own data set: its keys, checked, and errors in one line."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from softcore.datasets import DATASETS
from softcore.errors import RequestError

Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"^[^|]+$")]


class OwnData(BaseModel):
    """The keys of the YAML file. Paths are relative to the file; shares are of all images but `held_out`'s.

    There are `images` or `images_of`, the name of a built-in data set whose images, classes, splits and test sets are
    taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    title: str | None = None
    images: str | None = None
    images_of: str | None = None
    classes: Annotated[list[Name], Field(min_length=2)] | None = None
    answers: str
    probabilities: Literal["percent", "fraction"] | None = None
    validation: Share = 0.15
    test: Share = 0.25
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of the training items that have answers


OF_IMAGES = ("classes", "validation", "test")  # which a built-in data set has already
ALLOWED = {
    "name": "letters, digits, '-', '_' and '.'",
    "title": "a line of text",
    "images": "the path of an .npz file or a folder",
    "images_of": f"the name of a built-in data set: {', '.join(sorted(DATASETS))}",
    "classes": "a list of two or more class names, in quotes where YAML reads them as yes or no",
    "answers": "the path of a .csv or .parquet file",
    "probabilities": "percent, fraction",
    "validation": "a share between 0 and 1",
    "test": "a share between 0 and 1",
    "held_out": "a share of 0 or more, below 1",
}


def read_declaration(path: Path) -> OwnData:
    """The checked content of the YAML file `path`; RequestError in one line: file, key, value, what is allowed."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"data set {path}: can't be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RequestError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path}: a {type(content).__name__}; keys are needed: {', '.join(OwnData.model_fields)}")
    try:
        own = OwnData.model_validate(content)
    except ValidationError as error:
        raise RequestError(f"{path}: {'; '.join(_plain(e) for e in error.errors())}") from error
    if problem := _problem(own):
        raise RequestError(f"{path}: {problem}")
    return own


def _problem(own: OwnData) -> str:
    """What the keys can't mean together, or nothing."""
    if own.name in DATASETS:
        return f"key 'name': '{own.name}' is the name of a built-in data set; choose another"
    if own.images is not None and own.images_of is not None:
        return "keys 'images' and 'images_of': both are there; one of them is allowed"
    if own.images_of is None and own.images is None:
        return f"key 'images' is missing; allowed: {ALLOWED['images']}, or in its place images_of: {_BUILT_IN}"
    if own.images_of is not None and own.images_of not in DATASETS:
        return f"key 'images_of': '{own.images_of}'; allowed: {ALLOWED['images_of']}"
    if own.images_of is not None and (given := [key for key in OF_IMAGES if key in own.model_fields_set]):
        return f"key '{given[0]}': images_of: {own.images_of} brings that with it; leave the key out"
    if own.validation + own.test >= 1:
        return f"keys 'validation' and 'test': {own.validation:g} + {own.test:g}; less than 1 together is allowed"
    return ""


_BUILT_IN = " or ".join(sorted(DATASETS))


def _plain(error: ErrorDetails) -> str:
    """One of pydantic's errors in the words of this project."""
    key = str(error["loc"][0])
    if error["type"] == "missing":
        return f"key '{key}' is missing; allowed: {ALLOWED[key]}"
    if error["type"] == "extra_forbidden":
        return f"key '{key}' is not known; allowed: {', '.join(OwnData.model_fields)}"
    return f"key '{key}': '{error['input']}'; allowed: {ALLOWED[key]}"
