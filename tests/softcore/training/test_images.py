"""Images pooled to a size, held as bytes, handed out as pixels."""

import numpy as np
import pytest
import torch

from softcore.training.images import as_tensor, pixels, pool_images


def grey(rows):
    return np.array(rows, dtype=np.uint8)[None, :, :, None]


def test_a_pool_is_the_mean_of_its_pixels_rounded():
    image = grey([[0, 2, 10, 10], [4, 6, 10, 11], [255, 255, 0, 0], [255, 255, 0, 1]])
    # (0 + 2 + 4 + 6) / 4 = 3; 41 / 4 = 10.25 -> 10; 255; 1 / 4 -> 0.
    assert pool_images(image, 2)[0, :, :, 0].tolist() == [[3, 10], [255, 0]]


def test_the_factor_is_whole_and_keeps_the_shorter_side_long_enough():
    # Side 20 over 8 is 2.5: pooled by 2 to 10 x 12. Over 7 it is 2.86: still by 2. Over 5 it is 4.
    images = np.zeros((3, 20, 24, 3), dtype=np.uint8)
    assert pool_images(images, 8).shape == (3, 10, 12, 3)
    assert pool_images(images, 7).shape == (3, 10, 12, 3)
    assert pool_images(images, 5).shape == (3, 5, 6, 3)


def test_rows_and_columns_that_fill_no_pool_are_cut_off():
    image = np.zeros((1, 5, 5, 1), dtype=np.uint8)
    image[0, 4], image[0, :, 4] = 200, 200
    assert pool_images(image, 2).tolist() == [[[[0], [0]], [[0], [0]]]]


@pytest.mark.parametrize("size", [None, 8, 9, 32])
def test_images_that_are_small_already_come_back_as_they_are(size):
    images = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    assert pool_images(images, size) is images


def test_pooling_in_pieces_is_pooling_all_at_once():
    images = np.random.default_rng(0).integers(0, 256, (2100, 4, 4, 1)).astype(np.uint8)
    whole = np.rint(images.reshape(2100, 2, 2, 2, 2, 1).mean(axis=(2, 4))).astype(np.uint8)
    assert np.array_equal(pool_images(images, 2), whole)


def test_a_tensor_has_the_same_bytes_in_channels_last():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    held = as_tensor(images)
    assert held.shape == (5, 3, 4, 6)
    assert held.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(held.permute(0, 2, 3, 1).numpy(), images)
    assert held.data_ptr() == images.ctypes.data


def test_read_only_images_are_copied_without_a_warning(recwarn):
    images = np.zeros((2, 4, 4, 1), dtype=np.uint8)
    images.flags.writeable = False
    as_tensor(images).fill_(7)
    assert not images.any()
    assert not [w for w in recwarn if "writ" in str(w.message)]


def test_pixels_lie_in_0_to_1_and_leave_the_bytes_alone():
    batch = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    assert pixels(batch).flatten().tolist() == pytest.approx([0, 0.2, 1])
    assert batch.flatten().tolist() == [0, 51, 255]
