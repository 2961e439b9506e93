import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.studies.thesis.published import published_row
from sweeps.studies.thesis.row_trials import Trials, axis_text, matching, values

KEPT = {"aggregation": "separate", "annotators": "all", "items": 900}


def trials(*tables):
    return Trials(pd.concat(tables, ignore_index=True))


@pytest.mark.parametrize("value", [2, 2.0, "2", "2.0", np.int64(2), np.float64(2)])
def test_a_number_is_the_same_however_a_table_holds_it(value):
    assert axis_text(value) == "2"


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA])
def test_null_is_empty_text(value):
    assert axis_text(value) == ""


def test_a_column_that_is_not_there_is_null():
    texts = pd.DataFrame({"variety": ["hard", "click"]})
    assert matching(texts, {"variety": ("hard",), "hmix": (None,)}).tolist() == [True, False]
    assert not matching(texts, {"variety": ("hard",), "hmix": ("mean",)}).any()
    assert matching(texts, {"mixing": (None, "none")}).all()


def test_replicates_are_paired_by_seed_and_panel_and_others_are_counted(make):
    clicks = make("c1", seeds=(2, 0, 1), variety="click", **KEPT, ce__10h=[1.2, 1.0, 1.1])
    pages = make("c2", seeds=(1, 2, 3), variety="t2-clamp", **KEPT, ce__10h=[0.1, 0.2, 0.3])
    ((a, b),) = trials(clicks, pages).pairings([published_row("3.2", "clicks"), published_row("3.2", "pages")])
    found = values((a, b), ["ce/10h", "ce/10h"])
    assert [side.tolist() for side in found.sides] == [[1.1, 1.2], [0.1, 0.2]]  # seeds 1 and 2
    assert found.left_out == 2  # seeds 0 and 3


def test_a_replicate_is_its_mean_over_the_models_that_both_sides_have(make):
    one = {"variety": "click", **KEPT}
    other = {"variety": "t2-clamp", **KEPT}
    tables = [
        make("a1", **one, model="resnet34a", ce__10h=[1.0, 1.0, 1.0]),
        make("a2", **one, model="resnet50", learning_rate=0.4, ce__10h=[3.0, 3.0, 3.0]),
        make("b1", **other, model="resnet34a", ce__10h=[0.5, 0.5, 0.5]),
        make("b2", **other, model="resnet50", learning_rate=0.4, seeds=(0, 1), ce__10h=[1.5, 1.5]),
        make("b3", **other, model="vgg11", ce__10h=[9.0, 9.0, 9.0]),
    ]
    (parts,) = trials(*tables).pairings([published_row("3.2", "clicks"), published_row("3.2", "pages")])
    found = values(parts, ["ce/10h", "ce/10h"])
    assert found.models == ("resnet34a", "resnet50")
    assert [side.tolist() for side in found.sides] == [[2.0, 2.0], [1.0, 1.0]]  # seed 2 lacks a model: left out
    assert found.left_out == 1


def test_trials_of_different_image_sizes_are_never_held_against_each_other(make):
    clicks = make("c1", variety="click", **KEPT, image_size=16, ce__10h=[1, 1, 1])
    pages = make("c2", variety="t2-clamp", **KEPT, image_size=32, ce__10h=[1, 1, 1])
    assert trials(clicks, pages).pairings([published_row("3.2", "clicks"), published_row("3.2", "pages")]) == []


def test_each_way_of_training_is_a_pairing_of_its_own(make):
    tables = [
        make(f"{variety}{size}", variety=variety, **KEPT, image_size=size, ce__10h=[1, 1, 1])
        for size in (16, 32)
        for variety in ("click", "t2-clamp")
    ]
    made = trials(*tables)
    pairings = made.pairings([published_row("3.2", "clicks"), published_row("3.2", "pages")])
    assert [made.setting(parts) for parts in pairings] == ["cnn, 15 epochs, 16 pixels", "cnn, 15 epochs, 32 pixels"]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"epochs": 65}, ["cnn, 15 epochs, 32 pixels", "cnn, 65 epochs, 32 pixels"]),
        ({}, ["cnn, 15 epochs, 32 pixels, batch 64", "cnn, 15 epochs, 32 pixels, batch 32"]),
    ],
)
def test_of_the_rest_of_the_training_what_is_needed_to_tell_trials_apart_is_named(make, other, words):
    tables = [
        make(f"{variety}{batch}", variety=variety, **KEPT, batch=batch, **how, ce__10h=[1, 1, 1])
        for batch, how in ((64, {}), (32, other))
        for variety in ("click", "t2-clamp")
    ]
    made = trials(*tables)
    pairings = made.pairings([published_row("3.2", "clicks"), published_row("3.2", "pages")])
    assert [made.training(parts) for parts in pairings] == words


