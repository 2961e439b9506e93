"""The common corruptions of Hendrycks & Dietterich 2019 at severity 3, with the parameters published for CIFAR-10.

Source: doi:10.48550/arXiv.1903.12261 and the parameters of its CIFAR-10-C. `frost` is left out: its recipe lays
photographs of frost over the images, and those are not ours to hand on. Where the recipe goes through 8-bit files
between two steps, this stays in floating point; sides other than 32 scale what the recipe scales with the side.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.ndimage import correlate1d, gaussian_filter

from softcore.errors import RequestError, unknown_name
from softcore.seeding import generator

Images = Float[np.ndarray, "n h w c"]
SEVERITY = 3
SMALLEST = 8  # pixels a side
PIECE = 256  # images at a time, so that the float copies stay small
WHOLE = 1e-3  # of a level: what is a whole level but for rounding is not cut to the one below
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
Pixels = Float[np.ndarray, "n h w c"]  # 0..1
Draws = Sequence[np.random.Generator]  # an image's own


def smear(images: Images, radius: int, sigma: float, degrees: Float[np.ndarray, " n"]) -> Images:
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


def zoom(images: Images, factor: float) -> Images:
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


def corrupt(
    images: UInt8[np.ndarray, "n h w c"], name: str, items: Int[np.ndarray, " n"]
) -> UInt8[np.ndarray, "n h w c"]:
    """`images` after the corruption called `name` (one of `CORRUPTIONS`) at severity 3, cut to whole levels.

    What is random about an image depends on the corruption and its item number alone, whatever else is in the batch.
    One, two or three channels; two have no luma but their mean. Raises RequestError for an unknown name and for images
    with a side of less than 8 pixels.
    """
    if name not in RECIPES:
        raise unknown_name("corruption", name, RECIPES)
    height, width = images.shape[1:3]
    if min(height, width) < SMALLEST:
        raise RequestError(f"images of {height}x{width} can't be corrupted; at least {SMALLEST}x{SMALLEST} is allowed")
    out = np.empty(images.shape, dtype=np.uint8)
    for start in range(0, len(images), PIECE):
        part = slice(start, start + PIECE)
        draws = [generator("corruption", CORRUPTIONS.index(name), int(item)) for item in items[part]]
        pixels = RECIPES[name](images[part].astype(np.float32) / 255, draws)
        out[part] = levels(pixels)
    return out


def levels(pixels: Pixels) -> UInt8[np.ndarray, "n h w c"]:
    """Pixels as 0..255, cut down as the recipes cut."""
    return (np.clip(pixels, 0, 1) * 255 + WHOLE).astype(np.uint8)


def gaussian_noise(pixels: Pixels, draws: Draws) -> Pixels:
    """Normal noise of standard deviation 0.08, each value its own."""
    return pixels + 0.08 * np.stack([rng.standard_normal(pixels.shape[1:], dtype=np.float32) for rng in draws])


def shot_noise(pixels: Pixels, draws: Draws) -> Pixels:
    """A Poisson count of 100 photons at full brightness."""
    counts = [rng.poisson(100 * image) for image, rng in zip(pixels, draws, strict=True)]
    return np.stack(counts).astype(np.float32) / 100


def impulse_noise(pixels: Pixels, draws: Draws) -> Pixels:
    """3% of the values made black or white, each as likely."""
    chance = np.stack([rng.random(pixels.shape[1:], dtype=np.float32) for rng in draws])
    return np.where(chance < 0.015, 0, np.where(chance < 0.03, 1, pixels))


def defocus_blur(pixels: Pixels, draws: Draws) -> Pixels:
    """A disk of radius 0.5, which is one pixel, antialiased by a Gaussian of 0.6 over 3x3 pixels."""
    side = np.exp(-1 / (2 * 0.6**2))
    kernel = np.array([side, 1, side]) / (1 + 2 * side)
    return correlate1d(correlate1d(pixels, kernel, axis=1, mode="mirror"), kernel, axis=2, mode="mirror")


def glass_blur(pixels: Pixels, draws: Draws) -> Pixels:
    """Blur by 0.4, every pixel takes the colour of itself, its upper, left or upper left neighbour, blur by 0.4.

    The authors' code means to swap the two but copies, from the lower right on: no copy is copied again. Two rows and
    columns at the upper left stay.
    """
    blurred = levels(gaussian_filter(pixels, (0, 0.4, 0.4, 0), mode="nearest")) / np.float32(255)
    height, width = pixels.shape[1:3]
    up, left = np.moveaxis(np.stack([rng.integers(0, 2, (2, height - 2, width - 2)) for rng in draws]), 1, 0)
    rows, columns = np.arange(2, height)[:, None] - up, np.arange(2, width) - left
    shuffled = blurred.copy()
    shuffled[:, 2:, 2:] = blurred[np.arange(len(pixels))[:, None, None], rows, columns]
    return gaussian_filter(shuffled, (0, 0.4, 0.4, 0), mode="nearest")


def motion_blur(pixels: Pixels, draws: Draws) -> Pixels:
    """Smeared over 13 pixels by a Gaussian of 2, at an angle of -45 to 45 degrees."""
    return smear(pixels, 6, 2.0, np.array([rng.uniform(-45, 45) for rng in draws]))


def zoom_blur(pixels: Pixels, draws: Draws) -> Pixels:
    """The mean of the image and its zooms by 1.00, 1.01, ... 1.15."""
    return (pixels + sum(zoom(pixels, 1 + step / 100) for step in range(16))) / 17


def snow(pixels: Pixels, draws: Draws) -> Pixels:
    """A tenth whitened, with flakes (bright specks, zoomed and smeared downwards) laid over it both ways up."""
    specks = np.stack([rng.normal(0.15, 0.3, pixels.shape[1:3]) for rng in draws]).astype(np.float32)
    angles = np.array([rng.uniform(-135, -45) for rng in draws])
    flakes = zoom(specks[..., None], 1.75)
    flakes = smear(np.clip(np.where(flakes < 0.55, 0, flakes), 0, 1), 10, 4.0, angles)
    whiter = np.maximum(pixels, 1.5 * grey(pixels) + 0.5)
    return 0.9 * pixels + 0.1 * whiter + flakes + flakes[:, ::-1, ::-1]


def grey(pixels: Pixels) -> Float[np.ndarray, "n h w 1"]:
    """The luma of three channels (ITU-R BT.601), the mean of any other number."""
    if pixels.shape[3] == len(LUMA):
        return (pixels * LUMA).sum(axis=3, keepdims=True)
    return pixels.mean(axis=3, keepdims=True)


def fog(pixels: Pixels, draws: Draws) -> Pixels:
    """A cloud of strength 0.75 added, and the image's brightest value kept where it was."""
    height, width = pixels.shape[1:3]
    side = 1 << (max(height, width) - 1).bit_length()
    noise = np.stack([rng.uniform(-1, 1, (side, side)) for rng in draws])
    cloud = clouds(noise, 2.5)[:, :height, :width, None].astype(np.float32)
    brightest = pixels.max(axis=(1, 2, 3), keepdims=True)
    return (pixels + 0.75 * cloud) * brightest / (brightest + 0.75)


