"""The networks by name. That each takes any size, channels and classes is in tests/contracts/test_plugins.py."""

import pytest
import torch

from softcore.errors import RequestError
from softcore.training.models import MODELS, PaddedBlock, PixelNetwork, PreActivationBlock, make_model

IMAGES = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def parameters(name):
    return sum(p.numel() for p in MODELS[name](3, 10, (32, 32)).parameters())


def test_resnet34a_has_the_thesiss_size():
    # Stem 3x16x9 = 432. Stage one: 14 convolutions of 16x16x9 = 32,256. Stage two: 16x32x9 + 13 of 32x32x9 = 124,416.
    # Stage three: 32x64x9 + 13 of 64x64x9 = 497,664. Batch norms: 2 x (15x16 + 14x32 + 14x64) = 3,168. Linear: 650.
    assert parameters("resnet34a") == 432 + 32_256 + 124_416 + 497_664 + 3_168 + 650


def test_resnet50_has_the_published_size():
    # 23,508,032 without its classifier (torchvision's has 25,557,032 with 1,000 classes), the 7x7 stem made 3x3
    # (9,408 - 1,728 fewer), and 10 classes: 2,048 x 10 + 10.
    assert parameters("resnet50") == 23_508_032 - (9_408 - 1_728) + 20_490


def test_preact_resnet18_has_the_size_of_its_parts():
    # Stem 3x64x9 = 1,728. Two blocks a stage, 3x3 convolutions by 9: stage one 4 x 64x64x9 = 147,456; stage two
    # (64 + 3 x 128) x 128 x 9 = 516,096 and a shortcut 64x128 = 8,192; stage three 4 and stage four 16 times as much:
    # 2,064,384 + 32,768 and 8,257,536 + 131,072. Batch norms, two numbers a channel: 4x64, 64 + 3x128, 128 + 3x256,
    # 256 + 3x512, and the last 512: 2 x 3,904. Linear 512x10 + 10.
    convolutions = 1_728 + 147_456 + 516_096 + 8_192 + 2_064_384 + 32_768 + 8_257_536 + 131_072
    assert parameters("preact-resnet18") == convolutions + 7_808 + 5_130 == 11_172_170


def test_preact_resnet34_has_the_size_of_its_parts():
    # 3, 4, 6 and 3 blocks: 6 x 64x64x9 = 221,184; (64 + 7 x 128) x 128 x 9 = 1,105,920; (128 + 11 x 256) x 256 x 9 =
    # 6,782,976; (256 + 5 x 512) x 512 x 9 = 12,976,128; stem and shortcuts as above. Batch norms: 6x64 + 64 + 7x128 +
    # 128 + 11x256 + 256 + 5x512 + 512 = 7,616 channels.
    convolutions = 1_728 + 221_184 + 1_105_920 + 8_192 + 6_782_976 + 32_768 + 12_976_128 + 131_072
    assert parameters("preact-resnet34") == convolutions + 15_232 + 5_130 == 21_280_330


def test_a_pre_activation_block_adds_nothing_to_its_input_but_its_last_convolution():
    block = PreActivationBlock(3, 3, stride=1).eval()
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(block(x), x)  # negative ones too: no ReLU after the sum


def test_a_pre_activation_shortcut_that_changes_shape_starts_after_the_first_relu():
    block = PreActivationBlock(2, 4, stride=2).eval()
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(1, 2, 4, 4)
    active = torch.relu(x / (1 + 1e-5) ** 0.5)  # a fresh batch norm divides by the root of 1 + 0.00001
    torch.testing.assert_close(block(x), torch.nn.functional.conv2d(active, block.shortcut.weight, stride=2))


def test_vgg11_has_eight_convolutions_and_one_linear_layer():
    kinds = [type(m).__name__ for m in MODELS["vgg11"](3, 10, (32, 32)).modules()]
    assert (kinds.count("Conv2d"), kinds.count("Linear"), kinds.count("BatchNorm2d")) == (8, 1, 8)


def test_the_cnn_is_three_blocks_and_a_hidden_layer_of_256():
    # 32x32 pooled three times is 4x4: 128 x 16 = 2,048 inputs of the hidden layer.
    weights = [tuple(p.shape) for p in MODELS["cnn"](3, 10, (32, 32)).parameters() if p.ndim > 1]
    assert weights == [(32, 3, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (256, 2048), (10, 256)]


def test_a_shortcut_that_widens_adds_channels_of_zeros():
    block = PaddedBlock(2, 4, stride=2).eval()
    for conv in (block.conv1, block.conv2):
        torch.nn.init.zeros_(conv.weight)
    x = torch.rand(1, 2, 4, 4)
    out = block(x)
    assert torch.equal(out[:, :2], x[:, :, ::2, ::2])
    assert not out[:, 2:].any()


def test_weights_come_from_the_seed_alone():
    torch.manual_seed(1)
    one = make_model("cnn", IMAGES, 4, seed=7).state_dict()
    torch.manual_seed(2)
    torch.rand(100)
    again, other = make_model("cnn", IMAGES, 4, seed=7).state_dict(), make_model("cnn", IMAGES, 4, seed=8).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["network.0.0.weight"], other["network.0.0.weight"])


def test_making_a_model_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    make_model("cnn", IMAGES, 4, seed=7)
    assert torch.equal(torch.rand(4), expected)


def test_a_model_standardises_each_channel_by_its_own_training_images():
    model = make_model("cnn", IMAGES, 4, seed=0)
    seen = []
    model.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model(IMAGES)
    torch.testing.assert_close(seen[0].mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0].std((0, 2, 3)), torch.ones(3))


def test_a_channel_that_never_varies_does_no_harm():
    model = make_model("cnn", torch.zeros(4, 1, 8, 8), 3, seed=0).eval()
    assert torch.isfinite(model(torch.zeros(4, 1, 8, 8))).all()


def test_weights_are_held_in_channels_last():
    model = make_model("cnn", IMAGES, 4, seed=0)
    assert isinstance(model, PixelNetwork)
    assert model.network[2][0].weight.is_contiguous(memory_format=torch.channels_last)


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(
        RequestError, match="unknown model 'vgg19'; known: cnn, preact-resnet18, preact-resnet34, resnet34a, "
    ):
        make_model("vgg19", IMAGES, 4, seed=0)