def test_cells_that_a_row_does_not_tell_apart_are_pairings_of_their_own(make):
    semantic = [
        make(kind, variety="t1-semantic", **KEPT, similarity=kind, ce__10h=[1, 1, 1])
        for kind in ("confusions", "word-vectors")
    ]
    made = trials(make("u", variety="t1-uniform", **KEPT, ce__10h=[1, 1, 1]), *semantic)
    pairings = made.pairings([published_row("B.2", "semantic"), published_row("B.2", "uniform")])
    assert [made.setting(parts) for parts in pairings] == [
        "cnn, 15 epochs, 32 pixels, similarity confusions",
        "cnn, 15 epochs, 32 pixels, similarity word-vectors",
    ]


def test_an_axis_that_varies_on_both_sides_is_equal_there(make):
    hmix = {"dataset": "hmix"}
    tables = [
        make(f"{kind}{images}", **hmix, hmix=kind, hmix_images=images, ce__10h=[1, 1, 1])
        for kind in ("generating", "mean")
        for images in ("all", "18-a-pair")
    ]
    made = trials(*tables)
    pairings = made.pairings([published_row("4.1", "mean"), published_row("4.1", "mixup")])
    assert [[dict(part.variant) for part in parts] for parts in pairings] == [
        [{"hmix_images": "all"}] * 2,
        [{"hmix_images": "18-a-pair"}] * 2,
    ]


def test_what_similarity_was_used_is_always_said(make):
    semantic = make("s", variety="t1-semantic", **KEPT, similarity="confusions", ce__10h=[1, 1, 1])
    made = trials(make("u", variety="t1-uniform", **KEPT, ce__10h=[1, 1, 1]), semantic)
    (parts,) = made.pairings([published_row("B.2", "semantic"), published_row("B.2", "uniform")])
    assert made.setting(parts) == "cnn, 15 epochs, 32 pixels, similarity confusions"


def test_of_a_tuned_axis_the_thesis_value_is_taken_where_it_is_there(make):
    tables = [
        make(f"g{gamma}", variety="t2-clamp", **KEPT, gamma=gamma, ce__10h=[gamma] * 3) for gamma in (0.0, 0.1, 0.2)
    ]
    (part,) = trials(*tables).parts(published_row("3.2", "pages").where)
    assert part.trials["gamma"].tolist() == [0.1] * 3
    assert [p.variant["gamma"] for p in trials(tables[0], tables[2]).parts(published_row("3.2", "pages").where)] == [
        "0",
        "0.2",
    ]


def test_two_trials_of_one_replicate_are_refused(make):
    twice = [make(name, variety="click", **KEPT, ce__10h=[1, 1, 1]) for name in ("c1", "c2")]
    (part,) = trials(*twice).parts(published_row("3.2", "clicks").where)
    with pytest.raises(RequestError, match=r"trial c2-s0-p0 has the axes, .* a replicate counts once"):
        values((part, part), ["ce/10h", "ce/10h"])


def test_a_number_that_is_missing_or_infinite_leaves_its_replicate_out(make):
    clicks = make("c1", variety="click", **KEPT, ce__10h=[1.0, np.nan, 1.0])
    pages = make("c2", variety="t2-clamp", **KEPT, ce__10h=[1.0, 1.0, np.inf])
    (parts,) = trials(clicks, pages).pairings([published_row("3.2", "clicks"), published_row("3.2", "pages")])
    found = values(parts, ["ce/10h", "ce/10h"])
    assert (len(found.sides[0]), found.left_out) == (1, 2)
