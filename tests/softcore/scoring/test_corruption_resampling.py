"""Pixels from elsewhere in the image, by hand and against SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from softcore.scoring.corruptions import clouds, looked_up, smear, zoom


def noise(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("factor", [1.0, 1.01, 1.07, 1.15, 1.75])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (8, 13)])
def test_a_zoom_is_scipys_of_the_middle(factor, height, width):
    image = noise(1, height, width, 1)
    crops = [int(np.ceil(side / factor)) for side in (height, width)]
    top, left = (height - crops[0]) // 2, (width - crops[1]) // 2
    middle = image[0, top : top + crops[0], left : left + crops[1], 0]
    large = ndimage.zoom(middle, factor, order=1)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    expected = large[top : top + height, left : left + width]
    np.testing.assert_allclose(zoom(image, factor)[0, :, :, 0], expected, atol=1e-5)


@pytest.mark.parametrize("edge", ["reflect", "mirror"])
def test_a_look_up_is_scipys(edge):
    images = noise(3, 9, 12, 2)
    rng = np.random.default_rng(1)
    rows, columns = rng.uniform(-6, 14, (3, 9, 12)), rng.uniform(-8, 18, (3, 9, 12))
    found = looked_up(images, rows, columns, edge)
    for n in range(3):
        for c in range(2):
            expected = ndimage.map_coordinates(images[n, :, :, c], (rows[n], columns[n]), order=1, mode=edge)
            np.testing.assert_allclose(found[n, :, :, c], expected, atol=1e-5)


def test_motion_along_the_rows_by_hand():
    # Radius 1: three taps, weights exp(0), exp(-1/2), exp(-2) over their sum 1.741866: 0.574097, 0.348207, 0.077696.
    # At 0 degrees each pixel takes itself and the two to its right; the last one's neighbours are itself.
    image = np.array([[1.0, 0, 0, 2]], dtype=np.float32)[None, :, :, None]
    found = smear(image, 1, 1.0, np.array([0.0]))[0, 0, :, 0]
    np.testing.assert_allclose(found, [0.574097, 2 * 0.077696, 2 * (0.348207 + 0.077696), 2.0], atol=1e-5)


def test_motion_at_a_right_angle_runs_down_the_columns():
    image = noise(1, 6, 6, 1)
    across = smear(image.transpose(0, 2, 1, 3).copy(), 2, 1.5, np.array([0.0]))
    np.testing.assert_allclose(smear(image, 2, 1.5, np.array([90.0])), across.transpose(0, 2, 1, 3), atol=1e-6)


def test_each_image_is_smeared_along_its_own_angle():
    images = np.repeat(noise(1, 8, 8, 1), 2, axis=0)
    both = smear(images, 3, 2.0, np.array([10.0, -70.0]))
    for n, angle in enumerate((10.0, -70.0)):
        np.testing.assert_array_equal(both[n], smear(images[:1], 3, 2.0, np.array([angle]))[0])


def test_a_cloud_of_two_by_two_by_hand():
    # One step of 2, swing 100 x 100. Corner 0. Middle: 0 + 10,000 x 0.3 = 3,000. Above it, between corner and corner
    # and between the middle and the middle again (it wraps): 3,000 x 2 / 4 + 10,000 x 0.1 = 2,500; to its left, with
    # -0.2: -500. From -500 to 3,000: (0 + 500) / 3,500, 3,000 / 3,500, 0, 1.
    draws = np.array([[[0.9, 0.1], [-0.2, 0.3]]])
    np.testing.assert_allclose(clouds(draws, 2.5)[0], [[500 / 3500, 3000 / 3500], [0, 1]])


def test_clouds_fill_the_range_and_each_is_its_own():
    draws = np.random.default_rng(0).uniform(-1, 1, (5, 32, 32))
    found = clouds(draws, 2.5)
    assert (found.min(axis=(1, 2)) == 0).all()
    assert (found.max(axis=(1, 2)) == 1).all()
    np.testing.assert_array_equal(clouds(draws[3:4], 2.5)[0], found[3])
    steps = np.abs(np.diff(found, axis=1)).mean()
    assert steps < np.abs(found - np.roll(found, 16, axis=1)).mean() / 2  # neighbours are alike, as in a cloud
