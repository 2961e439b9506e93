"""How alike classes are: by hand from clicks and from small word-vector files."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.similarity import class_similarity, confusion_similarity, read_word_vectors

VECTORS = """cat 1 0 0
Dog 0.6 0.8 0
. . 0.1 0.2 0.3
polar 0 0 2
bear 0 2 0
dog 0 1 0
"""


@pytest.fixture
def vectors(tmp_path):
    def write(text):
        path = tmp_path / "glove.txt"
        path.write_text(text)
        return path

    return write


def test_a_row_is_where_the_clicks_on_images_of_its_class_went():
    # Class 0 (items 0 and 1): 6 + 9 clicks on 0, 3 + 0 on 1, 1 + 1 on 2: 20 in all. Class 1 (item 2): 5 of 10 on 0.
    # Class 2 (item 3) is not among the items.
    counts = np.array([[6, 3, 1], [9, 0, 1], [5, 5, 0], [0, 9, 1]])
    found = confusion_similarity(counts, np.array([0, 0, 1, 2]), np.array([0, 1, 2]), 3)
    np.testing.assert_allclose(found, [[0, 3 / 20, 2 / 20], [0.5, 0, 0], [0, 0, 0]])


def test_only_the_items_given_are_looked_at(digits):
    items = digits.train_items
    blind = digits.counts.copy()
    blind[np.setdiff1d(np.arange(len(blind)), items)] = 0
    one = class_similarity(digits, "confusions", items)
    assert np.array_equal(one, class_similarity(replace(digits, counts=blind), "confusions", items))
    assert (np.diag(one) == 0).all()


def test_word_vectors_give_cosines(vectors):
    # Cat (1, 0, 0) and dog (0, 1, 0): 0. Both with the mean of polar and bear (0, 1, 1): 0 and 1 / sqrt(2).
    found = read_word_vectors(vectors(VECTORS), ["cat", "dog", "polar bear"])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 1, half], [0, half, 1]], atol=1e-12)


def test_the_spelling_of_the_class_goes_first_then_the_first_of_other_cases(vectors):
    # "Dog" is (0.6, 0.8, 0): cosine 0.6 with cat. "DOG" is not there as such: the first other spelling is "Dog".
    path = vectors(VECTORS)
    assert read_word_vectors(path, ["cat", "Dog"])[0, 1] == pytest.approx(0.6)
    assert read_word_vectors(path, ["cat", "DOG"])[0, 1] == pytest.approx(0.6)
    assert read_word_vectors(path, ["cat", "dog"])[0, 1] == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["polar_bear", "polar-bear", " polar  bear"])
def test_a_name_of_several_words_is_their_mean_however_it_is_joined(vectors, name):
    assert read_word_vectors(vectors(VECTORS), ["dog", name])[0, 1] == pytest.approx(np.sqrt(0.5))


def test_a_word2vec_header_is_no_word(vectors):
    path = vectors("6 3\n" + VECTORS)
    np.testing.assert_array_equal(
        read_word_vectors(path, ["cat", "Dog"]), read_word_vectors(vectors(VECTORS), ["cat", "Dog"])
    )
    with pytest.raises(RequestError, match="no vector for '6'"):
        read_word_vectors(path := vectors("6 3\n" + VECTORS), ["cat", "6"])


def test_a_file_is_read_no_further_than_needed(vectors):
    # The second "dog" has another length, which would be refused if it were read.
    assert read_word_vectors(vectors("cat 1 0\ndog 1 1\nDOG 1\n"), ["cat", "dog"])[0, 1] == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize(
    ("text", "classes", "message"),
    [
        (VECTORS, ["cat", "fire truck"], r"glove\.txt: no vector for 'fire' .class 'fire truck'., 'truck'"),
        (VECTORS, ["cat", "polar dogs"], r"no vector for 'dogs' .class 'polar dogs'.; every class name needs one"),
        ("cat 1 0\ndog 1 0 0\n", ["cat", "dog"], r"glove\.txt: the vectors .* not all of one length"),
        ("cat 1 0\ndog 0 0\n", ["cat", "dog"], r"glove\.txt: the vector of class 'dog' has no direction"),
        ("cat 1 0\ndog nan 0\n", ["cat", "dog"], r"glove\.txt: the vector of class 'dog' has no direction"),
    ],
)
def test_what_is_no_vector_is_refused_with_file_and_class(vectors, text, classes, message):
    with pytest.raises(RequestError, match=message):
        read_word_vectors(vectors(text), classes)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"word vectors .*none\.txt: can't be read"):
        read_word_vectors(tmp_path / "none.txt", ["cat"])


def test_one_source_is_never_taken_in_place_of_the_other(digits):
    without = replace(digits, counts=None)
    with pytest.raises(RequestError, match=r"word-vectors needs word_vectors: FILE .GloVe or word2vec text format."):
        class_similarity(digits, "word-vectors", digits.train_items)
    with pytest.raises(RequestError, match="confusions needs clicks known as counts; digits has none"):
        class_similarity(replace(without, word_similarity=np.eye(10)), "confusions", digits.train_items)
    words = np.full((10, 10), 0.5)
    assert class_similarity(replace(without, word_similarity=words), "word-vectors", digits.train_items) is words


@pytest.mark.parametrize("name", [None, "glove"])
def test_an_unknown_similarity_is_refused_with_the_known_ones(digits, name):
    with pytest.raises(RequestError, match=r"unknown similarity .*; known: confusions, word-vectors"):
        class_similarity(digits, name, digits.train_items)


def test_cats_are_taken_for_dogs_and_trucks_for_cars(cifar10s):
    found = class_similarity(cifar10s, "confusions", cifar10s.train_items)
    nearest = {cifar10s.classes[a]: cifar10s.classes[b] for a, b in enumerate(found.argmax(axis=1))}
    assert nearest["cat"] == "dog"
    assert nearest["truck"] == "automobile"
