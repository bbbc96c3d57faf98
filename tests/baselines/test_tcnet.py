"""TC-Net: its losses against plain loops, its network, and that it learns to match pairs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from crosslight.baselines.densenet import DenseNet
from crosslight.baselines.tcnet import TcNet, TcNetConfig
from crosslight.baselines.tcnet_loss import Classifications, spherical_loss, triplet_loss
from crosslight.errors import ConfigError, InputError, ModelError
from crosslight.types import Image, Pair

TINY = TcNetConfig(blocks=(2, 2), growth=8, stem=8, image_px=32, n_pairs=6, steps=40, learning_rate=3e-3)


def blocks(seed: int, side: int = 64) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
    return np.kron(coarse, np.ones((side // 4, side // 4), np.uint8))


def make_pair(seed: int) -> Pair:
    """A colour image, and its inverse in grey."""
    tone, name = blocks(seed), f"pair{seed}"
    return Pair(
        name=name,
        a=Image(pixels=np.stack([tone, tone // 2, 255 - tone // 3], axis=2), name=name),
        b=Image(pixels=(255 - tone)[:, :, None], name=name),
    )


def test_triplet_loss_equals_a_loop_over_all_triplets():
    a, o = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0)).unbind()
    hinges = [
        max(0.0, 0.3 + float((a[i] - o[i]).square().sum() - (a[i] - o[j]).square().sum()))
        for i in range(5)
        for j in range(5)
        if i != j
    ]
    assert float(triplet_loss(a, o, 0.3)) == pytest.approx(np.mean(hinges), rel=1e-4)


def test_spherical_loss_equals_its_definition():
    generator = torch.Generator().manual_seed(1)
    x, w = torch.randn(6, 4, generator=generator), torch.randn(3, 4, generator=generator)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    total = 0.0
    for row, label in zip(x, labels.tolist(), strict=True):
        norm = float(row.norm())
        angles = [math.acos(float(row @ k / (row.norm() * k.norm()))) for k in w]
        logits = [norm * math.cos(t) for t in angles]
        q = int(angles[label] // (math.pi / 4))
        psi = (-1) ** q * math.cos(4 * angles[label]) - 2 * q
        logits[label] = norm * (psi + 5 * math.cos(angles[label])) / 6
        total += math.log(sum(math.exp(v) for v in logits)) - logits[label]
    assert float(spherical_loss(x, w, labels, 5.0)) == pytest.approx(total / 6, rel=1e-4)


def test_centre_loss_is_half_the_squared_distance_to_the_class():
    heads = Classifications(3, 2)
    heads.centres.data = torch.tensor([[0.0, 0, 0], [1, 1, 1]])
    centre = heads(torch.tensor([[2.0, 0, 0], [1, 1, 1]]), torch.tensor([0, 1]), 5.0)[2]
    assert float(centre.detach()) == pytest.approx(1.0)


def test_densenet_169_has_the_published_shape_and_names():
    with torch.device("meta"):
        network = DenseNet((6, 12, 32, 32), 32, 64)
    assert network.n_features == 1664
    assert sum(p.numel() for p in network.parameters()) == 12_484_480  # 14,149,480 less the last layer's 1,665,000
    names = network.state_dict()
    assert "features.denseblock4.denselayer32.conv2.weight" in names
    assert "features.transition3.conv.weight" in names


def test_it_learns_to_match_pairs_whose_tones_are_reversed():
    pairs = [make_pair(seed) for seed in range(6)]
    method = TcNet(TINY, seed=0)
    method.fit(pairs, query="B")
    method.index([p.a for p in pairs], modality="A")
    ranks = [[name for name, _ in method.search(p.b, modality="B")].index(p.name) + 1 for p in pairs]
    assert np.mean([rank == 1 for rank in ranks]) >= 0.5  # chance: one in six


def test_the_anchors_modality_and_the_seed_matter_and_are_reproducible():
    pairs = [make_pair(seed) for seed in range(4)]
    found = []
    for query, seed in (("A", 0), ("A", 0), ("B", 0), ("A", 1)):
        method = TcNet(replace(TINY, steps=2), seed=seed)
        method.fit(pairs, query=query)
        method.index([p.a for p in pairs], modality="A")
        found.append(method.search(pairs[0].b, modality="B"))
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert found[0] != found[3]


def test_a_stopped_training_goes_on_and_a_finished_one_is_not_repeated(tmp_path):
    pairs, checkpoint = [make_pair(seed) for seed in range(4)], tmp_path / "checkpoint"
    config = replace(TINY, steps=6)
    whole = TcNet(config)
    whole.fit(pairs, query="A")

    def stop(done: float, total: float, label: str) -> None:
        if done >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TcNet(config).fit(pairs, query="A", checkpoint=checkpoint, progress=stop)
    for n_steps in (3, 0):
        steps = []
        resumed = TcNet(config)
        resumed.fit(pairs, query="A", checkpoint=checkpoint, progress=lambda *said, steps=steps: steps.append(said))
        assert len(steps) == n_steps
        for name, tensor in whole._network.state_dict().items():
            torch.testing.assert_close(resumed._network.state_dict()[name], tensor, rtol=0, atol=0)
    with pytest.raises(ModelError, match="other settings"):
        TcNet(config).fit(pairs, query="B", checkpoint=checkpoint)


def test_weights_that_do_not_fit_and_too_few_pairs_are_refused(tmp_path):
    save_file({"features.conv0.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="does not hold the weights"):
        TcNet(replace(TINY, weights=str(tmp_path / "w.safetensors"))).fit([make_pair(0), make_pair(1)], query="A")
    with pytest.raises(InputError, match="at least two"):
        TcNet(TINY).fit([make_pair(0)], query="A")
    with pytest.raises(ConfigError, match="smallest_crop"):
        replace(TINY, smallest_crop=0)


def test_training_starts_from_weights_in_torchvisions_layout(tmp_path, monkeypatch):
    """One step at a rate of zero leaves them as they are; the classifier in the file is passed over."""
    torch.manual_seed(5)
    weights = DenseNet(TINY.blocks, TINY.growth, TINY.stem).state_dict()
    save_file({**weights, "classifier.weight": torch.zeros(2, 2)}, tmp_path / "densenet169.safetensors")
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path))
    for source in ("fetched", str(tmp_path / "densenet169.safetensors")):
        method = TcNet(replace(TINY, weights=source, steps=1, learning_rate=0.0))
        method.fit([make_pair(0), make_pair(1)], query="A")
        for name, tensor in method._network.state_dict().items():
            if "conv" in name:
                torch.testing.assert_close(tensor, weights[name])


def test_without_fetched_weights_the_message_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="crosslight fetch densenet169"):
        TcNet(replace(TINY, weights="fetched")).fit([make_pair(0), make_pair(1)], query="A")


@pytest.mark.slow
def test_the_papers_preset_takes_a_step():
    method = TcNet(replace(TcNet.presets["paper"], steps=1, n_pairs=2, weights=""))
    method.fit([make_pair(0), make_pair(1)], query="A")
    method.index([make_pair(0).b], modality="B")
    assert len(method.search(make_pair(0).a, modality="A")) == 1
