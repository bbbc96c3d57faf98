"""Train weights to ship as a start: `python tools/make_start.py --minutes 60 --kind unet --out start_unet.safetensors`.

One network sees both pictures of each synthetic scene. The photographs are the Earth images in the package, without the
longitudes that the demonstration and the tests ask for, and those images of scikit-image that are free of conditions.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crosslight.config import preset
from crosslight.represent.comir.device import choose_device, low_precision
from crosslight.represent.comir.loss import contrastive_loss
from crosslight.represent.comir.moves import cell_grid, draw_free_moves, in_cells, move_matrix, read_at, transform
from crosslight.represent.comir.network import build_network
from crosslight.represent.comir.optimizer import build_optimizer
from crosslight.represent.comir.synthetic import Scenery, synthetic_batch
from crosslight.represent.comir.train import learning_rate
from crosslight.types import Float64

WARMUP_STEPS, FREEZE_NORM, FREEZE_GIVEN_NORM = 100, 0.6, 0.02
SIZE_PX, MARGIN_PX = 128, 32
POOL, POOL_MIN, CHUNK = 20_000, 600, 24  # scenes kept, needed before the first step, made at once
SHOWN_LARGER = 2.0  # up to; models show images to their networks larger than they are
ASKED_LONGITUDES = (30, 130)  # degrees east, not shown here: the demonstration asks for these places
PUBLIC_DOMAIN = (
    *("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field"),
    *("ihc", "moon", "retina", "rocket"),
)

Views = NDArray[np.uint8]


def read_photographs(earth: Path, others: Path | None) -> list[NDArray[np.uint8]]:
    """Return what scenes are cut from; the Earth, in two parts, counts as often as all others together."""
    photographs: list[NDArray[np.uint8]] = []
    for path in sorted(others.iterdir()) if others else ():
        if path.stem in PUBLIC_DOMAIN:
            photographs.append(np.asarray(cv2.imread(str(path))))
    earths = [np.asarray(cv2.imread(str(earth / name))) for name in ("A.jpg", "B.jpg")]
    west, east = (round((longitude + 180) / 360 * earths[0].shape[1]) for longitude in ASKED_LONGITUDES)
    parts = [image[:, part] for image in earths for part in (slice(0, west), slice(east, None))]
    return photographs + parts * max(1, len(photographs) // len(parts))


def feed(queue: Queue[Views], photographs: list[NDArray[np.uint8]], seed: int) -> None:
    """Fill the queue with scenes, in a process of its own."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    scenery = Scenery(photographs=photographs, size_px=SIZE_PX + MARGIN_PX, seed=seed)
    while True:
        views = synthetic_batch(scenery, CHUNK, rng)
        queue.put(np.rint(np.stack(views, axis=1)[..., 0] * 255).astype(np.uint8))


class Pool:
    """The last scenes made; each is shown several times, cut, turned and mirrored anew."""

    def __init__(self, queue: Queue[Views], shown_times: float, device: torch.device, seed: int) -> None:
        self._queue, self._shown_times, self._rng = queue, shown_times, np.random.default_rng(seed)
        self._views = torch.empty((POOL, 2, SIZE_PX + MARGIN_PX, SIZE_PX + MARGIN_PX), dtype=torch.uint8, device=device)
        self.n_made = self._n_shown = 0

    def _refill(self) -> None:
        """Take what has been made since, as much as is to be shown; wait for as many as are needed to begin."""
        while self.n_made < POOL_MIN + self._n_shown / self._shown_times:
            try:
                views = self._queue.get(block=self.n_made < POOL_MIN)
            except Empty:
                return
            slots = torch.arange(self.n_made, self.n_made + len(views)) % POOL
            self._views[slots.to(self._views.device)] = torch.from_numpy(views).to(self._views.device)
            self.n_made += len(views)

    def draw(self, n_pairs: int) -> tuple[list[Tensor], Float64]:
        """Return crops of shape (N, 1, size, size) of both pictures, and how the second ones lie in the first."""
        self._refill()
        self._n_shown += n_pairs
        rng = self._rng
        chosen = torch.from_numpy(rng.choice(min(self.n_made, POOL), n_pairs, replace=False))
        views = self._views[chosen.to(self._views.device)]
        if rng.random() < 0.5:
            views = views.flip(-1)
        swapped = torch.from_numpy(rng.random(n_pairs) < 0.5).to(views.device)
        views = torch.where(swapped[:, None, None, None], views.flip(1), views).float() / 255
        to_scene = draw_free_moves(n_pairs, SIZE_PX, MARGIN_PX / 4, rng) @ draw_zooms(n_pairs, rng)
        to_scene[:, :2, 2] += MARGIN_PX / 2
        moves = draw_free_moves(n_pairs, SIZE_PX, MARGIN_PX / 2, rng)
        return [cut(views[:, :1], to_scene), cut(views[:, 1:], to_scene @ moves)], moves


