"""A small Earth: a few tiles of the demonstration, indexed with the model that is shipped, and patches to ask with."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

import crosslight
from crosslight.config import IndexConfig, VocabularyConfig
from crosslight.demo.cut import cut_patches, cut_tiles
from crosslight.demo.earth import Patch, load_earth
from crosslight.demo.run import quick_model
from crosslight.show.canvas import save_picture
from crosslight.show.raster import to_rgb
from crosslight.web.app import build_app
from crosslight.web.settings import Limits, ServeSettings

TILES = ("Earth_22N_068E", "Earth_22N_112E", "Earth_68N_068E", "Earth_22N_022E", "Earth_22S_068W")
CONFIG = IndexConfig(vocabulary=VocabularyConfig(n_words=100, max_descriptors=10_000))
PATIENT = Limits(requests_per_s=10_000, burst=10_000)
Answer = dict[str, Any]


@pytest.fixture(scope="session")
def earth_patch() -> Patch:
    """Return a relief patch that lies in one of the tiles, with its truth in world pixels."""
    earth = load_earth()
    tiles = [t for t in cut_tiles(earth) if t.image.name == TILES[0]]
    return cut_patches(earth, tiles, 1)[0]


@pytest.fixture(scope="session")
def relief(earth_patch: Patch) -> bytes:
    """Return the patch as a PNG file."""
    file = io.BytesIO()
    PillowImage.fromarray(earth_patch.image.pixels[:, :, 0]).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def earth_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of the tiles with a column `half`; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("earth")
    for tile in cut_tiles(load_earth()):
        if tile.image.name in TILES:
            save_picture(to_rgb(tile.image), folder / "repository" / f"{tile.image.name}.jpg")
    lines = ["name,half", *(f"{name},{'north' if 'N_' in name else 'south'}" for name in TILES)]
    (folder / "meta.csv").write_text("\n".join(lines))
    out = folder / "earth"
    crosslight.Index.build(
        [folder / "repository"], quick_model(folder / "model", device="cpu"), modality="A", out=out, config=CONFIG,
        metadata=folder / "meta.csv", device="cpu",
    ).close()  # fmt: skip
    return out


@pytest.fixture
def own_index(earth_index: Path, tmp_path: Path) -> Path:
    """Return a copy of the index that the test may change."""
    return shutil.copytree(earth_index, tmp_path / "earth")


@pytest.fixture(scope="session")
def client(earth_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return a client of an application that several tests share; they leave its repository as it is."""
    folder = shutil.copytree(earth_index, tmp_path_factory.mktemp("shared") / "earth")
    app = build_app(crosslight.Index.open(folder, device="cpu"), ServeSettings(limits=PATIENT))
    with TestClient(app, base_url="http://127.0.0.1:8000") as shared:
        yield shared


@pytest.fixture
def own_client(own_index: Path) -> Iterator[TestClient]:
    """Return a client of an application that the test may change."""
    app = build_app(crosslight.Index.open(own_index, device="cpu"), ServeSettings(limits=PATIENT))
    with TestClient(app, base_url="http://127.0.0.1:8000") as own:
        yield own


@pytest.fixture(scope="session")
def ask(client: TestClient, relief: bytes) -> Callable[..., Answer]:
    """Return a function that searches with the patch and waits for the answer."""

    def search(**fields: Any) -> Answer:
        return wait_for(
            client, client.post("/api/searches", files={"image": ("relief.png", relief)}, data=fields).json()
        )

    return search


@pytest.fixture(scope="session")
def answered(ask: Callable[..., Answer]) -> Answer:
    """Return a finished search at any angle."""
    return ask(rotation=180)


def wait_for(client: TestClient, job: Answer) -> Answer:
    """Read a job's events until it is finished, and return what is then known of it."""
    kind = "searches" if job["kind"] == "search" else "jobs"
    client.get(f"/api/{kind}/{job['id']}/events")
    return dict(client.get(f"/api/{kind}/{job['id']}").json())


@pytest.fixture(scope="session")
def wait() -> Callable[[TestClient, Answer], Answer]:
    """Return the function that waits for a job."""
    return wait_for


@pytest.fixture(scope="session")
def tiles() -> tuple[str, ...]:
    """Return the names of the images; the patch lies in the first."""
    return TILES


@pytest.fixture(scope="session")
def make_png() -> Callable[..., bytes]:
    """Return a function that makes small PNG files of noise."""

    def make(width: int = 64, height: int = 64, seed: int = 0) -> bytes:
        file = io.BytesIO()
        noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
        PillowImage.fromarray(noise).save(file, "PNG")
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def server(earth_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of `crosslight serve`, which runs as a user starts it."""
    folder = shutil.copytree(earth_index, tmp_path_factory.mktemp("served") / "earth")
    command = [sys.executable, "-m", "crosslight", "serve", str(folder), "--port", "0", "--device", "cpu"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        address = re.search(r"http://\S+?(?=/ )", run.stdout.readline())
        assert address is not None
        yield address[0]
        run.send_signal(signal.SIGINT)
        run.wait(30)