def brightness(pixels: Pixels, draws: Draws) -> Pixels:
    """0.15 added to the value of hue, saturation and value: the largest channel, the others in proportion."""
    value = pixels.max(axis=3, keepdims=True)
    brighter = np.minimum(value + np.float32(0.15), 1)
    return np.where(value > 0, pixels * (brighter / np.where(value > 0, value, 1)), brighter)


def contrast(pixels: Pixels, draws: Draws) -> Pixels:
    """Each channel's distance from its mean over the image times 0.4."""
    mean = pixels.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    return mean + np.float32(0.4) * (pixels - mean)


def elastic_transform(pixels: Pixels, draws: Draws) -> Pixels:
    """Three corners moved by up to 0.06 of the side, then every pixel by smooth noise (0.08 of it, blurred by 0.06)."""
    height, width = pixels.shape[1:3]
    side = min(height, width)
    middle, reach = np.array([width // 2, height // 2]), side // 3
    corners = middle + reach * np.array([[1, 1], [1, -1], [-1, -1]])  # x, y
    moved = corners + np.stack([rng.uniform(-0.06 * side, 0.06 * side, (3, 2)) for rng in draws])
    back = np.linalg.solve(np.concatenate([moved, np.ones((len(moved), 3, 1))], axis=2), corners[None].astype(float))
    y, x = np.mgrid[:height, :width]
    slope_x, slope_y, start = back[..., None, None].transpose(1, 2, 0, 3, 4)  # each [axis, image, 1, 1]
    columns, rows = slope_x * x + slope_y * y + start  # where each pixel comes from
    warped = looked_up(pixels, rows, columns, "mirror")
    noise = np.stack([rng.uniform(-1, 1, (2, height, width)) for rng in draws])
    right, down = np.moveaxis(gaussian_filter(noise, (0, 0, 0.06 * side, 0.06 * side), truncate=3), 1, 0)
    return looked_up(warped, y + 0.08 * side * down, x + 0.08 * side * right, "reflect")


def pixelate(pixels: Pixels, draws: Draws) -> Pixels:
    """Shrunk to 0.85 of each side and back, both by a box filter."""
    from PIL import Image

    def shrunk(image: Image.Image) -> Image.Image:
        small = (int(0.85 * image.width), int(0.85 * image.height))
        return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BOX)

    return _as_pictures(pixels, shrunk)


def jpeg_compression(pixels: Pixels, draws: Draws) -> Pixels:
    """Saved as JPEG of quality 58 and read again."""
    from PIL import Image

    def saved(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=58)
        return Image.open(file)

    return _as_pictures(pixels, saved)


def _as_pictures(pixels: Pixels, change: Callable) -> Pixels:
    """Each image through Pillow: in colour if it has three channels, else each channel as a grey picture."""
    from PIL import Image

    whole = levels(pixels)
    if whole.shape[3] == 3:
        changed = np.stack([change(Image.fromarray(image)) for image in whole])
    else:
        planes = [[change(Image.fromarray(plane)) for plane in np.moveaxis(image, 2, 0)] for image in whole]
        changed = np.stack([np.stack([np.asarray(plane) for plane in image], axis=2) for image in planes])
    return changed.astype(np.float32) / 255


# A corruption's place seeds its draws: add at the end.
RECIPES: dict[str, Callable[[Pixels, Draws], Pixels]] = {
    recipe.__name__: recipe
    for recipe in (
        gaussian_noise,
        shot_noise,
        impulse_noise,
        defocus_blur,
        glass_blur,
        motion_blur,
        zoom_blur,
        snow,
        fog,
        brightness,
        contrast,
        elastic_transform,
        pixelate,
        jpeg_compression,
    )
}
CORRUPTIONS = tuple(RECIPES)
