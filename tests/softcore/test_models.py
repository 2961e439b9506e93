"""The networks by name. That each takes any size, channels and classes is in tests/contracts/test_plugins.py."""

import pytest
import torch

from softcore.errors import RequestError
from softcore.models import MODELS, Normalised, PaddedBlock, make_model

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
    assert isinstance(model, Normalised)
    assert model.network[2][0].weight.is_contiguous(memory_format=torch.channels_last)


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match="unknown model 'vgg19'; known: cnn, resnet34a, resnet50, vgg11"):
        make_model("vgg19", IMAGES, 4, seed=0)
