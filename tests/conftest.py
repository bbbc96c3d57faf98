"""What several test files share: the developers' data, and a small made-up world with a model and an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from safetensors.numpy import save_file

import crosslight
from crosslight.config import FitConfig, NetworkConfig, preset
from crosslight.geometry import cut_window
from crosslight.pipeline.fit import fit_pairs
from crosslight.read.pairs import find_pairs

matplotlib.use("Agg")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the developers' folder of image sets beside the checkout, or skip where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the developers' image sets are not beside this checkout")
    return SHARED_DATA


N_PAIRS, SIDE_PX = 10, 200
QUICK = replace(
    preset("default"),
    start="random",
    network=NetworkConfig(kind="unet", n_channels=2, widths=(8, 16), stride=4),
    optimizer=replace(preset("default").optimizer, n_pairs=8, warmup_steps=2, steps=60),
)


def make_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth noise as a colour image, and its inverse in grey."""
    noise = np.random.default_rng(seed).standard_normal((SIDE_PX, SIDE_PX)).astype(np.float32)
    tone = np.clip(127 + 1100 * cv2.GaussianBlur(noise, (0, 0), 5), 0, 255).astype(np.uint8)
    return np.stack([tone, 255 - tone, tone // 2], axis=2), 255 - tone


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with A/, B/ and split.csv: six pairs to train on, two val, two test."""
    root = tmp_path_factory.mktemp("pairs")
    lines = ["name,split"]
    for i in range(N_PAIRS):
        for side, pixels in zip("AB", make_pair(i), strict=True):
            (root / side).mkdir(exist_ok=True)
            cv2.imwrite(str(root / side / f"image{i}.png"), pixels)
        lines.append(f"image{i},{'train' if i < 6 else 'val' if i < 8 else 'test'}")
    (root / "split.csv").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="session")
def model_folder(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model folder, trained for a few seconds."""
    out = tmp_path_factory.mktemp("models") / "model"
    pairs = find_pairs(folders / "A", folders / "B", split=folders / "split.csv")
    fit_pairs(pairs.part("train"), out, val=pairs.part("val"), config=QUICK, device="cpu")
    return out


@pytest.fixture(scope="session")
def index_folder(folders: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of all A images; tests only read it."""
    out = tmp_path_factory.mktemp("indexes") / "index"
    crosslight.Index.build([folders / "A"], model_folder, modality="A", out=out, device="cpu").close()
    return out


@pytest.fixture(scope="session")
def query_file(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a 110 px window of B/image9.png, turned by 12 degrees around (95, 104)."""
    image = crosslight.read_image(folders / "B" / "image9.png")
    place = crosslight.Placement(center_xy=(95.0, 104.0), angle_deg=12.0, scale=1.0, similarity=1.0)
    path = tmp_path_factory.mktemp("queries") / "query9.png"
    cv2.imwrite(str(path), cut_window(image, place, 110, 110, "query9").pixels)
    return path


@pytest.fixture(scope="session")
def quick() -> FitConfig:
    """Return settings that train in seconds."""
    return QUICK


@pytest.fixture(scope="session")
def pair_maker() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Return the function that makes the pair of a number."""
    return make_pair


@pytest.fixture(scope="session")
def tiny_resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return random weights of a ResNet with one narrow block a stage, in torchvision's layout."""
    rng = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def add(conv: str, norm: str, n_out: int, n_in: int, side: int) -> None:
        spread = np.sqrt(2 / (n_in * side * side))
        weights[f"{conv}.weight"] = (rng.standard_normal((n_out, n_in, side, side)) * spread).astype(np.float32)
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            weights[f"{norm}.{part}"] = np.full(n_out, value, np.float32)
        weights[f"{norm}.num_batches_tracked"] = np.zeros((), np.int64)

    add("conv1", "bn1", 4, 3, 7)
    n_in = 4
    for stage in range(1, 5):
        width, head = 4 * stage, f"layer{stage}.0"
        add(f"{head}.conv1", f"{head}.bn1", width, n_in, 1)
        add(f"{head}.conv2", f"{head}.bn2", width, width, 3)
        add(f"{head}.conv3", f"{head}.bn3", 2 * width, width, 1)
        add(f"{head}.downsample.0", f"{head}.downsample.1", 2 * width, n_in, 1)
        n_in = 2 * width
    weights["fc.weight"], weights["fc.bias"] = np.zeros((10, n_in), np.float32), np.zeros(10, np.float32)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(weights, path)
    return path
