"""The corruptions: what each does to pixels by hand, and what all of them promise."""

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.scoring.corruptions import CORRUPTIONS, PIECE, RECIPES, corrupt, levels
from softcore.seeding import generator


def photos(n, height, width, channels, seed=0):
    """Images with a smooth ground, an edge and some texture, in the middle of the range."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    tilt = rng.uniform(-1, 1, (n, 1, 1, channels, 2))
    ground = 0.5 + 0.25 * (tilt[..., 0] * y[None, :, :, None] + tilt[..., 1] * x[None, :, :, None])
    edge = 0.2 * (x > 0.5)[None, :, :, None]
    return levels(ground + edge + rng.normal(scale=0.03, size=(n, height, width, channels)))


@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 8, 1), (20, 27, 2), (9, 40, 3)], ids=str)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_changes_images_and_keeps_shape_and_type(name, shape):
    images = photos(40, *shape)
    before = images.copy()
    found = corrupt(images, name, np.arange(40))
    assert (found.shape, found.dtype) == (images.shape, np.uint8)
    assert np.array_equal(images, before)
    changed = np.abs(found.astype(float) - images).mean(axis=(1, 2, 3))
    assert (changed > 0.2).mean() > 0.7  # impulse noise misses all 64 values of an 8x8 grey image at 0.97^64 = 14%
    assert changed.mean() < 60


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_image_does_not_depend_on_its_company(name):
    # Not on the images beside it, their order, or the piece of the batch that it falls into.
    images, items = photos(PIECE + 40, 12, 12, 3), np.arange(PIECE + 40) * 7
    together = corrupt(images, name, items)
    chosen = np.array([PIECE + 30, 3, 200])
    assert np.array_equal(corrupt(images[chosen], name, items[chosen]), together[chosen])
    assert np.array_equal(corrupt(images[[3]], name, items[[3]]), together[[3]])


NOT_DRAWN = ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression")


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_is_random_depends_on_the_item(name):
    twice = np.repeat(photos(1, 32, 32, 3), 2, axis=0)
    one, other = corrupt(twice, name, np.array([4, 5]))
    assert np.array_equal(one, other) == (name in NOT_DRAWN)


# Mean change in levels on photographs of 32x32: wide of what was seen on CIFAR-10's test images, so that a lost factor
# of 255, a blur that does nothing or a picture gone white is noticed.
CHANGE = {
    "gaussian_noise": (10, 20),
    "shot_noise": (8, 20),
    "impulse_noise": (2, 6),
    "defocus_blur": (1.5, 12),
    "glass_blur": (2, 20),
    "motion_blur": (3, 25),
    "zoom_blur": (2, 20),
    "snow": (10, 60),
    "fog": (15, 70),
    "brightness": (20, 40),
    "contrast": (10, 45),
    "elastic_transform": (3, 30),
    "pixelate": (1, 12),
    "jpeg_compression": (1, 12),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_photographs_change_as_much_as_the_severity_says(name, cifar10s):
    items = np.arange(200)
    images = cifar10s.images[items]
    low, high = CHANGE[name]
    assert low < np.abs(corrupt(images, name, items).astype(float) - images).mean() < high


def test_contrast_by_hand():
    # Half of the image 0, half 100: mean 50, distances of 50 become 20: 30 and 70. A second channel all 7 stays.
    image = np.zeros((1, 8, 8, 2), dtype=np.uint8)
    image[:, :, 4:, 0], image[..., 1] = 100, 7
    found = corrupt(image, "contrast", np.array([0]))
    assert np.unique(found[:, :, :4, 0]).tolist() == [30]
    assert np.unique(found[:, :, 4:, 0]).tolist() == [70]
    assert np.unique(found[..., 1]).tolist() == [7]


def test_brightness_by_hand():
    # 0.15 of 255 is 38.25. (100, 50, 0): the largest becomes 138.25, a factor of 1.3825: 138.25, 69.125, 0.
    # (240, 120, 60): 278.25 is cut to 255, a factor of 1.0625: 255, 127.5, 63.75. Black: 38.25 each. All cut down.
    image = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    image[0, 0, 0], image[0, 0, 1] = (100, 50, 0), (240, 120, 60)
    found = corrupt(image, "brightness", np.array([0]))[0]
    assert found[0, 0].tolist() == [138, 69, 0]
    assert found[0, 1].tolist() == [255, 127, 63]
    assert found[5, 5].tolist() == [38, 38, 38]


def test_brightness_of_a_grey_image_adds_to_it():
    grey = np.full((1, 8, 8, 1), 100, dtype=np.uint8)
    assert np.unique(corrupt(grey, "brightness", np.array([0]))).tolist() == [138]


def test_pixelate_by_hand():
    # Eight columns 0, 10, ... 70 shrink to int(0.85 x 8) = 6 of width 8/6; the box takes the pixels whose centres lie
    # in it: 0 | 10 20 | 30 | 40 | 50 60 | 70, means 0, 15, 30, 40, 55, 70. Back to eight, each takes the nearest.
    image = np.broadcast_to((10 * np.arange(8, dtype=np.uint8))[None, None, :, None], (1, 8, 8, 1))
    found = corrupt(image, "pixelate", np.array([0]))
    assert found[0, :, :, 0].tolist() == [[0, 15, 15, 30, 40, 55, 55, 70]] * 8


def test_defocus_by_hand():
    # A white pixel on black: exp(-1 / 0.72) = 0.24935; 1 / (1 + 2 x 0.24935) = 0.66725 and 0.16638 a side. Their
    # products: 0.44522 in the middle, 0.11101 beside it, 0.02768 at the corners; times 255: 113.5, 28.3, 7.06.
    image = np.zeros((1, 9, 9, 1), dtype=np.uint8)
    image[0, 4, 4] = 255
    found = corrupt(image, "defocus_blur", np.array([0]))[0, :, :, 0]
    assert found[3:6, 3:6].tolist() == [[7, 28, 7], [28, 113, 28], [7, 28, 7]]
    assert found.sum() == 113 + 4 * 28 + 4 * 7


def test_noise_has_the_published_strength():
    # Grey 128: 0.08 x 255 = 20.4. Shot noise: the root of 0.50196 / 100 is 0.070849, 18.07. Impulse: 3%, half white.
    grey, items = np.full((60, 32, 32, 3), 128, dtype=np.uint8), np.arange(60)
    gaussian, shot, impulse = (corrupt(grey, f"{name}_noise", items) for name in ("gaussian", "shot", "impulse"))
    assert gaussian.std() == pytest.approx(20.4, rel=0.01)
    assert gaussian.mean() == pytest.approx(127.5, abs=0.2)
    assert shot.std() == pytest.approx(18.07, rel=0.01)
    assert (impulse == 0).mean() == pytest.approx(0.015, abs=0.001)
    assert (impulse == 255).mean() == pytest.approx(0.015, abs=0.001)
    assert ((impulse == 128) | (impulse == 0) | (impulse == 255)).all()


@pytest.mark.parametrize("name", ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "elastic_transform"])
def test_a_plain_image_stays_what_it_is_under_blurs_and_warps(name):
    plain = np.full((3, 16, 16, 3), 200, dtype=np.uint8)
    assert np.array_equal(corrupt(plain, name, np.arange(3)), plain)


def test_a_black_image_stays_black_in_the_fog():
    black = np.zeros((2, 16, 16, 3), dtype=np.uint8)
    assert not corrupt(black, "fog", np.arange(2)).any()


def test_fog_keeps_the_brightest_value_within_what_it_was():
    images = photos(20, 32, 32, 3)
    found = corrupt(images, "fog", np.arange(20))
    assert (found.max(axis=(1, 2, 3)) <= images.max(axis=(1, 2, 3))).all()
    assert (found.mean(axis=(1, 2, 3)) > 0.4 * images.mean(axis=(1, 2, 3))).all()


def test_snow_only_brightens():
    images = photos(20, 32, 32, 3)
    assert (corrupt(images, "snow", np.arange(20)) >= images - 1.0).all()


def test_glass_takes_colours_from_the_upper_left_and_leaves_two_rows_and_columns():
    # Far from the step the image is plain; the step between columns 15 and 16 moves to the right by a pixel at most.
    image = np.zeros((1, 32, 32, 1), dtype=np.uint8)
    image[:, :, 16:] = 200
    found = corrupt(image, "glass_blur", np.array([0]))[0, :, :, 0]
    assert not found[:, :14].any()
    assert (found[:, 19:] == 200).all()
    assert len(np.unique(found[2:, 16])) > 2
    assert len(np.unique(found[0, 16])) == 1


def test_frost_is_not_made():
    assert "frost" not in RECIPES
    assert len(CORRUPTIONS) == 14


def test_an_unknown_corruption_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match="unknown corruption 'frost'; known: brightness, contrast, defocus_blur"):
        corrupt(photos(1, 8, 8, 1), "frost", np.array([0]))


def test_images_too_small_to_be_corrupted_are_refused():
    with pytest.raises(RequestError, match="images of 7x12 can't be corrupted; at least 8x8 is allowed"):
        corrupt(photos(1, 7, 12, 1), "fog", np.array([0]))


def test_draws_come_from_the_corruptions_own_stream():
    image = np.full((1, 8, 8, 1), 100, dtype=np.uint8)
    noise = generator("corruption", 0, 31).standard_normal((8, 8, 1), dtype=np.float32)
    expected = levels(image.astype(np.float32) / 255 + 0.08 * noise)
    assert np.array_equal(corrupt(image, "gaussian_noise", np.array([31])), expected)
