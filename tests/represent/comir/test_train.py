"""Training learns, stops, resumes and repeats."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from crosslight.config import FitConfig, NetworkConfig, preset
from crosslight.errors import ConfigError, InputError, ModelError, TrainingDivergedError
from crosslight.progress import silent
from crosslight.represent.comir.augment import sample_batch
from crosslight.represent.comir.infer import run_network
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.represent.comir.loss import contrastive_loss
from crosslight.represent.comir.moves import cell_grid, draw_free_moves, in_cells, invert, read_at, transform
from crosslight.represent.comir.network import build_network
from crosslight.represent.comir.start import load_start
from crosslight.represent.comir.train import Training, learning_rate
from crosslight.represent.training import Budget
from crosslight.types import Image, Pair

SMALL = replace(
    preset("default"),
    start="random",
    network=NetworkConfig(kind="unet", n_channels=2, widths=(8, 12), stride=4),
    optimizer=replace(preset("default").optimizer, n_pairs=4, warmup_steps=2, mine_every=3),
)
STARTED = ("unet", "c4unet", "unet+c4unet")  # kinds of networks that weights are shipped for


def _pairs(n: int = 6) -> list[Pair]:
    """Blurred noise, and its inverse through a tone curve: aligned, and easy to learn."""
    pairs = []
    for i in range(n):
        noise = np.random.default_rng(i).standard_normal((160, 170)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 4)
        tone = np.clip(127 + 900 * smooth, 0, 255).astype(np.uint8)[:, :, None]
        pairs.append(Pair(name=str(i), a=Image(pixels=tone, name=str(i)), b=Image(pixels=255 - tone, name=str(i))))
    return pairs


def _training(config: FitConfig = SMALL, seed: int = 0) -> Training:
    pairs = _pairs()
    intensities = (measure_intensity([p.a for p in pairs], "off"), measure_intensity([p.b for p in pairs], "off"))
    return Training(intensities, config, device=torch.device("cpu"), seed=seed)


def test_training_raises_the_in_batch_accuracy() -> None:
    training = _training()
    training.run(_pairs(), Budget(steps=40), progress=silent)
    accuracies = [r["accuracy"] for r in training.records]
    assert np.mean(accuracies[-8:]) > np.mean(accuracies[:8]) + 0.3


def test_a_resumed_training_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    whole = _training()
    whole.run(_pairs(), Budget(steps=6), progress=silent)
    first = _training()

    def interrupt(done: float, total: float, label: str) -> None:
        if first.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.run(_pairs(), Budget(steps=6), progress=interrupt)
    first.save(tmp_path / "checkpoint")
    second = _training()
    second.restore(tmp_path / "checkpoint")
    assert second.step == 3 and len(second.records) == 3
    second.run(_pairs(), Budget(steps=6), progress=silent)
    assert [r["loss"] for r in second.records] == pytest.approx([r["loss"] for r in whole.records], rel=1e-4)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    training = _training()
    training.run(_pairs(), Budget(steps=1), progress=silent)
    training.save(tmp_path / "checkpoint")
    with pytest.raises(ModelError, match="other settings"):
        _training(seed=1).restore(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "optimizer.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read"):
        _training().restore(tmp_path / "checkpoint")


def test_a_checkpoint_caught_between_its_two_renames_is_found(tmp_path: Path) -> None:
    training = _training()
    training.run(_pairs(), Budget(steps=1), progress=silent)
    training.save(tmp_path / "checkpoint")
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    again = _training()
    again.restore(tmp_path / "checkpoint")
    assert again.step == 1


def test_a_loss_that_is_not_a_number_stops_with_the_step() -> None:
    training = _training()
    with torch.no_grad():
        next(training.networks.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingDivergedError, match="at step 0"):
        training.run(_pairs(), Budget(steps=2), progress=silent)


def test_no_pairs_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no training pair"):
        _training().run([], Budget(steps=1), progress=silent)


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    config = SMALL.optimizer
    assert learning_rate(config, 0, 0.0) < learning_rate(config, 1, 0.0)
    assert learning_rate(config, 99, 1.0) == pytest.approx(0.0)


def test_minutes_end_training_by_time() -> None:
    assert Budget(steps=10, minutes=2).fraction(step=10_000, seconds=60) == 0.5
    assert Budget(steps=10).fraction(step=5, seconds=1e9) == 0.5


def _fresh(kind: str) -> FitConfig:
    config = preset("default")
    return replace(config, network=replace(config.network, kind=kind), optimizer=SMALL.optimizer)


@pytest.mark.parametrize("kind", STARTED)
def test_both_networks_start_from_the_shipped_weights(kind: str) -> None:
    training = _training(_fresh(kind))
    a, b = (network.state_dict() for network in training.networks)
    assert all(torch.equal(a[name], b[name]) for name in a if not name.endswith("stem.0.weight"))


@pytest.mark.parametrize("kind", STARTED)
def test_the_head_start_knows_an_image_from_its_inverse_before_any_training(kind: str) -> None:
    training, pairs = _training(_fresh(kind)), _pairs(2)
    training.networks.eval()

    def represent(side: int, image: Image) -> np.ndarray:
        values = run_network(training.networks[side], training.intensities[side], image, training.device)
        return (values - values.mean(axis=(1, 2), keepdims=True)).ravel()

    first, second = (represent(0, pair.a) for pair in pairs)
    inverse = represent(1, pairs[0].b)
    same, other = np.corrcoef(first, inverse)[0, 1], np.corrcoef(second, inverse)[0, 1]
    assert same > 0.9 and same > other + 0.3, (same, other)


@pytest.mark.parametrize("kind", STARTED)
def test_the_shipped_weights_serve_any_number_of_output_channels(kind: str) -> None:
    config = NetworkConfig(kind=kind, n_channels=2)
    network = build_network(3, config)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    assert not load_start(network, config, 3)
    reference = build_network(3, NetworkConfig(kind=kind))
    assert load_start(reference, NetworkConfig(kind=kind), 3)
    for name, values in network.state_dict().items():
        kept = "output." in name or name == "axes"
        assert torch.equal(values, before[name] if kept else reference.state_dict()[name])


def test_the_members_of_an_ensemble_each_learn_for_themselves() -> None:
    config = replace(SMALL, network=replace(SMALL.network, kind="unet+c4unet"))
    both = _training(config)
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    moves = draw_free_moves(3, 128, 32, rng)
    crops = sample_batch(_pairs(3), moves, both.intensities, config.augment, rng)
    with torch.no_grad():
        each_a, each_b = (both._represent(side, x, generator) for side, x in enumerate(crops))
    loss, accuracy = both._compare(each_a, each_b, in_cells(moves, 4))
    alone = [contrastive_loss(a, b, in_cells(moves, 4), SMALL.loss) for a, b in zip(each_a, each_b, strict=True)]
    assert [z.shape for z in each_a] == [(3, 2, 32, 32)] * 2
    assert float(loss) == pytest.approx(float(alone[0][0] + alone[1][0]) / 2)
    assert accuracy == pytest.approx((alone[0][1] + alone[1][1]) / 2)


def test_a_kind_of_network_without_a_start_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match=r'no shipped start for a denseunet; set start = "random"'):
        _training(_fresh("denseunet"))


def test_the_shipped_weights_refuse_another_network() -> None:
    with pytest.raises(ConfigError, match="fits only the default widths"):
        _training(replace(SMALL, start="shipped"))


@pytest.mark.parametrize("kind", STARTED)
def test_what_the_head_start_sees_turns_with_the_image(kind: str) -> None:
    training, pair = _training(_fresh(kind)), _pairs(1)[0]
    training.networks.eval()
    outlined = np.where(pair.a.pixels > 127, np.uint8(200), np.uint8(60))
    pair = Pair(name="p", a=Image(pixels=outlined, name="p"), b=Image(pixels=255 - outlined, name="p"))
    moves = draw_free_moves(8, 128, 0, np.random.default_rng(0))
    crops = sample_batch([pair], moves, training.intensities, SMALL.augment, np.random.default_rng(1))
    with torch.no_grad():
        each_a, each_b = (
            training._represent(side, x, torch.Generator().manual_seed(0)) for side, x in enumerate(crops)
        )
    middle = cell_grid(16, 16, training.device) + 8
    for z_a, z_b in zip(each_a, each_b, strict=True):
        turned = read_at(z_b, transform(invert(in_cells(moves, 4)), middle), 16, 16)
        for one, other in zip(z_a[:, :, 8:24, 8:24], turned, strict=True):
            one, other = (z - z.mean(dim=(1, 2), keepdim=True) for z in (one, other))
            assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.93


def test_the_papers_preset_takes_a_step() -> None:
    config = preset("paper")
    training = _training(replace(config, optimizer=replace(config.optimizer, n_pairs=2)))
    training.run(_pairs(2), Budget(steps=1), progress=silent)
    assert np.isfinite(training.records[0]["loss"])


@pytest.mark.parametrize(("start", "moves"), [("shipped", False), ("random", True)])
def test_batch_norm_learns_its_statistics_only_where_the_start_has_none(start: str, moves: bool) -> None:
    optimizer = replace(SMALL.optimizer, n_pairs=2)
    training = _training(replace(preset("default"), start=start, optimizer=optimizer))
    name = "0.down.0.1.running_mean"
    before = training.networks.state_dict()[name].clone()
    training.run(_pairs(2), Budget(steps=2), progress=silent)
    assert torch.equal(training.networks.state_dict()[name], before) is not moves
