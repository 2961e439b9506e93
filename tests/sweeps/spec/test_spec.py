"""From YAML to a spec: scales, settings, presets, and one clear line for what is wrong."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml

from softcore.errors import RequestError
from sweeps.spec.spec import SCALES, presets_by_name, read_spec, resolve

PLAIN = {"name": "first", "dataset": "digits", "blocks": [{"variety": ["hard", "click"], "annotators": [1, 3]}]}


def written(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def refusal(asked, **how):
    with pytest.raises(RequestError) as refused:
        resolve(asked, **how)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_file_a_mapping_and_a_spec_say_the_same(tmp_path):
    spec = read_spec(PLAIN)
    assert read_spec(written(tmp_path, yaml.safe_dump(PLAIN))) == spec
    assert read_spec(spec) is spec


def test_a_single_value_is_a_list_of_one():
    assert read_spec({"name": "x", "blocks": [{"variety": "hard"}]}).blocks == [{"variety": ["hard"]}]


def test_seeds_and_panels_as_numbers_count_from_zero():
    spec = read_spec({**PLAIN, "seeds": 3, "panels": [4, 1]})
    assert (spec.seeds, spec.panels) == ([0, 1, 2], [4, 1])


def test_axes_that_blocks_share_are_written_once():
    spec = resolve({**PLAIN, "common": {"epochs": 3, "annotators": 5}})
    assert spec.blocks == [{"epochs": [3], "annotators": [1, 3], "variety": ["hard", "click"]}]


@pytest.mark.parametrize("scale", ["tiny", "half", "small"])
def test_a_scale_replaces_model_epochs_and_image_size(scale):
    spec = resolve({**PLAIN, "common": {"model": ["resnet50", "vgg11"], "epochs": 65, "image_size": None}}, scale=scale)
    (block,) = spec.blocks
    assert block["model"] == ["cnn"]
    assert block["image_size"] == [{"tiny": 8, "half": 16, "small": 32}[scale]]
    assert block["epochs"] == [2 if scale == "tiny" else 15]
    assert block["annotators"] == [1, 3]


def test_the_scale_paper_leaves_the_axes_as_written():
    spec = resolve({**PLAIN, "scale": "small", "common": {"model": ["resnet50", "vgg11"], "epochs": 65}}, scale="paper")
    assert spec.blocks[0]["model"] == ["resnet50", "vgg11"]
    assert spec.blocks[0]["epochs"] == [65]


def test_settings_win_over_the_scale_and_reach_every_block():
    asked = {"name": "x", "blocks": [{"variety": "hard"}, {"variety": "click"}]}
    spec = resolve(asked, scale="tiny", sets=["epochs=7", "gamma=[0.0, 0.2]", "seeds=2", "learning_rate=null"])
    assert all(block["epochs"] == [7] and block["gamma"] == [0.0, 0.2] for block in spec.blocks)
    assert all(block["learning_rate"] == [None] for block in spec.blocks)
    assert spec.seeds == [0, 1]


def test_the_last_setting_of_an_axis_wins():
    assert resolve(PLAIN, sets=["epochs=7", "epochs=8"]).blocks[0]["epochs"] == [8]


def test_resolving_a_resolved_spec_changes_nothing():
    spec = resolve(PLAIN, scale="tiny")
    assert resolve(spec) == spec


def test_a_data_sets_file_is_looked_for_beside_the_spec(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    path = written(tmp_path, yaml.safe_dump({**PLAIN, "dataset": "mine/pets.yaml"}))
    assert resolve(path).dataset == str(tmp_path / "mine" / "pets.yaml")


def test_word_vectors_are_looked_for_beside_the_spec(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    path = written(tmp_path, yaml.safe_dump({**PLAIN, "word_vectors": "glove.txt"}))
    assert resolve(path).word_vectors == str(tmp_path / "glove.txt")
    assert resolve(PLAIN).word_vectors is None


def test_a_data_sets_file_of_a_setting_is_looked_for_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve("quickstart", sets=["dataset=pets.yaml"]).dataset == str(tmp_path / "pets.yaml")
    assert resolve("quickstart", sets=["dataset=/data/pets.yml"]).dataset == "/data/pets.yml"
    assert resolve("quickstart").dataset == "digits"


@pytest.mark.parametrize("name", sorted(presets_by_name()))
@pytest.mark.parametrize("scale", SCALES)
def test_every_preset_resolves_at_every_scale(name, scale):
    spec = resolve(name, scale=scale)
    assert spec.name == name
    assert spec.about
    assert all("variety" in block for block in spec.blocks)


def test_the_presets_are_those_of_the_thesis_and_a_first_look():
    assert set(presets_by_name()) >= {
        "quickstart",
        *(f"table-3-{n}" for n in (1, 2, 3, 4)),
        "figure-3-5",
        "figure-3-6",
        "table-B-1",
    }


PAPER = {  # model, epochs, batch, schedule
    "3": ("resnet34a", 65, 32, "step"),
    "B": ("resnet34a", 65, 32, "step"),
    "4": ("preact-resnet18", 200, 128, "step-early"),
    "5": ("preact-resnet34", 200, 128, "step-early"),
    "C": ("preact-resnet34", 200, 128, "step-early"),
}


def test_the_thesiss_presets_have_its_models_and_schedule_at_paper_scale():
    for name in presets_by_name():
        others = ("controls", "labels-mixed", "quickstart", "repeats", "schedule", "six-labels")
        if name not in others and not name.startswith("grid"):
            model, *rest = PAPER[name.split("-")[1]]
            models = [model, "resnet50", "vgg11"] if name in ("table-3-1", "table-3-2", "table-B-1") else [model]
            for block in resolve(name, scale="paper").blocks:
                assert block["model"] == models
                assert [block[axis] for axis in ("epochs", "batch", "schedule")] == [[value] for value in rest]
                assert block["image_size"] == [None]


def test_a_chapters_preset_has_every_cell_of_its_tables_once():
    def grids(name):
        return [
            dict(zip(block, values, strict=True))
            for block in resolve(name, scale="tiny").blocks
            for values in itertools.product(*block.values())
        ]

    def plain(grid):
        # What is written out or left to its default is the same cell.
        usual = {"beta": 0.05, "aggregation": "separate", "annotators": "all", "rest": "hard", "mixing": "none"}
        free = grid["variety"] in ("hard", "random", "uniform", "smoothed")
        off = {"aggregation"} if free or grid.get("annotators") == 1 else set()
        return frozenset(
            (k, v) for k, v in {**usual, **grid}.items() if v is not None and k not in off and usual.get(k) != v
        )

    for chapter, tables in (
        ("chapter-3", ("3-1", "3-2", "3-3", "3-4", "B-1", "B-2", "B-3")),
        ("chapter-4", ("4-1", "4-2", "4-3")),
        ("chapter-5", ("5-1", "5-2")),
    ):
        mine = [plain(grid) for grid in grids(chapter)]
        assert len(mine) == len(set(mine))
        for table in tables:
            assert {plain(grid) for grid in grids(f"table-{table}")} <= set(mine), table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": "x"}, "spec: unknown key 'nmae'; known: name, about, study, dataset, scale, common, blocks"),
        ({7: "x"}, "spec: unknown key '7'; known: name, about"),
        ({"name": "a b"}, "spec: name: must be 1 to 64 letters, digits"),
        ({"name": "../x"}, "spec: name: must be 1 to 64 letters, digits"),
        ({"study": ""}, "spec: study: must be 1 to 64 letters, digits"),
        ({"scale": "big"}, "spec: scale: unknown scale 'big'; known: tiny, half, small, paper"),
        ({"seeds": 0}, "spec: seeds: must be at least 1 (it is 0)"),
        ({"seeds": [1, 1]}, "spec: seeds: must be distinct whole numbers of 0 or more, below 2^63 (it is [1, 1])"),
        ({"panels": [-1]}, "spec: panels: must be distinct whole numbers of 0 or more, below 2^63 (it is [-1])"),
        ({"seeds": "many"}, "spec: seeds: Input should be a valid list (it is 'many')"),
        ({"blocks": []}, "spec: blocks: List should have at least 1 item"),
        ({"blocks": None}, "spec: blocks: must be a list of blocks, each a mapping from axes to values (it is None)"),
        ({"blocks": [{"annotators": 1}]}, "spec: spec: block 1 names no 'variety'"),
        ({"blocks": [{"variety": "hard", "flavour": 1}]}, "unknown axis 'flavour' in block 1; known: variety, aggreg"),
        ({"common": {"flavour": 1}}, "spec: common: unknown axis 'flavour' in common; known: variety, aggregation"),
        ({"blocks": [{"variety": []}]}, "axis 'variety' in block 1 has no value"),
        ({"blocks": [{"variety": [["hard"]]}]}, "axis 'variety' in block 1 takes numbers and words, not [['hard']]"),
        ({"blocks": [{"variety": "hard", "epochs": True}]}, "axis 'epochs' in block 1 takes numbers and words"),
        ({"resources": {"cpus": 0}}, "spec: resources.cpus: Input should be greater than or equal to 1 (it is 0)"),
        ({"resources": {"cores": 2}}, "spec: unknown key 'resources.cores'; known: cpus, gpus"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(change, message):
    assert message in refusal({**PLAIN, **change})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nblocks: [{variety: hard}", "spec.yaml, line 2, column 25: not valid YAML: expected ',' or ']'"),
        (
            "name: x\n\tblocks: []",
            "line 2, column 1: not valid YAML: found character '\\t' that cannot start any token",
        ),
        (b"name: x\x00", "not valid YAML: unacceptable character #x0000"),
        (b"name: \xff", "spec.yaml can't be read: 'utf-8' codec can't decode byte 0xff"),
        ("name: 2024-13-45", "not valid YAML: month must be in 1..12"),
        ("name: !!python/object:os.system x", "not valid YAML: could not determine a constructor"),
        ("", "a spec is a mapping with at least 'name' and 'blocks'"),
        ("- a\n- b", "a spec is a mapping with at least 'name' and 'blocks'"),
    ],
)
def test_a_file_that_is_no_spec_is_refused_in_one_line(tmp_path, text, message):
    assert message in refusal(written(tmp_path, text))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("flavour=3", "unknown axis 'flavour'; known: aggregation, alpha, annotators, augmentation"),
        ("epochs", "--set takes axis=value; it got 'epochs'"),
        ("gamma=[0.1", "--set gamma: '[0.1' is not a YAML value"),
        ("seeds=2024-13-45", "--set seeds: '2024-13-45' is not a YAML value"),
        ("gamma={a: 1}", "axis 'gamma' in block 1 takes numbers and words"),
        ("name=", "name: Input should be a valid string (it is None)"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_in_one_line(setting, message):
    assert message in refusal(PLAIN, sets=[setting])


def test_unknown_presets_and_scales_are_refused_with_the_known_ones():
    known = (
        "known: chapter-3, chapter-4, chapter-5, controls, figure-3-5, figure-3-6, figure-B-3, grid, "
        "grid-sealed, grid-variance, labels-mixed, quickstart, repeats, schedule, six-labels, table-3-1, table-3-2, "
        "table-3-3, table-3-4, table-4-1, table-4-2, table-4-3, table-5-1, table-5-2, table-B-1, table-B-2, table-B-3, "
        "table-C-1"
    )
    assert refusal("quickstrat") == f"unknown preset 'quickstrat'; {known}"
    assert refusal("quickstart", scale="big") == "unknown scale 'big'; known: half, paper, small, tiny"


def test_a_file_that_is_not_there_is_named():
    assert refusal("nowhere/spec.yaml") == "spec nowhere/spec.yaml can't be read: No such file or directory"


def test_numbers_of_numpy_are_numbers():
    assert read_spec({**PLAIN, "blocks": [{"variety": "hard", "gamma": np.float64(0.2)}]}).blocks[0]["gamma"] == [0.2]


def test_presets_lie_beside_the_code_and_nowhere_else():
    import sweeps

    assert {path.stem for path in (Path(sweeps.__file__).parent / "spec" / "presets").iterdir()} == set(
        presets_by_name()
    )
