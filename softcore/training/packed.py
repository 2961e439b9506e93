"""Networks of one shape side by side: each layer holds the weights of all members, batches stand one after another.

A member's images are a run of the batch, so all that works image by image (activations, pools, sums, flattening) is
what it is for one network. Only layers with weights and batch norms know of members. On a CPU these take the members
one by one through the very calls of a network alone; on a CUDA device all at once (`training/kernels.py`).
"""

import operator
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from softcore.errors import unknown_name
from softcore.training.models import PixelNetwork

PRECISIONS = ("float32", "tf32", "bf16")


def on_card(tensor: Tensor) -> bool:
    """Whether the kernels take it."""
    return tensor.is_cuda


class PackedNetwork(nn.Module):
    """The networks of `models` (of one shape); their weights are copied, `unpack` copies them back.

    `flat` holds every weight, (members, weights of one); `weights` are views of it, one a layer's parameter, in the
    order of the network's own. `precision` is of images, features and products: weights, sums and logits are float32.
    """

    def __init__(self, models: Sequence[PixelNetwork], precision: str = "float32") -> None:
        super().__init__()
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
        self.members, self.precision, self.steps = len(models), precision, 0
        self.on_card = on_card(models[0].mean)
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.names = [name for name, _ in models[0].network.named_parameters()]
        own = [dict(model.network.named_parameters()) for model in models]
        self.shapes = [_dense(own[0][name]).shape for name in self.names]
        with torch.no_grad():
            rows = [torch.cat([_dense(each[name]).reshape(-1) for name in self.names]) for each in own]
            self.flat = torch.stack(rows)
        views = {name: nn.Parameter(view) for name, view in self.by_name(self.flat).items()}
        self.weights = list(views.values())
        self.sizes = [each[0].numel() for each in self.weights]
        # What an optimiser steps. On a CPU one piece a member's parameter, for the last elements of a piece round
        # otherwise than those before them; on a CUDA device, where all round alike, all in one.
        self.pieces = self.parts(self.flat)
        self.mean = torch.stack([model.mean for model in models])
        self.std = torch.stack([model.std for model in models])
        self.norms: dict[str, PackedNorm] = {}
        self.body = self._packed([model.network for model in models], views)

    def forward(self, images: Tensor) -> Tensor:
        """Float32 logits (members * n, classes) of pixels (members * n, c, h, w), a member's images together."""
        each = images.view(self.members, -1, *images.shape[1:])
        normal = ((each - self.mean) / self.std).view_as(images)
        return self.body(normal.to(self.dtype, memory_format=torch.channels_last)).float()

    def gradients(self, losses: Tensor) -> Tensor:
        """The gradient (members, weights of one) of each member's own loss, laid out as `flat`."""
        found = torch.autograd.grad(losses.sum(), self.weights)
        return torch.cat([_dense(each, 1).reshape(self.members, -1) for each in found], dim=1)

    def set_gradients(self, gradients: Tensor) -> None:
        """Hand `gradients` (members, weights of one) of the next step to the pieces."""
        self.steps += 1
        for piece, part in zip(self.pieces, self.parts(gradients), strict=True):
            piece.grad = part

    def parts(self, rows: Tensor) -> list[Tensor]:
        """Something laid out as `flat` in the parts that `pieces` has, views of it."""
        return [rows] if self.on_card else [part for row in rows for part in row.split(self.sizes)]

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """The other way: parts such as those of `pieces` as one, laid out as `flat`."""
        return torch.cat([part.reshape(-1) for part in parts]).view_as(self.flat)

    def by_name(self, rows: Tensor) -> dict[str, Tensor]:
        """Something laid out as `flat` as (members, *shape) by parameter of the network alone, views of it."""
        found, first = dict[str, Tensor](), 0
        for name, shape in zip(self.names, self.shapes, strict=True):
            view = rows[:, first : first + shape.numel()].view(self.members, *shape)
            found[name] = view.permute(0, 1, 4, 2, 3) if view.ndim == 5 else view
            first += shape.numel()
        return found

    def unpack(self, member: int, model: PixelNetwork) -> PixelNetwork:
        """`model`, of the pack's shape, with the weights and running statistics of a member, on the pack's device."""
        model.to(self.flat.device)
        with torch.no_grad():
            for name, weight in zip(self.names, self.weights, strict=True):
                model.network.get_parameter(name).copy_(weight[member])
            for name, norm in self.norms.items():
                alone = model.network.get_submodule(name)
                assert isinstance(alone, nn.BatchNorm2d)
                alone.running_mean.copy_(norm.running_mean[member])  # type: ignore[union-attr]
                alone.running_var.copy_(norm.running_var[member])  # type: ignore[union-attr]
                alone.num_batches_tracked.fill_(self.steps)  # type: ignore[union-attr]
        return model

    def _packed(self, networks: Sequence[nn.Module], views: dict[str, nn.Parameter]) -> fx.GraphModule:
        """The network's graph, each batch norm together with the sum and the ReLU that follow it."""
        traced = fx.symbolic_trace(networks[0])
        modules, graph = dict(traced.named_modules()), traced.graph
        for node in list(graph.nodes):
            if node.op != "call_module":
                continue
            name, alone = str(node.target), modules[str(node.target)]
            if isinstance(alone, nn.Conv2d):
                layer: nn.Module = PackedConv(self, alone, views[f"{name}.weight"])
            elif isinstance(alone, nn.Linear):
                layer = PackedLinear(self, views[f"{name}.weight"], views[f"{name}.bias"])
            elif isinstance(alone, nn.BatchNorm2d):
                norms = [network.get_submodule(name) for network in networks]
                layer = PackedNorm(self, norms, views[f"{name}.weight"], views[f"{name}.bias"])
                self.norms[name] = layer
                _fold(graph, node, layer, modules)
            else:
                continue
            traced.set_submodule(name, layer)
        graph.lint()
        traced.recompile()
        return traced

    def _apply(self, fn, recurse=True):
        raise NotImplementedError("a pack stays where its models were: move these first")


