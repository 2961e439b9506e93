"""YAML of a user's takes no more than its share, whatever is in it, and is refused in one line."""

import time

import pytest

from softcore.data.own import read_declaration
from softcore.errors import RequestError
from softcore.files import DEEPEST, MOST_YAML, read_yaml
from softcore.prices.read import read_prices
from sweeps.spec.spec import MOST_TRIALS, read_spec

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 12)
)
MERGED = "a0: &a0 {k: 1}\n" + "".join(f"a{k}: &a{k}\n  <<: [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 12))
HOSTILE = {
    "aliases that multiply": (LAUGHS, "values, aliases written out"),
    "merge keys that multiply": (MERGED, "values, aliases written out"),
    "an alias in itself": ("a: &a [*a]\n", "alias 'a' stands inside of what it repeats"),
    "lists nested": ("a: " + "[" * 10_000 + "]" * 10_000, f"nested more than {DEEPEST} deep"),
    "lists nested in lines": ("- " * 10_000, f"nested more than {DEEPEST} deep"),
    "mappings nested": ("{a: " * 10_000, f"nested more than {DEEPEST} deep"),
    "much of it": ("a: [" + "1, " * MOST_YAML + "]", "characters of YAML; at most"),
    "many values": ("[" + "1," * 100_000 + "]", "more than 20,000 values"),
    "a date that is none": ("a: 2024-13-45", "month must be in 1..12"),
    "a number of too many digits": ("a: " + "9" * 10_000, "Exceeds the limit"),
    "a tag that makes objects": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "a number that is none": ("!!int ''", "not valid YAML"),
    "a list as a key": ("? [a]\n: 1", "found unhashable key"),
    "bytes": ("a: \x00", "special characters are not allowed"),
}


@pytest.mark.parametrize(
    "read", [read_spec, lambda name: read_prices(name), lambda name: read_declaration(name, ["digits"])]
)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_yaml_of_any_kind_is_a_line_at_once(tmp_path, read, kind):
    text, said = HOSTILE[kind]
    path = tmp_path / "own.yaml"
    path.write_text(text)
    begun = time.monotonic()
    with pytest.raises(RequestError, match=said) as refused:
        read(path)
    assert time.monotonic() - begun < 8
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert len(str(refused.value)) < 300 + len(str(path))


def test_what_people_write_is_read_as_before():
    text = (
        "common: &c {variety: hard, epochs: 15}\nblocks: [*c, {<<: *c, beta: 0.1}, *c]\nseeds: 0x10\non: 2024-01-02\n"
    )
    import yaml

    assert read_yaml(text, "x") == yaml.safe_load(text)


@pytest.mark.parametrize(
    "more",
    [
        "seeds: 3000000000",
        "panels: 3000000000",
        "repeats: [99999999999999999999999999]",
        "seeds: 1000\npanels: 1000",
        "common: {beta: [" + ", ".join(f"0.{k:03}" for k in range(1, 999)) + "]}\nseeds: 1000",
    ],
)
def test_a_spec_of_more_trials_than_anyone_can_run_is_a_line_at_once(tmp_path, more):
    path = tmp_path / "own.yaml"
    path.write_text(f"name: q\nblocks: [{{variety: hard}}, {{variety: smoothed, seeds: 2}}]\n{more}\n")
    begun = time.monotonic()
    with pytest.raises(RequestError, match=rf"at most {MOST_TRIALS:,}|below 2\^63") as refused:
        read_spec(path)
    assert time.monotonic() - begun < 2
    assert len(str(refused.value)) < 300


def test_a_number_as_a_key_of_a_declaration_is_an_unknown_key(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("name: pets\n7: x\n")
    with pytest.raises(RequestError, match="key '7' is not known; allowed: name, "):
        read_declaration(path, ["digits"])
