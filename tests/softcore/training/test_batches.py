"""Which items a batch holds, in which order, and which of an item's labels it sees."""

import numpy as np
import pytest
import torch

from softcore.errors import RequestError
from softcore.labels.build import Targets
from softcore.labels.label_set import group
from softcore.training.batches import Batches, crop_flip, draw_moves
from softcore.training.images import as_tensor


def targets_of(labels):
    """Targets from `{item: [label, ...]}`."""
    items = np.array([item for item, rows in labels.items() for _ in rows])
    probs = np.array([row for rows in labels.values() for row in rows], dtype=float)
    made = group(items, probs, np.full(len(items), ""), "t2-clamp")
    return Targets(
        items=made.items,
        offsets=made.offsets,
        probs=made.probs,
        held_out=np.zeros(0, dtype=np.int64),
        panel=made,
        answers={},
        recorded_seconds=0.0,
    )


def batches(labels, *, batch=4, seed=0, augmentation="none", n_images=40):
    """Batches over images whose every pixel says which item they are."""
    images = np.repeat(np.arange(n_images, dtype=np.uint8), 16).reshape(n_images, 4, 4, 1)
    made = targets_of(labels)
    return Batches(
        as_tensor(images), made, batch=batch, seed=seed, augmentation=augmentation, device=torch.device("cpu")
    )


def epoch(made, number=0):
    """One epoch as lists of (item, label), a list a batch."""
    return [
        [(round(float(image.max() * 255)), label.tolist()) for image, label in zip(images, labels, strict=True)]
        for images, labels in made.epoch(number)
    ]


def flat(lists):
    return [pair for batch in lists for pair in batch]


HARD = {item: [[1.0, 0.0]] for item in range(10)}
A, B, C = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def test_an_epoch_holds_every_item_once():
    items = [item for item, _ in flat(epoch(batches(HARD)))]
    assert sorted(items) == list(range(10))
    assert items != list(range(10))


def test_the_last_batch_may_be_smaller():
    assert [len(batch) for batch in epoch(batches(HARD))] == [4, 4, 2]
    assert len(batches(HARD)) == 3


def test_a_last_single_item_waits_for_another_epoch():
    # 9 = 2 x 4 + 1, and batch norm can't take one image.
    nine = {item: [[1.0, 0.0]] for item in range(9)}
    made = batches(nine)
    assert [len(batch) for batch in epoch(made)] == [4, 4]
    assert len(made) == 2
    assert {item for number in range(8) for item, _ in flat(epoch(made, number))} == set(range(9))


def test_an_epoch_is_the_same_each_time_it_is_asked_for():
    made = batches({item: [A, B, C] for item in range(10)})
    assert epoch(made, 1) == epoch(made, 1)
    assert epoch(made, 1) == epoch(batches({item: [A, B, C] for item in range(10)}), 1)


def test_epochs_and_seeds_differ_in_order():
    assert epoch(batches(HARD), 0) != epoch(batches(HARD), 1)
    assert epoch(batches(HARD, seed=0)) != epoch(batches(HARD, seed=1))


def test_an_item_comes_with_one_of_its_own_labels():
    own = {3: [A, B], 8: [C], 11: [B]}
    made = batches(own, batch=2)
    for number in range(20):
        assert all(label in own[item] for item, label in flat(epoch(made, number)))


def test_each_of_an_items_labels_is_drawn_about_as_often():
    # 10 items x 60 epochs: 200 draws of each of three; five standard deviations are 5 x sqrt(600 x 2/9) = 58.
    made = batches({item: [A, B, C] for item in range(10)})
    drawn = [label for number in range(60) for _, label in flat(epoch(made, number))]
    for label in (A, B, C):
        assert abs(drawn.count(label) - 200) <= 58


def test_the_label_drawn_does_not_depend_on_what_else_is_trained_on():
    some = {item: [A, B, C] for item in range(0, 20, 2)}
    more = {**some, **{item: [A] for item in range(1, 30, 2)}}
    for number in range(5):
        alone, together = dict(flat(epoch(batches(some), number))), dict(flat(epoch(batches(more, batch=5), number)))
        assert all(together[item] == label for item, label in alone.items())


def test_cells_of_one_replicate_share_the_order_whatever_their_labels():
    one = [item for item, _ in flat(epoch(batches({item: [A, B] for item in range(10)})))]
    other = [item for item, _ in flat(epoch(batches({item: [C] for item in range(10)})))]
    assert one == other


def test_an_unknown_augmentation_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match="unknown augmentation 'cutout'; known: crop-flip, none"):
        batches(HARD, augmentation="cutout")


def shifted(seed, side=16, n=64):
    """`n` copies of an image of distinct columns and rows, augmented."""
    image = torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side)
    return image, crop_flip(image.repeat(n, 1, 1, 1), draw_moves(n, (side, side), torch.Generator().manual_seed(seed)))


def test_augmented_images_are_shifts_of_at_most_an_eighth_half_of_them_flipped():
    # Side 16: shifts of -2..2 either way. Inside the border each pixel is the image's own, shifted or mirrored.
    image, augmented = shifted(seed=0)
    assert augmented.shape == (64, 1, 16, 16)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="reflect")[0, 0]
    crops = {(dy, dx): padded[dy : dy + 16, dx : dx + 16] for dy in range(5) for dx in range(5)}
    found = []
    for one in augmented[:, 0]:
        found += [
            (shift, flip)
            for shift, crop in crops.items()
            for flip in (False, True)
            if torch.equal(one, crop.flip(1) if flip else crop)
        ]
    assert len(found) == 64
    assert 16 <= sum(flip for _, flip in found) <= 48  # four standard deviations
    assert len({shift for shift, _ in found}) > 12


def test_augmentation_is_the_seeds():
    assert torch.equal(shifted(seed=1)[1], shifted(seed=1)[1])
    assert not torch.equal(shifted(seed=1)[1], shifted(seed=2)[1])


@pytest.mark.parametrize("size", [(4, 4), (20, 24), (9, 7)])
def test_any_shape_can_be_augmented_and_keeps_its_values(size):
    batch = torch.rand(3, 2, *size)
    augmented = crop_flip(batch, draw_moves(3, size, torch.Generator().manual_seed(0)))
    assert augmented.shape == batch.shape
    assert np.isin(augmented.numpy(), batch.numpy()).all()


def test_augmentation_leaves_items_and_labels_where_they_were():
    plain, augmented = epoch(batches(HARD)), epoch(batches(HARD, augmentation="crop-flip"))
    assert plain == augmented
