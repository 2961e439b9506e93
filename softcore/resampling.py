"""Pixels taken from elsewhere in the same image: shifts, zooms, bilinear look-ups, and a cloud to lay over it."""

import numpy as np
from jaxtyping import Float

Images = Float[np.ndarray, "n h w c"]


def motion_blurred(images: Images, radius: int, sigma: float, degrees: Float[np.ndarray, " n"]) -> Images:
    """Each image smeared along its own angle: a mean over 2 radius + 1 pixels on one side of each pixel.

    Weights fall off as a Gaussian of `sigma` pixels, positions are rounded to whole pixels, and beyond the edge lies
    the edge's colour: what ImageMagick's motion blur does, which the published recipe calls.
    """
    taps = np.arange(2 * radius + 1)
    weights = np.exp(-(taps**2) / (2 * sigma**2)).astype(np.float32)
    weights /= weights.sum()
    angles = np.deg2rad(degrees)
    downs = np.ceil(np.outer(np.sin(angles), taps) - 0.5).astype(np.int64)
    rights = np.ceil(np.outer(np.cos(angles), taps) - 0.5).astype(np.int64)
    image = np.arange(len(images))[:, None, None]
    height, width = images.shape[1:3]
    out = np.zeros_like(images)
    for tap, weight in enumerate(weights):
        rows = np.clip(np.arange(height) + downs[:, tap, None], 0, height - 1)
        columns = np.clip(np.arange(width) + rights[:, tap, None], 0, width - 1)
        out += weight * images[image, rows[:, :, None], columns[:, None, :]]
    return out


def zoomed(images: Images, factor: float) -> Images:
    """Each image with its middle enlarged by `factor` (at least 1) to the image's own size, linearly interpolated."""
    rows, columns = (_zoom(side, factor) for side in images.shape[1:3])
    planes = np.ascontiguousarray(np.moveaxis(images, 3, 1))  # a product a plane: no image's sums depend on others
    return np.moveaxis(rows @ planes @ columns.T, 1, 3)


def _zoom(side: int, factor: float) -> Float[np.ndarray, "side side"]:
    """Row i: the weights of the pixels that pixel i of the zoomed side is made of."""
    crop = int(np.ceil(side / factor))
    enlarged = round(crop * factor)
    positions = (np.arange(side) + (enlarged - side) // 2) * (crop - 1) / (enlarged - 1)
    left = np.minimum(positions.astype(np.int64), crop - 2)
    first = (side - crop) // 2 + left
    weights = np.zeros((side, side), dtype=np.float32)
    weights[np.arange(side), first] = 1 - (positions - left)
    weights[np.arange(side), first + 1] = positions - left
    return weights


def looked_up(
    images: Images, rows: Float[np.ndarray, "n h w"], columns: Float[np.ndarray, "n h w"], edge: str
) -> Images:
    """Each pixel interpolated linearly at fractional `rows` and `columns`.

    Beyond the border the image is reflected: about the outer pixels' edge ("reflect", they come twice) or about their
    middle ("mirror", they come once), as SciPy names the two.
    """
    image = np.arange(len(images))[:, None, None]
    height, width = images.shape[1:3]
    top, left = np.floor(rows), np.floor(columns)
    down = np.asarray(rows - top, dtype=np.float32)[..., None]
    right = np.asarray(columns - left, dtype=np.float32)[..., None]
    tops = [_inside(top.astype(np.int64) + step, height, edge) for step in (0, 1)]
    lefts = [_inside(left.astype(np.int64) + step, width, edge) for step in (0, 1)]
    upper, lower = ((1 - right) * images[image, row, lefts[0]] + right * images[image, row, lefts[1]] for row in tops)
    return (1 - down) * upper + down * lower


def _inside(index: np.ndarray, side: int, edge: str) -> np.ndarray:
    twice = int(edge == "reflect")  # whether the outer pixels come twice
    wrapped = index % (2 * side - 2 + 2 * twice)
    return np.minimum(wrapped, 2 * side - 2 + twice - wrapped)


def clouds(noise: Float[np.ndarray, "n side side"], decay: float) -> Float[np.ndarray, "n side side"]:
    """A cloud in 0..1 from each square of uniform noise (-1..1; the side a power of two): the diamond-square fractal.

    Each pixel is the mean of its four neighbours a step away, wrapped round, plus its noise times (100 / decay^k)^2 at
    the k-th halving of the step.
    """
    heights = np.zeros_like(noise)
    step, wobble = noise.shape[1], 100.0
    while step >= 2:
        half, swing = step // 2, wobble**2
        corners = heights[:, ::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=1)
        middle = (slice(None), slice(half, None, step), slice(half, None, step))
        heights[middle] = (pairs + np.roll(pairs, -1, axis=2)) / 4 + swing * noise[middle]
        centres = heights[middle]
        for across, along in ((1, 2), (2, 1)):  # the pixels between two corners along one axis, two centres across it
            between = corners + np.roll(corners, -1, axis=along) + centres + np.roll(centres, 1, axis=across)
            where = (
                slice(None),
                slice(0 if across == 1 else half, None, step),
                slice(half * (across == 1), None, step),
            )
            heights[where] = between / 4 + swing * noise[where]
        step, wobble = half, wobble / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return heights / heights.max(axis=(1, 2), keepdims=True)
