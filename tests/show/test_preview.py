from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from crosslight.show.preview import PreviewRow, draw_preview
from crosslight.types import Image, Representation


def make_row(height: int, width: int, a_channels: int, b_channels: int, n_channels: int = 4) -> PreviewRow:
    rng = np.random.default_rng(height)
    a, b = (
        Image(pixels=rng.integers(0, 4000, (height, width, n), np.uint16), name="pair")
        for n in (a_channels, b_channels)
    )
    values = rng.standard_normal((2, n_channels, height // 2, width // 2)).astype(np.float32)
    first, second = (Representation.rounded(v, 2) for v in values)
    return PreviewRow(name="pair " * 60, a=a, b=b, representation_a=first, representation_b=second)


def draw(rows: list[PreviewRow], path: Path) -> tuple[int, int]:
    draw_preview(rows, path)
    with PillowImage.open(path) as picture:
        return picture.size


def test_preview_grows_by_a_row_for_each_pair(tmp_path: Path) -> None:
    rows = [make_row(128, 200, 3, 1), make_row(300, 130, 3, 1)]
    heights = [draw(rows[:n], tmp_path / "preview.png")[1] for n in (0, 1, 2)]
    assert heights[2] - heights[1] == heights[1] - heights[0] > 300


def test_preview_shows_images_of_many_channels(tmp_path: Path) -> None:
    assert draw([make_row(128, 128, 16, 2, n_channels=1)], tmp_path / "preview.png")[0] > 1000
