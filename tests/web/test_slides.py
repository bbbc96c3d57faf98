"""Large images in the browser: tiles, parts and representations are read from their files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

import crosslight
from crosslight.config import IndexConfig, VocabularyConfig
from crosslight.web import tiles as tiling
from crosslight.web.app import build_app
from crosslight.web.settings import ServeSettings

WIDTH, HEIGHT = 4500, 1100
Wait = Callable[[TestClient, dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Return a large image of smooth noise."""
    noise = np.random.default_rng(3).standard_normal((HEIGHT // 10, WIDTH // 10, 3)).astype(np.float32)
    grown = cv2.resize(cv2.GaussianBlur(noise, (0, 0), 1), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(127 + 250 * grown, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def slide_client(
    model_folder: Path, pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Return a client of an index that holds one large image."""
    folder = tmp_path_factory.mktemp("slides")
    tifffile.imwrite(folder / "slide.tif", pixels, tile=(256, 256), compression="deflate", photometric="rgb")
    config = IndexConfig(vocabulary=VocabularyConfig(n_words=50, max_descriptors=5_000))
    index = crosslight.Index.build(
        [folder / "slide.tif"], model_folder, modality="A", out=folder / "index", config=config, device="cpu"
    )
    with TestClient(build_app(index, ServeSettings()), base_url="http://127.0.0.1:8000") as client:
        yield client


def open_tile(client: TestClient, level: int, column: int, row: int) -> np.ndarray:
    data = client.get(f"/api/images/slide/tiles/{level}/{column}/{row}.jpg").content
    return np.asarray(PillowImage.open(io.BytesIO(data)), float)


def test_tiles_of_a_slide_show_its_pixels_at_every_level(
    slide_client: TestClient, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "OVERVIEW_PX", 1024)  # so that finer levels are read from the file
    top = slide_client.get("/api/images/slide/tiles").json()["max_level"]
    assert slide_client.get("/api/images/slide").json()["kind"] == "slide"
    fine = open_tile(slide_client, top, 3, 1)
    assert np.abs(fine - pixels[256:512, 768:1024]).mean() < 3
    half = cv2.resize(pixels, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(open_tile(slide_client, top - 1, 8, 2) - half[512:, 2048:][:256, :256]).mean() < 4
    last = open_tile(slide_client, top, WIDTH // 256, HEIGHT // 256)
    assert last.shape[:2] == (HEIGHT % 256, WIDTH % 256)
    assert slide_client.get(f"/api/images/slide/tiles/{top}/{WIDTH // 256 + 1}/0.jpg").status_code == 404
    far = open_tile(slide_client, 7, 0, 0)
    assert far.shape[1] == -(-WIDTH // 2 ** (top - 7))


def test_a_hit_in_a_slide_can_be_compared_and_cut_out(slide_client: TestClient, pixels: np.ndarray, wait: Wait) -> None:
    left, top, side = 2600, 400, 300
    file = io.BytesIO()
    PillowImage.fromarray(pixels[top : top + side, left : left + side]).save(file, "PNG")
    sent = slide_client.post("/api/searches", files={"image": ("q.png", file.getvalue())}, data={"modality": "A"})
    search = wait(slide_client, sent.json())
    hit = search["ranking"]["hits"][0]
    assert (hit["cx"], hit["cy"]) == pytest.approx((left + (side - 1) / 2, top + (side - 1) / 2), abs=3)
    path = f"/api/searches/{search['id']}/hits/1"
    place = np.asarray(PillowImage.open(io.BytesIO(slide_client.get(f"{path}/comparison/place.jpg").content)), float)
    blend = np.asarray(PillowImage.open(io.BytesIO(slide_client.get(f"{path}/comparison/blend.jpg").content)), float)
    assert np.abs(place - blend).mean() < 8  # the same pixels lie over each other
    box = slide_client.get(f"{path}/representation").json()["image"]
    assert box["x"] < left and box["x"] + box["width"] > left + side and box["width"] < WIDTH
    for side in ("query", "image"):
        assert slide_client.get(f"{path}/representation/{side}.png").status_code == 200
    slide_client.put(f"{path}/verdict", json={"verdict": "accepted"})
    assert slide_client.get("/api/matches.zip").status_code == 200
