"""The layers of a pack on a CUDA device: convolution and batch norm of many members in one launch each.

Arrays are (members, rows, channels), a row being a pixel of an image of the member's batch. Every sum runs over one
member's own rows in pieces whose size depends on nothing else, so a member's bytes depend neither on its neighbours,
nor on its position, nor on how many they are; library kernels choose by the whole shape.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS = 256  # of a tile of a convolution; half as many where it is wide
GRADIENT = {"SPLIT": 2048, "BN": 64, "BK": 64, "num_warps": 4}  # rows a part, weights and rows of a tile
TILE = 8192  # numbers that a program of a batch norm takes
WARPS = 8  # of such a program


@triton.jit(do_not_specialize=["images"])
def _gather_product(
    x, w, y, images, step_inner: tl.constexpr, step_outer: tl.constexpr, step_tap: tl.constexpr,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, INNER: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, OUTER: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, STRIDE: tl.constexpr, PAD: tl.constexpr, TRANSPOSED: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """One tile of y: for each of its pixels the sum over the taps of (pixel of x under the tap) times (weights)."""
    member = tl.program_id(1).to(tl.int64)
    columns: tl.constexpr = (OUTER + BN - 1) // BN
    blocks: tl.constexpr = (INNER + BK - 1) // BK
    rows = tl.program_id(0) // columns * BM + tl.arange(0, BM)
    out = tl.program_id(0) % columns * BN + tl.arange(0, BN)
    n_rows = images * OUT_HEIGHT * OUT_WIDTH
    image = rows // (OUT_HEIGHT * OUT_WIDTH) * (HEIGHT * WIDTH)
    top = rows // OUT_WIDTH % OUT_HEIGHT
    left = rows % OUT_WIDTH
    x += member * images * (HEIGHT * WIDTH * INNER)
    w += member * (KH * KW * INNER * OUTER)
    total = tl.zeros((BM, BN), dtype=tl.float32)
    # One loop over taps and blocks of channels, so that the next loads are under way during a product.
    for step in range(KH * KW * blocks):
        tap = step // blocks
        k = step % blocks * BK + tl.arange(0, BK)
        if TRANSPOSED:
            far_down = top + PAD - tap // KW
            far_right = left + PAD - tap % KW
            down = far_down // STRIDE
            right = far_right // STRIDE
            there = (far_down >= 0) & (far_right >= 0) & (far_down % STRIDE == 0) & (far_right % STRIDE == 0)
            there = there & (down < HEIGHT) & (right < WIDTH) & (rows < n_rows)
        else:
            down = top * STRIDE + tap // KW - PAD
            right = left * STRIDE + tap % KW - PAD
            there = (down >= 0) & (right >= 0) & (down < HEIGHT) & (right < WIDTH) & (rows < n_rows)
        at = (image + down * WIDTH + right) * INNER
        a = tl.load(x + at[:, None] + k[None, :], mask=there[:, None] & (k < INNER)[None, :], other=0.0)
        b = tl.load(
            w + tap * step_tap + k[:, None] * step_inner + out[None, :] * step_outer,
            mask=(k < INNER)[:, None] & (out < OUTER)[None, :],
            other=0.0,
        )
        total = tl.dot(a, b, total, input_precision=PRECISION)
    y += member * n_rows * OUTER
    tl.store(
        y + rows[:, None] * OUTER + out[None, :],
        total.to(y.dtype.element_ty),
        mask=(rows < n_rows)[:, None] & (out < OUTER)[None, :],
    )


@triton.jit(do_not_specialize=["images"])
def _weight_product(
    x, dy, parts, images,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, INNER: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, OUTER: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, STRIDE: tl.constexpr, PAD: tl.constexpr, SPLIT: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """One tile of one part of the weights' gradient: the sum over SPLIT output pixels of dy times x under the tap."""
    member = tl.program_id(2).to(tl.int64)
    part = tl.program_id(1)
    taps: tl.constexpr = KH * KW * INNER
    columns: tl.constexpr = (taps + BN - 1) // BN
    out = tl.program_id(0) // columns * BM + tl.arange(0, BM)
    column = tl.program_id(0) % columns * BN + tl.arange(0, BN)
    tap = column // INNER
    channel = column % INNER
    n_rows = images * OUT_HEIGHT * OUT_WIDTH
    x += member * images * (HEIGHT * WIDTH * INNER)
    dy += member * n_rows * OUTER
    total = tl.zeros((BM, BN), dtype=tl.float32)
    for first in range(0, SPLIT, BK):
        rows = part * SPLIT + first + tl.arange(0, BK)
        image = rows // (OUT_HEIGHT * OUT_WIDTH) * (HEIGHT * WIDTH)
        down = (rows // OUT_WIDTH % OUT_HEIGHT * STRIDE - PAD)[:, None] + (tap // KW)[None, :]
        right = (rows % OUT_WIDTH * STRIDE - PAD)[:, None] + (tap % KW)[None, :]
        there = (down >= 0) & (right >= 0) & (down < HEIGHT) & (right < WIDTH)
        there = there & (rows < n_rows)[:, None] & (column < taps)[None, :]
        at = (image[:, None] + down * WIDTH + right) * INNER + channel[None, :]
        b = tl.load(x + at, mask=there, other=0.0)
        a = tl.load(
            dy + rows[:, None] * OUTER + out[None, :], mask=(rows < n_rows)[:, None] & (out < OUTER)[None, :], other=0.0
        )
        total = tl.dot(tl.trans(a), b, total, input_precision=PRECISION)
    parts += (member * tl.num_programs(1) + part) * (OUTER * taps)
    tl.store(
        parts + out[:, None] * taps + column[None, :], total, mask=(out < OUTER)[:, None] & (column < taps)[None, :]
    )


@triton.jit
def _add_parts(parts, total, n_parts, size, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    """The sum of a member's parts."""
    member = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    part = tl.arange(0, PARTS)
    there = (part < n_parts)[:, None] & (at < size)[None, :]
    found = tl.load(parts + (member * n_parts + part[:, None]) * size + at[None, :], mask=there, other=0.0)
    tl.store(total + member * size + at, tl.sum(found, axis=0), mask=at < size)


@triton.jit
def _moments(x, parts, n_rows, channels: tl.constexpr, BM: tl.constexpr, BC: tl.constexpr):
    """Mean and sum of squared deviations of a chunk of BM rows, by channel."""
    member = tl.program_id(2).to(tl.int64)
    chunk = tl.program_id(1)
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    rows = chunk * BM + tl.arange(0, BM)
    there = (rows < n_rows)[:, None] & (c < channels)[None, :]
    at = member * n_rows * channels + rows[:, None] * channels + c[None, :]
    values = tl.load(x + at, mask=there, other=0.0).to(tl.float32)
    count = tl.minimum(n_rows - chunk * BM, BM).to(tl.float32)
    mean = tl.sum(values, axis=0) / count
    away = tl.where(there, values - mean[None, :], 0.0)
    parts += (member * tl.num_programs(1) + chunk) * 2 * channels
    tl.store(parts + c, mean, mask=c < channels)
    tl.store(parts + channels + c, tl.sum(away * away, axis=0), mask=c < channels)


@triton.jit
def _join_moments(
    parts, mean, inverse, running_mean, running_var, n_rows, n_chunks, channels: tl.constexpr, momentum, epsilon,
    BM: tl.constexpr, CHUNKS: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """A member's mean and inverse standard deviation from those of its chunks; running ones move."""
    member = tl.program_id(1).to(tl.int64)
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    chunk = tl.arange(0, CHUNKS)
    there = (chunk < n_chunks)[:, None] & (c < channels)[None, :]
    count = tl.where(chunk < n_chunks, tl.minimum(n_rows - chunk * BM, BM), 0).to(tl.float32)
    at = parts + (member * n_chunks + chunk[:, None]) * 2 * channels + c[None, :]
    means = tl.load(at, mask=there, other=0.0)
    center = tl.sum(means * count[:, None], axis=0) / n_rows
    away = means - center[None, :]
    spread = tl.sum(tl.load(at + channels, mask=there, other=0.0) + away * away * count[:, None], axis=0)
    at = member * channels + c
    inside = c < channels
    tl.store(mean + at, center, mask=inside)
    tl.store(inverse + at, 1.0 / tl.sqrt_rn(spread / n_rows + epsilon), mask=inside)
    old = tl.load(running_mean + at, mask=inside, other=0.0)
    tl.store(running_mean + at, old + momentum * (center - old), mask=inside)
    old = tl.load(running_var + at, mask=inside, other=0.0)
    tl.store(running_var + at, old + momentum * (spread / (n_rows - 1) - old), mask=inside)


@triton.jit
def _normalise(
    x, residual, y, mean, inverse, weight, bias, step_weight, n_rows, channels: tl.constexpr,
    RESIDUAL: tl.constexpr, RELU: tl.constexpr, BM: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    member = tl.program_id(2).to(tl.int64)
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    rows = tl.program_id(1) * BM + tl.arange(0, BM)
    scale = tl.load(inverse + member * channels + c, mask=c < channels, other=0.0)
    scale *= tl.load(weight + member * step_weight + c, mask=c < channels, other=0.0)
    shift = tl.load(bias + member * step_weight + c, mask=c < channels, other=0.0)
    shift -= tl.load(mean + member * channels + c, mask=c < channels, other=0.0) * scale
    there = (rows < n_rows)[:, None] & (c < channels)[None, :]
    at = member * n_rows * channels + rows[:, None] * channels + c[None, :]
    found = tl.load(x + at, mask=there, other=0.0).to(tl.float32) * scale[None, :] + shift[None, :]
    if RESIDUAL:
        found += tl.load(residual + at, mask=there, other=0.0).to(tl.float32)
    if RELU:
        found = tl.maximum(found, 0.0, propagate_nan=tl.PropagateNan.ALL)
    tl.store(y + at, found.to(y.dtype.element_ty), mask=there)


@triton.jit
def _slopes(
    x,
    y,
    dy,
    mean,
    inverse,
    parts,
    n_rows,
    channels: tl.constexpr,
    RELU: tl.constexpr,
    BM: tl.constexpr,
    BC: tl.constexpr,
):
    """Sums over a chunk of BM rows of the gradient, and of the gradient times the normalised input, by channel."""
    member = tl.program_id(2).to(tl.int64)
    chunk = tl.program_id(1)
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    center = tl.load(mean + member * channels + c, mask=c < channels, other=0.0)
    scale = tl.load(inverse + member * channels + c, mask=c < channels, other=0.0)
    rows = chunk * BM + tl.arange(0, BM)
    there = (rows < n_rows)[:, None] & (c < channels)[None, :]
    at = member * n_rows * channels + rows[:, None] * channels + c[None, :]
    slope = tl.load(dy + at, mask=there, other=0.0).to(tl.float32)
    if RELU:
        slope = tl.where(tl.load(y + at, mask=there, other=0.0) > 0, slope, 0.0)
    normal = (tl.load(x + at, mask=there, other=0.0).to(tl.float32) - center[None, :]) * scale[None, :]
    parts += (member * tl.num_programs(1) + chunk) * 2 * channels
    tl.store(parts + c, tl.sum(slope, axis=0), mask=c < channels)
    tl.store(parts + channels + c, tl.sum(slope * normal, axis=0), mask=c < channels)


@triton.jit
def _input_slope(
    x, y, dy, mean, inverse, weight, sums, dx, dresidual, step_weight, n_rows, channels: tl.constexpr,
    RESIDUAL: tl.constexpr, RELU: tl.constexpr, BM: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    member = tl.program_id(2).to(tl.int64)
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    rows = tl.program_id(1) * BM + tl.arange(0, BM)
    inside = c < channels
    center = tl.load(mean + member * channels + c, mask=inside, other=0.0)
    scale = tl.load(inverse + member * channels + c, mask=inside, other=0.0)
    outer = tl.load(weight + member * step_weight + c, mask=inside, other=0.0) * scale
    biases = tl.load(sums + member * 2 * channels + c, mask=inside, other=0.0) / n_rows
    weights = tl.load(sums + (member * 2 + 1) * channels + c, mask=inside, other=0.0) / n_rows
    there = (rows < n_rows)[:, None] & inside[None, :]
    at = member * n_rows * channels + rows[:, None] * channels + c[None, :]
    slope = tl.load(dy + at, mask=there, other=0.0).to(tl.float32)
    if RELU:
        slope = tl.where(tl.load(y + at, mask=there, other=0.0) > 0, slope, 0.0)
    normal = (tl.load(x + at, mask=there, other=0.0).to(tl.float32) - center[None, :]) * scale[None, :]
    found = outer[None, :] * (slope - biases[None, :] - normal * weights[None, :])
    tl.store(dx + at, found.to(dx.dtype.element_ty), mask=there)
    if RESIDUAL:
        tl.store(dresidual + at, slope.to(dresidual.dtype.element_ty), mask=there)


@triton.jit
def _square_sums(values, parts, size, n_parts, BLOCK: tl.constexpr):
    member = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    found = tl.load(values + member * size + at, mask=at < size, other=0.0)
    tl.store(parts + member * n_parts + tl.program_id(0), tl.sum(found * found, axis=0))


def _block(size: int, most: int) -> int:
    return min(most, max(16, triton.next_power_of_2(size)))


def _precision(x: Tensor, precision: str) -> str:
    return "tf32" if precision == "tf32" and x.dtype == torch.float32 else "ieee"


def convolve(
    x: Tensor, w: Tensor, out_size: tuple[int, int], stride: int, padding: int, precision: str, *, transposed=False
) -> Tensor:
    """Each member's batch convolved with its weights; `transposed` gives the gradient of the input instead.

    x: (members, images, height, width, channels), w: (members, out, kh, kw, in), both dense and of one type. Gives
    (members, images, *out_size, channels).
    """
    members, images, height, width, inner = x.shape
    _, co, kh, kw, ci = w.shape
    outer = ci if transposed else co
    y = x.new_empty((members, images, *out_size, outer))
    bn = _block(outer, 64)
    bm = ROWS if bn < 64 else ROWS // 2
    grid = (triton.cdiv(images * out_size[0] * out_size[1], bm) * triton.cdiv(outer, bn), members)
    steps = (kh * kw * ci, 1) if transposed else (1, kh * kw * ci)
    _gather_product[grid](
        x, w, y, images, *steps, ci, HEIGHT=height, WIDTH=width, INNER=inner,
        OUT_HEIGHT=out_size[0], OUT_WIDTH=out_size[1], OUTER=outer,
        KH=kh, KW=kw, STRIDE=stride, PAD=padding, TRANSPOSED=transposed,
        BM=bm, BN=bn, BK=_block(inner, 128 // x.element_size()), PRECISION=_precision(x, precision), num_warps=4,
    )  # fmt: skip
    return y


def weight_gradient(
    x: Tensor, dy: Tensor, kernel: tuple[int, int], stride: int, padding: int, precision: str
) -> Tensor:
    """The gradient of each member's weights (members, out, kh, kw, in) in float32, from the input and that of y."""
    members, images, height, width, inner = x.shape
    _, _, out_height, out_width, outer = dy.shape
    kh, kw = kernel
    taps = kh * kw * inner
    n_parts = triton.cdiv(images * out_height * out_width, GRADIENT["SPLIT"])
    parts = torch.empty((members, n_parts, outer, taps), dtype=torch.float32, device=x.device)
    bm = _block(outer, 64)
    tiles = triton.cdiv(outer, bm) * triton.cdiv(taps, GRADIENT["BN"])
    _weight_product[(tiles, n_parts, members)](
        x, dy, parts, images, HEIGHT=height, WIDTH=width, INNER=inner,
        OUT_HEIGHT=out_height, OUT_WIDTH=out_width, OUTER=outer,
        KH=kh, KW=kw, STRIDE=stride, PAD=padding, BM=bm, PRECISION=_precision(x, precision), **GRADIENT,
    )  # fmt: skip
    return add_parts(parts).view(members, outer, kh, kw, inner)


def add_parts(parts: Tensor) -> Tensor:
    """Sum over the second axis."""
    members, n_parts = parts.shape[:2]
    if n_parts == 1:
        return parts[:, 0]
    total = torch.empty((members, *parts.shape[2:]), dtype=torch.float32, device=parts.device)
    size, rows = total[0].numel(), triton.next_power_of_2(n_parts)
    block = min(_block(size, 256), max(16, TILE // rows))
    _add_parts[(triton.cdiv(size, block), members)](parts, total, n_parts, size, PARTS=rows, BLOCK=block)
    return total


def _tiles(x: Tensor) -> tuple[tuple[int, int, int], dict[str, int]]:
    """The grid and the tile of a batch norm's programs over x (members, rows, channels)."""
    members, n_rows, channels = x.shape
    bc = _block(channels, 64)
    bm = TILE // bc
    return (triton.cdiv(channels, bc), triton.cdiv(n_rows, bm), members), {"BM": bm, "BC": bc}


def moments(
    x: Tensor, running_mean: Tensor, running_var: Tensor, momentum: float, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Mean and inverse standard deviation (members, channels) of x (members, rows, channels); running ones move."""
    members, n_rows, channels = x.shape
    grid, tile = _tiles(x)
    parts = torch.empty((members, grid[1], 2, channels), dtype=torch.float32, device=x.device)
    mean, inverse = torch.empty_like(running_mean), torch.empty_like(running_mean)
    _moments[grid](x, parts, n_rows, channels, num_warps=WARPS, **tile)
    _join_moments[(grid[0], members)](
        parts, mean, inverse, running_mean, running_var, n_rows, grid[1], channels, momentum, epsilon,
        CHUNKS=triton.next_power_of_2(grid[1]), **tile,
    )  # fmt: skip
    return mean, inverse


def normalise(
    x: Tensor, residual: Tensor | None, mean: Tensor, inverse: Tensor, weight: Tensor, bias: Tensor, relu: bool
) -> Tensor:
    """(x - mean) * inverse * weight + bias, plus `residual`, at least 0 where `relu`; rows as in `moments`."""
    y, (grid, tile) = torch.empty_like(x), _tiles(x)
    _normalise[grid](
        x, x if residual is None else residual, y, mean, inverse, weight, bias, weight.stride(0), *x.shape[1:],
        RESIDUAL=residual is not None, RELU=relu, num_warps=WARPS, **tile,
    )  # fmt: skip
    return y


def normalise_backward(
    x: Tensor, y: Tensor, dy: Tensor, mean: Tensor, inverse: Tensor, weight: Tensor, relu: bool, residual: bool
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Gradients of `normalise` with moments of x itself: of x, the residual, the weight and the bias."""
    members, n_rows, channels = x.shape
    grid, tile = _tiles(x)
    parts = torch.empty((members, grid[1], 2, channels), dtype=torch.float32, device=x.device)
    _slopes[grid](x, y, dy, mean, inverse, parts, n_rows, channels, RELU=relu, num_warps=WARPS, **tile)
    sums = add_parts(parts)
    dx, dresidual = torch.empty_like(x), torch.empty_like(x) if residual else None
    _input_slope[grid](
        x, y, dy, mean, inverse, weight, sums, dx, dx if dresidual is None else dresidual, weight.stride(0),
        n_rows, channels, RESIDUAL=residual, RELU=relu, num_warps=WARPS, **tile,
    )  # fmt: skip
    return dx, dresidual, sums[:, 1], sums[:, 0]


def norms(values: Tensor) -> Tensor:
    """Euclidean norm of each row of a dense float32 (members, size)."""
    members, size = values.shape
    n_parts = triton.cdiv(size, TILE)
    parts = torch.empty((members, n_parts, 1), dtype=torch.float32, device=values.device)
    _square_sums[(n_parts, members)](values, parts, size, n_parts, BLOCK=TILE)
    return add_parts(parts)[:, 0].sqrt()
