"""`sweeps labels`: people's soft labels as a file, one row a label."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.show.files import write_labels

PAGES = ("t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")


def written(dataset, path, variety="t2-clamp", gamma=0.1, aggregation="separate", similarity=None, root=None):
    asked = {"variety": variety, "gamma": gamma, "aggregation": aggregation}
    said = write_labels(dataset, path, **asked, similarity=similarity, word_vectors=None, root=root)
    return said, pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def test_a_row_is_a_label_with_its_item_its_annotator_and_a_column_a_class(tmp_path):
    said, table = written("digits", tmp_path / "x.parquet")
    assert list(table.columns) == ["item", "annotator", *(f"p_{digit}" for digit in range(10))]
    first = load("digits").records.query("not is_repeat")
    assert len(table) == len(first)
    assert set(zip(table["item"], table["annotator"], strict=True)) == set(
        zip(first["item"], first["annotator"], strict=True)
    )
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-9)
    assert (
        said == f"{tmp_path}/x.parquet: {len(first)} labels of 250 items by {first['annotator'].nunique()} annotators"
    )


def test_pooled_labels_are_one_an_item_and_nobodys(tmp_path):
    _, table = written("digits", tmp_path / "x.parquet", aggregation="mean")
    assert len(table) == 250
    assert set(table["annotator"]) == {""}


def test_a_semantic_variety_needs_to_be_told_what_is_similar(tmp_path):
    with pytest.raises(RequestError, match="needs --similarity: confusions or word-vectors"):
        written("digits", tmp_path / "x.parquet", variety="t2-semantic")
    _, table = written("digits", tmp_path / "x.parquet", variety="t2-semantic", similarity="confusions")
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-9)


def test_a_csv_has_the_same_labels(tmp_path):
    _, parquet = written("digits", tmp_path / "x.parquet", aggregation="mean")
    _, csv = written("digits", tmp_path / "x.csv", aggregation="mean")
    np.testing.assert_allclose(csv.filter(like="p_"), parquet.filter(like="p_"), atol=1e-15)


@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real CIFAR-10S files: set SOFTCORE_DATA")
@pytest.mark.parametrize("variety", PAGES)
def test_the_real_labels_are_6200_by_248_people_on_1000_images(tmp_path, variety):
    root = Path(os.environ["SOFTCORE_DATA"])
    _, table = written("cifar10s", tmp_path / "x.parquet", variety=variety, root=root)
    assert len(table) == 6200
    assert table["annotator"].nunique() == 248
    assert table["item"].nunique() == 1000
    assert table.groupby("item").size().value_counts().to_dict() == {6: 800, 7: 200}
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-9)