def _fold(graph: fx.Graph, norm: fx.Node, layer: "PackedNorm", modules: dict[str, nn.Module]) -> None:
    """Let `layer` do what comes after it and nothing else sees: the sum with a shortcut, and the ReLU."""

    def is_relu(node: fx.Node) -> bool:
        return node.target is F.relu or (node.op == "call_module" and isinstance(modules[str(node.target)], nn.ReLU))

    last = norm
    follower = next(iter(last.users)) if len(last.users) == 1 else None
    if follower is not None and follower.target is operator.add and follower.args[0] is norm:
        with graph.inserting_before(follower):
            last = graph.call_module(str(norm.target), (*norm.args, follower.args[1]))
        follower.replace_all_uses_with(last)
        graph.erase_node(follower)
        graph.erase_node(norm)
        layer.residual = True
        follower = next(iter(last.users)) if len(last.users) == 1 else None
    if follower is not None and is_relu(follower):
        follower.replace_all_uses_with(last)
        graph.erase_node(follower)
        layer.relu = True


class PackedConv(nn.Module):
    """A convolution without bias; weight (members, out, in, kh, kw), each member's channels_last."""

    def __init__(self, pack: PackedNetwork, alone: nn.Conv2d, weight: nn.Parameter) -> None:
        super().__init__()
        assert isinstance(alone.padding, tuple)
        assert alone.bias is None
        self.members, self.precision, self.weight = pack.members, pack.precision, weight
        self.stride, self.padding = alone.stride[0], alone.padding[0]

    def forward(self, x: Tensor) -> Tensor:
        """Features of every member."""
        if on_card(x):
            return Convolution.apply(x, self.weight, self.members, self.stride, self.padding, self.precision)
        pairs = zip(x.chunk(self.members), self.weight.to(x.dtype).unbind(), strict=True)
        return torch.cat([F.conv2d(part, weight, None, self.stride, self.padding) for part, weight in pairs])


class PackedLinear(nn.Module):
    """A linear layer; weight (members, out, in), bias (members, out)."""

    def __init__(self, pack: PackedNetwork, weight: nn.Parameter, bias: nn.Parameter) -> None:
        super().__init__()
        self.members, self.precision, self.weight, self.bias = pack.members, pack.precision, weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """Features of every member."""
        if on_card(x):  # a convolution of images of one pixel
            pixel = x[:, :, None, None].contiguous(memory_format=torch.channels_last)
            weight = self.weight[:, :, :, None, None]
            found = Convolution.apply(pixel, weight, self.members, 1, 0, self.precision)[:, :, 0, 0]
            each = found.view(self.members, -1, found.shape[1]) + self.bias[:, None].to(x.dtype)
            return each.view_as(found)
        weights, biases = self.weight.to(x.dtype).unbind(), self.bias.to(x.dtype).unbind()
        parts = zip(x.chunk(self.members), weights, biases, strict=True)
        return torch.cat([F.linear(part, weight, bias) for part, weight, bias in parts])


