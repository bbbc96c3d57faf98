"""Train the weights that are shipped as a start: `python tools/make_start.py --minutes 30 --out start.safetensors`.

One network sees both pictures of each synthetic scene. Needs nothing but the Earth images in the package.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from multiprocessing.queues import Queue
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from crosslight.config import preset
from crosslight.represent.comir.augment import turn_back
from crosslight.represent.comir.device import choose_device, low_precision
from crosslight.represent.comir.loss import contrastive_loss
from crosslight.represent.comir.network import build_network
from crosslight.represent.comir.synthetic import Scenery, synthetic_batch
from crosslight.types import Float32

N_PAIRS, RATE, WARMUP_STEPS = 24, 3e-3, 50
SIZE_PX, MARGIN_PX = 128, 16


def feed(queue: Queue[tuple[Float32, Float32]], images: Path, seed: int) -> None:
    """Fill the queue with synthetic batches, in a process of its own."""
    cv2.setNumThreads(1)
    photographs = [np.asarray(cv2.imread(str(images / name))) for name in ("A.jpg", "B.jpg")]
    rng = np.random.default_rng(seed)
    while True:
        queue.put(synthetic_batch(Scenery(photographs=photographs, size_px=SIZE_PX + MARGIN_PX), N_PAIRS, rng))


def represent(network: nn.Module, views: Float32, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Turn each view by its own quarters, run the network, turn back."""
    quarters = rng.integers(4, size=len(views))
    turned = np.stack([np.rot90(view, k) for view, k in zip(views, quarters, strict=True)])
    x = torch.from_numpy(turned).permute(0, 3, 1, 2)
    x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True).clamp(min=0.05)
    with low_precision(device):
        z = network(x.to(device))
    return turn_back(z.float(), torch.from_numpy(quarters).to(device))


def cut(views: Float32, start_px: NDArray[np.int64]) -> Float32:
    """Cut training crops out of views that are `MARGIN_PX` larger."""
    row, col = start_px
    return views[:, row : row + SIZE_PX, col : col + SIZE_PX]


def overlap(z: Tensor, shift: NDArray[np.int64]) -> Tensor:
    """Return the part of the outputs that the other crops show too."""
    rows, cols = (slice(max(0, int(s)), z.shape[-1] + min(0, int(s))) for s in shift)
    return z[:, :, rows, cols]


def main() -> None:
    """Train for the time given and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--out", type=Path, default=Path("start.safetensors"))
    parser.add_argument("--images", type=Path, default=Path("src/crosslight/demo"))
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    config, device = preset("default"), choose_device(options.device)
    torch.manual_seed(0)
    network = build_network(1, config.network).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    context = multiprocessing.get_context("spawn")
    queue: Queue[tuple[Float32, Float32]] = context.Queue(6)
    context.Process(target=feed, args=(queue, options.images, 1), daemon=True).start()
    rng, start, step = np.random.default_rng(0), time.monotonic(), 0
    while (fraction := (time.monotonic() - start) / 60 / options.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARMUP_STEPS) * 0.5 * (1 + math.cos(math.pi * fraction))
        views = queue.get()
        starts = rng.integers(0, MARGIN_PX // network.stride + 1, (2, 2))
        crops = [cut(v, s * network.stride) for v, s in zip(views, starts, strict=True)]
        shift = starts[1] - starts[0]
        z_a = overlap(represent(network, crops[0], rng, device), shift)
        z_b = overlap(represent(network, crops[1], rng, device), -shift)
        loss, accuracy = contrastive_loss(z_a, z_b, config.loss)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step}, {fraction:.0%}: loss {float(loss.detach()):.3f}, accuracy {accuracy:.2f}", flush=True)
    weights = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_file({k: v.cpu().contiguous() for k, v in weights.items()}, options.out)


if __name__ == "__main__":
    main()
