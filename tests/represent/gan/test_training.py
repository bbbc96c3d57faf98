"""pix2pix and CycleGAN: their losses written out, learning, resuming, refusing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from crosslight.config import TRANSLATION_PRESETS, TranslationConfig
from crosslight.errors import ConfigError, InputError, ModelError
from crosslight.progress import silent
from crosslight.registry import load
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.represent.gan.crops import sample_crops
from crosslight.represent.training import Budget
from crosslight.types import Image, Pair

TINY = {
    "pix2pix": replace(TRANSLATION_PRESETS["pix2pix-small"], width=8, discriminator_width=4, levels=4, crop_px=32),
    "cyclegan": replace(TRANSLATION_PRESETS["cyclegan-small"], width=4, discriminator_width=4, n_blocks=1, crop_px=32),
}
METHODS = sorted(TINY)


def make_pair(seed: int, side: int = 48) -> Pair:
    coarse = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8), dtype=np.uint8)
    tone, name = np.kron(coarse, np.ones((8, 8), np.uint8)), f"pair{seed}"
    colour = np.stack([tone, tone // 2, 255 - tone], axis=2)
    return Pair(name=name, a=Image(pixels=colour, name=name), b=Image(pixels=(255 - tone)[:, :, None], name=name))


PAIRS = [make_pair(i) for i in range(4)]
INTENSITIES = (measure_intensity((p.a for p in PAIRS), "off"), measure_intensity((p.b for p in PAIRS), "off"))


def start(method: str, config: TranslationConfig | None = None, seed: int = 0):
    kind = load("translation", method)
    return kind(INTENSITIES, config or TINY[method], device=torch.device("cpu"), seed=seed)


def test_the_losses_of_pix2pix_are_those_of_the_paper():
    training = start("pix2pix")
    training.generators.eval()  # no dropout
    a, b = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 1, 32, 32) * 2 - 1
    losses, (fake_a, fake_b) = training.generator_losses(a, b)
    d_a, d_b = training.discriminators["a"], training.discriminators["b"]

    def log_loss(logits: torch.Tensor, real: bool) -> torch.Tensor:
        return -torch.log(torch.sigmoid(logits if real else -logits)).mean()

    wanted = log_loss(d_b(torch.cat([a, fake_b], 1)), True) + log_loss(d_a(torch.cat([b, fake_a], 1)), True)
    torch.testing.assert_close(losses["adversarial"], wanted)
    torch.testing.assert_close(losses["l1"], 100 * ((fake_b - b).abs().mean() + (fake_a - a).abs().mean()))
    found = training.discriminator_losses(a, b, (fake_a, fake_b), np.random.default_rng(0))["discriminators"]
    wanted = sum(
        0.5 * (log_loss(d(torch.cat([x, y], 1)), True) + log_loss(d(torch.cat([x, made], 1)), False))
        for d, x, y, made in ((d_b, a, b, fake_b), (d_a, b, a, fake_a))
    )
    torch.testing.assert_close(found, wanted)


def test_the_losses_of_cyclegan_are_those_of_the_paper():
    config = replace(TINY["cyclegan"], pool=0)
    grey = [Pair(name=p.name, a=p.b, b=p.b) for p in PAIRS]
    intensity = measure_intensity((p.b for p in grey), "off")
    training = load("translation", "cyclegan")((intensity, intensity), config, device=torch.device("cpu"), seed=0)
    a, b = (torch.rand(1, 1, 32, 32) * 2 - 1 for _ in range(2))
    to_b, to_a = training.generators["ab"], training.generators["ba"]
    d_a, d_b = training.discriminators["a"], training.discriminators["b"]
    losses, fakes = training.generator_losses(a, b)
    torch.testing.assert_close(
        losses["adversarial"], ((d_b(to_b(a)) - 1) ** 2).mean() + ((d_a(to_a(b)) - 1) ** 2).mean()
    )
    cycle = functional.l1_loss(to_a(to_b(a)), a) + functional.l1_loss(to_b(to_a(b)), b)
    torch.testing.assert_close(losses["cycle"], 10 * cycle)
    torch.testing.assert_close(
        losses["identity"], 5 * (functional.l1_loss(to_b(b), b) + functional.l1_loss(to_a(a), a))
    )
    found = training.discriminator_losses(a, b, fakes, np.random.default_rng(0))["discriminators"]
    wanted = 0.5 * (((d_a(a) - 1) ** 2).mean() + (d_a(fakes[0]) ** 2).mean())
    wanted = wanted + 0.5 * (((d_b(b) - 1) ** 2).mean() + (d_b(fakes[1]) ** 2).mean())
    torch.testing.assert_close(found, wanted)


def test_pix2pix_learns_a_change_of_tone():
    training = start("pix2pix", replace(TINY["pix2pix"], learning_rate=2e-3, dropout=0.0))
    training.run(PAIRS, Budget(steps=60), progress=silent)
    first, last = (np.mean([r["l1"] for r in part]) for part in (training.records[:5], training.records[-5:]))
    assert last < 0.5 * first


def test_cyclegan_learns_to_return():
    training = start("cyclegan", replace(TINY["cyclegan"], learning_rate=2e-3))
    training.run(PAIRS, Budget(steps=60), progress=silent)
    first, last = (np.mean([r["cycle"] for r in part]) for part in (training.records[:5], training.records[-5:]))
    assert last < 0.7 * first
    assert "identity" not in training.records[0]  # three channels against one


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_training_goes_on_as_if_never_stopped(method, tmp_path):
    whole = start(method)
    whole.run(PAIRS, Budget(steps=6), progress=silent)
    part = start(method)

    def stop(done: float, total: float, label: str) -> None:
        if part.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        part.run(PAIRS, Budget(steps=6), progress=stop)
    part.save(tmp_path / "checkpoint")
    resumed = start(method)
    resumed.restore(tmp_path / "checkpoint")
    resumed.run(PAIRS, Budget(steps=6), progress=silent)
    assert resumed.step == 6
    for name, tensor in whole.generators.state_dict().items():
        torch.testing.assert_close(resumed.generators.state_dict()[name], tensor, rtol=0, atol=0)
    with pytest.raises(ModelError, match="other settings"):
        start(method, seed=1).restore(tmp_path / "checkpoint")


def test_the_rate_is_constant_for_half_and_then_falls_to_zero():
    training = start("pix2pix")
    training.run(PAIRS, Budget(steps=8), progress=silent)
    rates = [r["learning_rate"] / 2e-4 for r in training.records]
    np.testing.assert_allclose(rates, [1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_aligned_crops_show_the_same_place_and_every_pair_comes_once_an_epoch():
    a, b = sample_crops(PAIRS, INTENSITIES, crop_px=32, n_pairs=4, aligned=True, step=3, seed=0)
    np.testing.assert_allclose(b.numpy()[:, 0], a.numpy()[:, 2], atol=1e-6)  # both hold the reversed tone
    assert len({x.numpy().tobytes() for x in a}) == 4
    a, b = sample_crops(PAIRS, INTENSITIES, crop_px=32, n_pairs=4, aligned=False, step=3, seed=0)
    assert not np.allclose(b.numpy()[:, 0], a.numpy()[:, 2])


def test_images_smaller_than_a_crop_and_impossible_settings_are_refused():
    with pytest.raises(InputError, match="smaller crop_px"):
        sample_crops(PAIRS, INTENSITIES, crop_px=64, n_pairs=1, aligned=True, step=0, seed=0)
    with pytest.raises(ConfigError, match="multiple of 64"):
        TranslationConfig(levels=6, crop_px=96)
    with pytest.raises(ConfigError, match="method"):
        TranslationConfig(method="unit")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_papers_presets_take_a_step(method):
    large = [make_pair(0, 256)]
    training = start(method, TRANSLATION_PRESETS[method])
    training.run(large, Budget(steps=1), progress=silent)
    assert all(np.isfinite(v) for v in training.records[0].values())
