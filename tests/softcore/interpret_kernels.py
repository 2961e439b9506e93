"""Hold the kernels of a card against PyTorch's own operations in Triton's interpreter: run by `test_pack.py`."""

import torch
from torch.nn import functional as F

from softcore.training import kernels

# members, images, height, width, channels in and out, kernel, stride, padding
LAYERS = (
    (2, 3, 8, 8, 3, 16, 3, 1, 1),
    (3, 2, 9, 7, 16, 32, 3, 2, 1),
    (2, 3, 6, 6, 40, 72, 1, 1, 0),
    (2, 2, 7, 7, 16, 24, 1, 2, 0),
    (2, 5, 1, 1, 64, 10, 1, 1, 0),
)


def close(found, wanted, what):
    """Within what float32 sums in another order differ by."""
    off = float((found - wanted).norm() / wanted.norm())
    assert off < 1e-5, f"{what}: off by {off}"


def convolutions():
    """Forward, gradient of the input, gradient of the weights."""
    for members, n, height, width, inner, outer, size, stride, padding in LAYERS:
        x, w = torch.randn(members, n, height, width, inner), torch.randn(members, outer, size, size, inner)
        leaves = [each.permute(0, 1, 4, 2, 3).clone().requires_grad_() for each in (x, w)]
        wanted = torch.stack([F.conv2d(a, b, None, stride, padding) for a, b in zip(*leaves, strict=True)])
        y = kernels.convolve(x, w, wanted.shape[3:], stride, padding, "float32")
        dy = torch.randn_like(y)
        wanted.backward(dy.permute(0, 1, 4, 2, 3))
        dx = kernels.convolve(dy, w, (height, width), stride, padding, "float32", transposed=True)
        dw = kernels.weight_gradient(x, dy, (size, size), stride, padding, "float32")
        close(y, wanted.permute(0, 1, 3, 4, 2), "forward")
        close(dx, leaves[0].grad.permute(0, 1, 3, 4, 2), "input")
        close(dw, leaves[1].grad.permute(0, 1, 3, 4, 2), "weights")


def norms(relu, shortcut):
    """Forward with running statistics, and every gradient."""
    members, rows, channels = 3, 2500, 20
    x, residual = torch.randn(members, rows, channels) * 2 + 5, torch.randn(members, rows, channels)
    weight, bias = torch.rand(members, channels) + 0.5, torch.randn(members, channels)
    mean, var = torch.zeros(members, channels), torch.ones(members, channels)
    own_mean, own_var = mean.clone(), var.clone()
    leaves = [each.clone().requires_grad_() for each in (x, residual, weight, bias)]
    parts = zip(leaves[0], own_mean, own_var, leaves[2], leaves[3], strict=True)
    wanted = torch.stack([F.batch_norm(a, m, v, w, b, True, 0.1, 1e-5) for a, m, v, w, b in parts])
    wanted = wanted + leaves[1] if shortcut else wanted
    center, inverse = kernels.moments(x, mean, var, 0.1, 1e-5)
    y = kernels.normalise(x, residual if shortcut else None, center, inverse, weight, bias, relu)
    # No slope where a number is so near zero that the two may round to either side of it.
    dy = torch.where(wanted.detach().abs() > 1e-4, torch.randn_like(y), 0)
    wanted = F.relu(wanted) if relu else wanted
    wanted.backward(dy)
    found = kernels.normalise_backward(x, y, dy, center, inverse, weight, relu, shortcut)
    close(y, wanted, "normalised")
    close(mean, own_mean, "running mean")
    close(var, own_var, "running variance")
    for gradient, leaf, what in zip(found, leaves, ("input", "shortcut", "weight", "bias"), strict=True):
        if gradient is not None:
            close(gradient, leaf.grad, what)


if __name__ == "__main__":
    torch.manual_seed(0)
    convolutions()
    for relu in (False, True):
        for shortcut in (False, True):
            norms(relu, shortcut)
    values = torch.randn(3, 10001)
    close(kernels.norms(values), values.norm(dim=1), "norms")
