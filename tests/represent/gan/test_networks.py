"""Generators and discriminator: the published shapes, and what they look at."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crosslight.config import TRANSLATION_PRESETS
from crosslight.represent.gan.networks import PatchDiscriminator, build_generator, initialise
from crosslight.represent.gan.pool import ImagePool

PIX2PIX, CYCLEGAN = (TRANSLATION_PRESETS[name] for name in ("pix2pix", "cyclegan"))


def n_weights(network: torch.nn.Module) -> int:
    """Weights of convolutions, without biases and norms."""
    return sum(p.numel() for p in network.parameters() if p.ndim == 4)


def test_generators_of_the_papers_have_the_published_numbers_of_weights():
    with torch.device("meta"):
        unet, resnet = build_generator(3, 3, PIX2PIX), build_generator(3, 3, CYCLEGAN)
    assert n_weights(unet) == sum(
        16 * i * o for i, o in [(3, 64), (64, 128), (128, 256), (256, 512)] + [(512, 512)] * 4
    ) + sum(16 * i * o for i, o in [(512, 512)] + [(1024, 512)] * 3 + [(1024, 256), (512, 128), (256, 64), (128, 3)])
    assert n_weights(resnet) == 49 * 3 * 64 * 2 + 2 * 9 * (64 * 128 + 128 * 256) + 18 * 9 * 256 * 256
    assert len(unet.down) == 8


@pytest.mark.parametrize("name", ["pix2pix-small", "cyclegan-small"])
def test_a_translation_has_the_size_of_its_input_and_lies_within_one(name):
    network = build_generator(3, 1, replace(TRANSLATION_PRESETS[name], width=4, n_blocks=1))
    initialise(network, torch.Generator().manual_seed(0))
    for side in (network.multiple_px, 2 * network.multiple_px):
        if side < 16:
            side = 16
        y = network(torch.rand(2, 3, side, side) * 2 - 1)
        assert y.shape == (2, 1, side, side)
        assert float(y.detach().abs().max()) <= 1


def test_one_output_of_the_discriminator_sees_70_pixels():
    network = PatchDiscriminator(1, 4, affine=False).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            module.forward = lambda x: x  # a norm looks at everything
    x = torch.rand(1, 1, 256, 256, requires_grad=True)
    y = network(x)
    assert y.shape[2:] == (30, 30)
    y[0, 0, 15, 15].backward()
    seen = x.grad[0, 0].abs() > 0
    rows, cols = (torch.nonzero(seen.any(dim=d)).ravel() for d in (1, 0))
    assert int(rows[-1] - rows[0]) + 1 == 70
    assert int(cols[-1] - cols[0]) + 1 == 70


def test_weights_are_drawn_from_the_published_distribution():
    network = build_generator(3, 3, TRANSLATION_PRESETS["pix2pix-small"])
    initialise(network, torch.Generator().manual_seed(0))
    convolutions = torch.cat([p.detach().ravel() for p in network.parameters() if p.ndim == 4])
    assert float(convolutions.std()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(convolutions.mean())) < 1e-3


def test_the_pool_returns_new_images_until_it_is_full_then_old_ones_half_of_the_time():
    pool, rng = ImagePool(5), np.random.default_rng(0)
    batches = [torch.full((1, 1, 2, 2), float(i)) for i in range(105)]
    returned = [float(pool.exchange(b, rng)[0, 0, 0, 0]) for b in batches]
    assert returned[:5] == [0, 1, 2, 3, 4]
    old = [r < i for i, r in enumerate(returned)][5:]
    assert 30 <= sum(old) <= 70
    assert len(pool.images) == 5
    assert float(ImagePool(0).exchange(batches[3], rng)[0, 0, 0, 0]) == 3
