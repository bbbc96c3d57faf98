"""The default network against the paper's DenseUNet: one training step and inference, in one run; and the loss.

Give `--device cuda` for the figures of a GPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from crosslight.config import FitConfig, LossConfig, preset
from crosslight.progress import silent
from crosslight.represent.comir.device import choose_device
from crosslight.represent.comir.infer import run_network
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.represent.comir.loss import contrastive_loss
from crosslight.represent.comir.train import Training
from crosslight.represent.training import Budget
from crosslight.types import Image, Pair


def random_pair(side_px: int, seed: int) -> Pair:
    """Return two unrelated images: speed does not depend on what they show."""
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 256, (side_px, side_px, c), dtype=np.uint8) for c in (3, 1))
    return Pair(name=str(seed), a=Image(pixels=a, name=str(seed)), b=Image(pixels=b, name=str(seed)))


def seconds(work: Callable[[], object], n_runs: int = 3) -> float:
    """Return the median time of a call, after one that does not count."""
    work()
    times = []
    for _ in range(n_runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measure(config: FitConfig, pairs: list[Pair], device: torch.device) -> tuple[float, float]:
    """Return seconds of training per pair, and megapixels of inference per second."""
    intensities = (measure_intensity([p.a for p in pairs], "off"), measure_intensity([p.b for p in pairs], "off"))
    training = Training(intensities, config, device=device, seed=0)
    step_s = seconds(lambda: training.run(pairs, Budget(steps=training.step + 1), progress=silent))
    network = training.networks[0].eval()
    image = random_pair(896, 99).a
    infer_s = seconds(lambda: run_network(network, intensities[0], image, device))
    return step_s / config.optimizer.n_pairs, 896**2 / 1e6 / infer_s


def slow_loss(z: torch.Tensor, temperature: float) -> float:
    """Return InfoNCE with the MSE critic by a double loop over all 2N representations."""
    n, total = len(z), 0.0
    for i in range(n):
        s = [-float(((z[i] - z[k]) ** 2).mean()) / temperature for k in range(n)]
        others = torch.tensor([s[k] for k in range(n) if k != i])
        total += float(torch.logsumexp(others, 0)) - s[(i + n // 2) % n]
    return total / n


def main() -> None:
    """Print both networks' figures and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    device = choose_device(parser.parse_args().device)
    pairs = [random_pair(400, i) for i in range(24)]
    step, rate = measure(preset("default"), pairs, device)
    paper_step, paper_rate = measure(preset("paper"), pairs, device)
    print(f"training step per pair: default {step:.4f} s, DenseUNet {paper_step:.4f} s, ratio {paper_step / step:.1f}")
    print(f"inference: default {rate:.2f} Mpx/s, DenseUNet {paper_rate:.2f} Mpx/s, ratio {rate / paper_rate:.1f}")
    z = torch.randn((48, 1, 128, 128), generator=torch.Generator().manual_seed(0))
    config = LossConfig(critic="mse", temperature=0.5)
    still = torch.eye(2, 3).repeat(24, 1, 1)
    start = time.perf_counter()
    slow = slow_loss(z, 0.5)
    slow_s = time.perf_counter() - start
    fast_s = seconds(lambda: contrastive_loss(z[:24], z[24:], still, config))
    fast = float(contrastive_loss(z[:24], z[24:], still, config)[0])
    print(f"loss of 24 pairs: {fast:.6f} in {fast_s * 1e3:.1f} ms; by double loop {slow:.6f} in {slow_s * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
