"""The networks by name: any image size, any channels, any number of classes."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from softcore.errors import unknown_name


class PixelNetwork(nn.Module):
    """A network that takes pixels in 0..1 and standardises each channel itself, so that attacks work on pixels."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits."""
        return self.network((images - self.mean) / self.std)


def conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True))


def cnn(channels: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """Three conv-BN-ReLU-pool blocks of 32, 64 and 128 channels and a hidden layer of 256.

    It overfits 7,000 images within 15 epochs, as the thesis's models do, and so shows what labels do on a CPU.
    """
    layers: list[nn.Module] = []
    height, width = size
    for inner, outer in ((channels, 32), (32, 64), (64, 128)):
        layers += [conv_block(inner, outer), nn.MaxPool2d(2, ceil_mode=True)]
        height, width = -(-height // 2), -(-width // 2)
    hidden = nn.Linear(128 * height * width, 256)
    return nn.Sequential(*layers, nn.Flatten(), hidden, nn.ReLU(inplace=True), nn.Linear(256, classes))


class PaddedBlock(nn.Module):
    """Two 3x3 convolutions; the shortcut subsamples and pads new channels with zeros (He et al. 2016, option A)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.stride, self.new_channels = stride, channels_out - channels_in

    def forward(self, x: Tensor) -> Tensor:
        """Features of the next block."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        if self.stride > 1 or self.new_channels:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(out + x, inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with four times the width at the end and a projected shortcut."""

    def __init__(self, channels_in: int, width: int, stride: int) -> None:
        super().__init__()
        channels_out = 4 * width
        self.reduce = conv_1x1(channels_in, width)
        self.middle = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.middle_bn = nn.BatchNorm2d(width)
        self.expand = conv_1x1(width, channels_out)
        same = stride == 1 and channels_in == channels_out
        self.shortcut = nn.Identity() if same else conv_1x1(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the next block."""
        out = F.relu(self.reduce(x), inplace=True)
        out = F.relu(self.middle_bn(self.middle(out)), inplace=True)
        return F.relu(self.expand(out) + self.shortcut(x), inplace=True)


class PreActivationBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions; nothing comes after the sum.

    Where the shape changes, the shortcut is a 1x1 convolution of what the first ReLU gives (He et al. 2016, section 4).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        same = stride == 1 and channels_in == channels_out
        self.shortcut = None if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the next block."""
        active = F.relu(self.bn1(x), inplace=True)
        out = self.conv2(F.relu(self.bn2(self.conv1(active)), inplace=True))
        return out + (x if self.shortcut is None else self.shortcut(active))


def conv_1x1(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """1x1 convolution and batch norm."""
    conv = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out))


def resnet34a(channels: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """ResNet-34A of Uma et al. 2020: three stages of 16, 32 and 64 channels, seven option-A blocks each."""
    blocks: list[nn.Module] = [conv_block(channels, 16)]
    for inner, outer in ((16, 16), (16, 32), (32, 64)):
        stride = 1 if inner == outer else 2
        blocks += [PaddedBlock(inner, outer, stride), *(PaddedBlock(outer, outer, 1) for _ in range(6))]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def resnet50(channels: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """ResNet-50 (He et al. 2015) with a 3x3 stem and no first pool, for small images."""
    blocks: list[nn.Module] = [conv_block(channels, 64)]
    inner = 64
    for width, depth, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for index in range(depth):
            blocks.append(Bottleneck(inner, width, stride if index == 0 else 1))
            inner = 4 * width
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, classes))


def preact_resnet(depths: tuple[int, ...]) -> Callable[[int, int, tuple[int, int]], nn.Module]:
    """A pre-activation ResNet of basic blocks with a 3x3 stem and no first pool, for small images.

    Four stages of 64, 128, 256 and 512 channels, `depths` blocks each; a last batch norm and ReLU before the pool, as
    published (He et al. 2016, doi:10.1007/978-3-319-46493-0_38). The code released with mixup has one after the stem
    instead, and its shortcuts always start after the first ReLU.
    """

    def build(channels: int, classes: int, size: tuple[int, int]) -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(channels, 64, 3, 1, 1, bias=False)]
        inner = 64
        for width, depth, stride in zip((64, 128, 256, 512), depths, (1, 2, 2, 2), strict=True):
            for index in range(depth):
                layers.append(PreActivationBlock(inner, width, stride if index == 0 else 1))
                inner = width
        layers += [nn.BatchNorm2d(inner), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, classes))

    return build


def vgg11(channels: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """VGG-11 (Simonyan & Zisserman 2014) with batch norm and one linear layer, for small images."""
    layers: list[nn.Module] = []
    inner = channels
    for outers in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for outer in outers:
            layers.append(conv_block(inner, outer))
            inner = outer
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


MODELS: dict[str, Callable[[int, int, tuple[int, int]], nn.Module]] = {
    "cnn": cnn,
    "resnet34a": resnet34a,
    "resnet50": resnet50,
    "vgg11": vgg11,
    "preact-resnet18": preact_resnet((2, 2, 2, 2)),
    "preact-resnet34": preact_resnet((3, 4, 6, 3)),
}
LEARNING_RATES = {"resnet50": 0.4}  # section 3.3; every other model starts at 0.1
DEFAULT_LEARNING_RATE = 0.1


def channel_statistics(images: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel (at least 0.001) over `images` (0..1), in float32."""
    every = images.double()
    return every.mean((0, 2, 3)).float(), every.std((0, 2, 3)).float().clamp_min(1e-3)


def make_model(
    name: str,
    images: Float[Tensor, "n c h w"],
    classes: int,
    seed: int,
    statistics: tuple[Tensor, Tensor] | None = None,
) -> PixelNetwork:
    """The named network in channels_last, its weights drawn from `seed` alone, standardising by `images` (0..1).

    `statistics` are those of `images` where they are known. PyTorch's initialisers draw from the global generator: it
    is set for the time of the call and put back. Raises RequestError for an unknown name.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    mean, std = statistics or channel_statistics(images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MODELS[name](images.shape[1], classes, (images.shape[2], images.shape[3]))
    return PixelNetwork(network, mean, std).to(memory_format=torch.channels_last)