def draw_zooms(n: int, rng: np.random.Generator) -> Float64:
    """Return (n, 3, 3) matrices from the pixels of a crop to those of a scene shown larger, middle on middle."""
    scales = np.exp(-rng.uniform(0, math.log(SHOWN_LARGER), n)).tolist()
    return np.stack([move_matrix(0, (0, 0), SIZE_PX, scale) for scale in scales])


def cut(views: Tensor, to_scene: Float64) -> Tensor:
    """Cut turned crops; what lies outside a scene is mirrored."""
    matrices = torch.from_numpy(to_scene[:, :2].astype(np.float32)).to(views.device)
    points = transform(matrices, cell_grid(SIZE_PX, SIZE_PX, views.device))
    return read_at(views, points, SIZE_PX, SIZE_PX, outside="reflection")


def represent(network: nn.Module, x: Tensor, rng: np.random.Generator) -> Tensor:
    """Run the network on views at their own spread and level."""
    x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True).clamp(min=0.05)
    # Tones of a modality are brought to one mean and spread for all its images: single crops differ.
    spread, level = torch.from_numpy(rng.normal(0, 0.3, (2, len(x), 1, 1, 1)).astype(np.float32)).to(x.device)
    x = x * torch.exp(spread) + level
    with low_precision(x.device):
        z: Tensor = network(x.contiguous(memory_format=torch.channels_last))
    return z.float()


def set_modes(network: nn.Module, *, frozen: bool) -> None:
    """Train everything; but let batch norm keep its statistics towards the end, as `fit` does."""
    network.train()
    for module in network.modules() if frozen else ():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def save(network: nn.Module, path: Path) -> None:
    """Write the weights in half precision."""
    weights = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_file({k: v.cpu().contiguous() for k, v in weights.items()}, path)


def main() -> None:
    """Train for the time given and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kind", default="unet", help="of network: unet or c4unet")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--earth", type=Path, default=Path("src/crosslight/demo"))
    parser.add_argument("--others", type=Path, help="folder of images, such as skimage/data of scikit-image")
    parser.add_argument("--init", type=Path, help="weights to go on from, instead of random ones")
    parser.add_argument("--workers", type=int, default=1, help="processes that make scenes")
    parser.add_argument("--shown", type=float, default=3, help="times that each scene is shown on average, at least")
    parser.add_argument("--pairs", type=int, default=32, help="scenes a step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0, help="another one to go on with other scenes")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    config, device = preset("default"), choose_device(options.device)
    torch.manual_seed(options.seed)
    network = build_network(1, replace(config.network, kind=options.kind)).to(device, memory_format=torch.channels_last)
    freeze_norm = FREEZE_NORM
    if options.init is not None:
        network.load_state_dict(load_file(options.init))
        freeze_norm = FREEZE_GIVEN_NORM
    muon = replace(config.optimizer, learning_rate=options.rate, weight_decay=options.decay, warmup_steps=WARMUP_STEPS)
    optimizer = build_optimizer(network, muon)
    context = multiprocessing.get_context("spawn")
    queue: Queue[Views] = context.Queue(8)
    photographs = read_photographs(options.earth, options.others)
    for number in range(options.workers):
        seed = 1 + number + 1000 * options.seed
        context.Process(target=feed, args=(queue, photographs, seed), daemon=True).start()
    pool = Pool(queue, options.shown, device, options.seed)
    rng, step = np.random.default_rng(options.seed), 0
    pool.draw(options.pairs)  # waits for the first scenes, which are not counted as time of training
    start = time.monotonic()
    while (fraction := (time.monotonic() - start) / 60 / options.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(muon, step, fraction)
        set_modes(network, frozen=fraction >= freeze_norm)
        crops, moves = pool.draw(options.pairs)
        z_a, z_b = represent(network, torch.cat(crops), rng).chunk(2)
        loss, accuracy = contrastive_loss(z_a, z_b, in_cells(moves, int(network.stride)).to(device), config.loss)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(
                f"step {step}, {fraction:.0%}, {pool.n_made} scenes: loss {float(loss.detach()):.3f}, "
                f"accuracy {accuracy:.2f}",
                flush=True,
            )
        if step % 1000 == 0:
            save(network, options.out.with_suffix(".part"))
    save(network, options.out)


if __name__ == "__main__":
    main()