class PackedNorm(nn.Module):
    """A batch norm, and the sum and ReLU after it; weight and bias (members, channels)."""

    def __init__(self, pack: PackedNetwork, alone: Sequence[nn.Module], weight: nn.Parameter, bias: nn.Parameter):
        super().__init__()
        first = alone[0]
        assert isinstance(first, nn.BatchNorm2d)
        assert first.momentum is not None
        self.members, self.weight, self.bias = pack.members, weight, bias
        self.momentum, self.epsilon = first.momentum, first.eps
        self.running_mean = torch.stack([norm.running_mean for norm in alone])  # type: ignore[misc]
        self.running_var = torch.stack([norm.running_var for norm in alone])  # type: ignore[misc]
        self.residual = self.relu = False

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Features of every member; in training their running statistics move."""
        if on_card(x):
            return Normalisation.apply(x, residual, self.weight, self.bias, self)
        each = zip(
            x.chunk(self.members), self.running_mean, self.running_var, self.weight, self.bias, strict=True
        )  # one by one, as alone
        how = self.training, self.momentum, self.epsilon
        y = torch.cat([F.batch_norm(part, mean, var, w, b, *how) for part, mean, var, w, b in each])
        y = y if residual is None else y + residual
        return F.relu(y, inplace=True) if self.relu else y


class Convolution(torch.autograd.Function):
    """`kernels.convolve` with its gradients."""

    @staticmethod
    def forward(ctx, x, weight, members, stride, padding, precision):
        """Features (members * n, out, h, w), channels_last."""
        from softcore.training import kernels

        x, w = _rows(x, members), weight.permute(0, 1, 3, 4, 2).to(x.dtype).contiguous()
        kernel = w.shape[2:4]
        out_size = tuple((x.shape[2 + k] + 2 * padding - kernel[k]) // stride + 1 for k in range(2))
        ctx.save_for_backward(x, w)
        ctx.how = stride, padding, precision
        return _images(kernels.convolve(x, w, out_size, stride, padding, precision))

    @staticmethod
    def backward(ctx, dy):
        """Gradients of the features and of the weights."""
        from softcore.training import kernels

        x, w = ctx.saved_tensors
        dy = _rows(dy, x.shape[0])
        dx = None
        if ctx.needs_input_grad[0]:
            dx = _images(kernels.convolve(dy, w, x.shape[2:4], *ctx.how, transposed=True))
        dw = kernels.weight_gradient(x, dy, w.shape[2:4], *ctx.how)
        return dx, dw.permute(0, 1, 4, 2, 3), None, None, None, None


class Normalisation(torch.autograd.Function):
    """`kernels.normalise` with its gradients."""

    @staticmethod
    def forward(ctx, x, residual, weight, bias, norm):
        """Features, channels_last."""
        from softcore.training import kernels

        size, channels = x.shape, x.shape[1]
        rows = _rows(x, norm.members).view(norm.members, -1, channels)
        added = None if residual is None else _rows(residual, norm.members).view_as(rows)
        if norm.training:
            mean, inverse = kernels.moments(rows, norm.running_mean, norm.running_var, norm.momentum, norm.epsilon)
        else:
            mean, inverse = norm.running_mean, (norm.running_var + norm.epsilon).rsqrt()
        y = kernels.normalise(rows, added, mean, inverse, weight, bias, norm.relu)
        ctx.save_for_backward(rows, y, mean, inverse, weight)
        ctx.relu, ctx.residual, ctx.size = norm.relu, residual is not None, (size[0], *size[2:], channels)
        return y.view(ctx.size).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, dy):
        """Gradients of x, the residual, the weight and the bias."""
        from softcore.training import kernels

        x, y, mean, inverse, weight = ctx.saved_tensors
        dy = _rows(dy, x.shape[0]).view_as(x)
        dx, dresidual, dweight, dbias = kernels.normalise_backward(
            x, y, dy, mean, inverse, weight, ctx.relu, ctx.residual
        )
        dx = dx.view(ctx.size).permute(0, 3, 1, 2)
        dresidual = None if dresidual is None else dresidual.view(ctx.size).permute(0, 3, 1, 2)
        return dx, dresidual, dweight, dbias, None


def _dense(weight: Tensor, leading: int = 0) -> Tensor:
    """A convolution's weight (after `leading` axes) as (out, kh, kw, in), dense; any other as it is."""
    return weight.movedim(leading + 1, -1).contiguous() if weight.ndim == leading + 4 else weight.contiguous()


def _rows(images: Tensor, members: int) -> Tensor:
    """(members * n, c, h, w) as dense (members, n, h, w, c)."""
    dense = images.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    return dense.view(members, -1, *dense.shape[1:])


def _images(rows: Tensor) -> Tensor:
    """The other way."""
    return rows.flatten(0, 1).permute(0, 3, 1, 2)
