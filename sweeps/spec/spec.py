"""What a user asks for: a YAML spec, checked and completed into a Spec."""

import math
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from softcore.errors import RequestError, short, unknown_name
from softcore.files import read_yaml
from sweeps.spec.axis_names import AXES, CHECKPOINT_EVERY, CURVE_EVERY, PARTIAL_AXES, REPLICATES, SCALES

HOW = ("precision", "curve_every", "checkpoint_every")  # trials are told; the last two change no result
SETTINGS = ("name", "study", "dataset", *REPLICATES, "metric", "evaluate", "word_vectors", *HOW)
MOST_TRIALS = 100_000  # of a sweep: a slip of the finger asks for more
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.IGNORECASE)

Scalar = int | float | str | None
Grid = dict[str, list[Scalar]]


class Resources(BaseModel):
    """What one trial takes of a machine, and how many a card trains at once.

    `trials_per_gpu`: "auto" is several on a card and one on a CPU; a number is a number on both.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    cpus: int = Field(default=1, ge=1)
    gpus: float | None = Field(default=None, ge=0)
    trials_per_gpu: int | Literal["auto"] = Field(default="auto")

    @field_validator("trials_per_gpu")
    @classmethod
    def _some(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError(f"must be auto or a whole number from 1; it is {value}")
        return value


class Spec(BaseModel):
    """A sweep as asked for: blocks of axes, crossed with seeds, panels and repeats.

    `common` holds axes that every block shares unless it has its own. `seeds: n` means 0..n-1; a block may have
    `seeds`, `panels` and `repeats` of its own. Trials that differ by `repeat` alone train the same but for rounding.
    `study` names the MLflow experiment. `scale` is one of `SCALES`, or None for axes as written. `metric` is the one
    that frontiers show first; None takes the data set's own. `evaluate` lists evaluations beside the usual ones
    (`metrics.EXTRAS`). `word_vectors` is the file that `similarity: word-vectors` reads. `precision` is of features and
    products in training (weights and sums are float32), other than float32 in packs alone. A trial keeps a point of its
    learning curve every `curve_every` epochs and where it stands every `checkpoint_every` seconds; 0 is never.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    about: str = ""
    study: str = "default"
    dataset: str = "cifar10s"
    scale: str | None = None
    common: Grid = {}
    blocks: list[Grid] = Field(min_length=1)
    seeds: list[int] = Field(default=[0], min_length=1)
    panels: list[int] = Field(default=[0], min_length=1)
    repeats: list[int] = Field(default=[0], min_length=1)
    metric: str | None = None
    evaluate: list[str] = []
    word_vectors: str | None = None
    resources: Resources = Field(default_factory=Resources)
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    curve_every: int = Field(default=CURVE_EVERY, ge=0)
    checkpoint_every: float = Field(default=CHECKPOINT_EVERY, ge=0, allow_inf_nan=False)

    @field_validator("name", "study")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit")
        return value

    @field_validator("scale")
    @classmethod
    def _known_scale(cls, value: str | None) -> str | None:
        if value is not None and value not in SCALES:
            raise ValueError(f"unknown scale '{value}'; known: {', '.join(SCALES)}")
        return value

    @field_validator("evaluate", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return sorted({value} if isinstance(value, str) else set(value)) if value else []

    @field_validator(*REPLICATES, mode="before")
    @classmethod
    def _count_or_list(cls, value: Any) -> Any:
        return _counted(value)

    @field_validator(*REPLICATES)
    @classmethod
    def _distinct(cls, value: list[int]) -> list[int]:
        return _checked_replicates(value)

    @field_validator("common", mode="before")
    @classmethod
    def _shared(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("must be a mapping from axes to values")
        return _grid(value, "common")

    @field_validator("blocks", mode="before")
    @classmethod
    def _grids(cls, value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(block, dict) for block in value):
            raise ValueError("must be a list of blocks, each a mapping from axes to values")
        return [_block(block, f"block {number}") for number, block in enumerate(value, start=1)]

    @model_validator(mode="after")
    def _varieties(self) -> "Spec":
        for number, block in enumerate(self.blocks, start=1):
            if "variety" not in {**self.common, **block}:
                raise ValueError(f"block {number} names no 'variety'")
        return self

    @model_validator(mode="after")
    def _not_too_many(self) -> "Spec":
        shared = {key: getattr(self, key) for key in REPLICATES}
        total = sum(math.prod(map(len, {**shared, **self.common, **block}.values())) for block in self.blocks)
        if total > MOST_TRIALS:
            raise ValueError(f"{total:,} trials; at most {MOST_TRIALS:,} are allowed")
        return self


def _counted(value: Any) -> Any:
    """A whole number n as 0..n-1; anything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise ValueError("must be at least 1")
        if value > MOST_TRIALS:
            raise ValueError(f"must be at most {MOST_TRIALS:,}")
        return list(range(value))
    return value


def _checked_replicates(value: list[int]) -> list[int]:
    if len(set(value)) < len(value) or min(value) < 0 or max(value) >= 2**63:
        raise ValueError("must be distinct whole numbers of 0 or more, below 2^63")
    return value


def _block(block: Mapping[str, Any], place: str) -> dict[str, list[Any]]:
    """The grid of a block and, where it has some, its own seeds, panels and repeats."""
    own: dict[str, list[Any]] = {}
    for key in REPLICATES:
        if key not in block:
            continue
        try:
            value = _counted(block[key])
            if not isinstance(value, list) or not value or any(type(number) is not int for number in value):
                raise ValueError("must be a whole number or a list of them")
            own[key] = _checked_replicates(value)
        except ValueError as error:
            raise ValueError(f"{key} in {place} {error}") from None
    return {**_grid({key: value for key, value in block.items() if key not in REPLICATES}, place), **own}


def _grid(block: Mapping[str, Any], place: str) -> dict[str, list[Any]]:
    grid = {}
    for axis, values in block.items():
        if axis not in AXES:
            raise ValueError(f"unknown axis '{short(axis)}' in {place}; known: {', '.join(AXES)}")
        listed = list(values) if isinstance(values, list) else [values]
        if not listed:
            raise ValueError(f"axis '{axis}' in {place} has no value")
        if any(isinstance(value, bool) or not isinstance(value, (int, float, str, type(None))) for value in listed):
            raise ValueError(f"axis '{axis}' in {place} takes numbers and words, not {short(values)}")
        grid[axis] = listed
    return grid


def presets_by_name() -> dict[str, Spec]:
    """Every preset by name, in order."""
    folder = resources.files("sweeps.spec") / "presets"
    names = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {name: read_spec(name) for name in names}


def read_spec(spec: str | Path | Mapping[str, Any] | Spec) -> Spec:
    """The spec of a preset's name, a YAML file or a mapping, as written.

    Raises RequestError in one line that names the file, the key, the value and what is allowed.
    """
    if isinstance(spec, Spec):
        return spec
    if isinstance(spec, Mapping):
        return _parse(spec, "spec")
    text, source = _text(str(spec))
    content = read_yaml(text, source)
    if not isinstance(content, dict):
        raise RequestError(f"{source}: a spec is a mapping with at least 'name' and 'blocks'")
    parsed = _parse(content, source)
    # Files are looked for beside the spec that names them.
    folder = Path(source).absolute().parent
    vectors = None if parsed.word_vectors is None else _below(folder, parsed.word_vectors)
    return parsed.model_copy(update={"dataset": _found_from(folder, parsed.dataset), "word_vectors": vectors})


def _found_from(folder: Path, dataset: str) -> str:
    """A data set's name as it is, the path of a user's own file as an absolute one: it is read again to resume."""
    return str(folder / Path(dataset).expanduser()) if dataset.endswith((".yaml", ".yml")) else dataset


def _below(folder: Path, file: str) -> str:
    """The path of a file that a spec names, as an absolute one: it is read again to resume."""
    return str(folder / Path(file).expanduser())


def _text(name: str) -> tuple[str, str]:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        try:
            return Path(name).read_text(encoding="utf-8"), name
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"spec {name} can't be read: {getattr(error, 'strerror', None) or error}") from None
    folder = resources.files("sweeps.spec") / "presets"
    file = folder / f"{name}.yaml"
    if not file.is_file():
        names = [entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")]
        raise unknown_name("preset", name, names)
    return file.read_text(encoding="utf-8"), name


def _parse(content: Mapping[str, Any], source: str) -> Spec:
    if odd := [key for key in content if not isinstance(key, str)]:
        raise RequestError(f"{source}: unknown key '{short(odd[0])}'; known: {', '.join(Spec.model_fields)}")
    try:
        return Spec(**content)
    except ValidationError as error:
        raise RequestError(f"{source}: {first_problem(error, tuple(Spec.model_fields))}") from None


def first_problem(error: ValidationError, fields: Sequence[str]) -> str:
    """The first thing that pydantic found wrong, as `key: what (value)`."""
    found = error.errors()[0]
    key = short(".".join(str(part) for part in found["loc"])) or "spec"
    if found["type"] == "extra_forbidden":
        known_keys = Resources.model_fields if found["loc"][0] == "resources" else fields
        return f"unknown key '{key}'; known: {', '.join(known_keys)}"
    message = found["msg"].removeprefix("Value error, ")
    value = repr(found.get("input"))
    return f"{key}: {message}" + (f" (it is {value})" if len(value) < 60 and found["type"] != "missing" else "")


def resolve(spec: str | Path | Mapping[str, Any] | Spec, *, scale: str | None = None, sets: Sequence[str] = ()) -> Spec:
    """The spec with its scale and the `axis=value` settings applied; settings win over the scale.

    A setting's value is YAML: `seeds=3`, `gamma=[0.0, 0.1]`, `dataset=digits`. It replaces the axis in every block; one
    of `PARTIAL_AXES` only in the blocks that have it, where some do.
    """
    asked = read_spec(spec)
    if scale is not None and scale not in SCALES:
        raise unknown_name("scale", scale, SCALES)
    chosen = scale or asked.scale
    content = asked.model_dump()
    content["scale"] = chosen
    scaled = SCALES.get(chosen or "paper", {})
    content["blocks"] = [{**content["common"], **block, **scaled} for block in content["blocks"]]
    content["common"] = {}
    for setting in sets:
        _apply(content, setting)
    for key, of in (("dataset", _found_from), ("word_vectors", _below)):
        if isinstance(content[key], str):
            content[key] = of(Path.cwd(), content[key])
    return _parse(content, "spec" if isinstance(spec, (Mapping, Spec)) else str(spec))


def _apply(content: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals:
        raise RequestError(f"--set takes axis=value; it got '{setting}'")
    try:
        value = read_yaml(text, f"--set {key}")
    except RequestError:
        raise RequestError(f"--set {key}: '{text[:100]}' is not a YAML value") from None
    if key in AXES:
        has = [key in PARTIAL_AXES and block.get(key) not in (None, [None]) for block in content["blocks"]]
        content["blocks"] = [
            {**block, key: value} if has[i] or not any(has) else block for i, block in enumerate(content["blocks"])
        ]
    elif key in SETTINGS:
        content[key] = value
        if key in REPLICATES:  # those of blocks, too: a setting wins
            content["blocks"] = [{k: v for k, v in block.items() if k != key} for block in content["blocks"]]
    else:
        raise unknown_name("axis", key, [*AXES, *SETTINGS])
