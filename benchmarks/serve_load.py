"""Twenty people use `crosslight serve` at once for a minute: how long they wait, and whether anything fails.

Each opens the page, asks with a patch of the relief, waits for the answer, looks at the comparison and a few tiles, and
begins again. `python benchmarks/serve_load.py [--users 20] [--seconds 60] [--device auto]`; everything is on loopback.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import requests
from PIL import Image as PillowImage

import crosslight
from crosslight.demo.cut import cut_patches, cut_tiles
from crosslight.demo.earth import load_earth
from crosslight.demo.run import INDEX, quick_model
from crosslight.show.canvas import save_picture
from crosslight.show.raster import to_rgb

TIMEOUT_S = 120


class Person:
    """One user with a browser's cookies."""

    def __init__(self, server: str, patches: list[bytes], seed: int) -> None:
        self.session, self.server, self.patches = requests.Session(), server, patches
        self.rng = np.random.default_rng(seed)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.failures: list[str] = []

    def use(self, until: float) -> None:
        """Go on until the time is over; an answer that is awaited then is still awaited."""
        while time.monotonic() < until:
            try:
                self.search()
            except (requests.RequestException, KeyError, ValueError) as error:
                self.failures.append(repr(error)[:200])

    def ask(self, what: str, method: str, path: str, **options: object) -> requests.Response:
        """Send one request and note how long it took, and whether it was refused."""
        begun = time.monotonic()
        response = self.session.request(method, self.server + path, timeout=TIMEOUT_S, **options)  # type: ignore[arg-type]
        self.times[what].append(time.monotonic() - begun)
        if response.status_code >= 400:
            self.failures.append(f"{method} {path}: {response.status_code} {response.text[:120]}")
        return response

    def search(self) -> None:
        """Open the page, ask, wait, look."""
        begun = time.monotonic()
        self.ask("page", "GET", "/")
        patch = self.patches[int(self.rng.integers(len(self.patches)))]
        search = self.ask("send", "POST", "/api/searches", files={"image": ("relief.png", patch)}).json()
        while search["state"] in ("waiting", "running"):
            time.sleep(0.25)
            search = self.ask("state", "GET", f"/api/searches/{search['id']}").json()
        self.times["answer"].append(time.monotonic() - begun)
        if search["state"] != "done":
            self.failures.append(f"search {search['state']}")
            return
        best = search["ranking"]["hits"][0]["image"]
        self.ask("comparison", "GET", f"/api/searches/{search['id']}/hits/1/comparison/blend.jpg")
        for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):
            self.ask("tile", "GET", f"/api/images/{best}/tiles/10/{column}/{row}.jpg")


def main() -> None:
    """Build the demonstration's index, serve it, let people use it, and print what they met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        patches = build_index(Path(folder), options.device)
        command = [sys.executable, "-m", "crosslight", "serve", f"{folder}/index", "--port", "0"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            assert server.stdout is not None
            address = re.search(r"http://\S+?(?=/ )", server.stdout.readline())
            assert address is not None
            people = [Person(address[0], patches, seed) for seed in range(options.users)]
            until = time.monotonic() + options.seconds
            threads = [threading.Thread(target=p.use, args=(until,)) for p in people]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            server.send_signal(signal.SIGINT)
    report(people, options.seconds)


def build_index(folder: Path, device: str) -> list[bytes]:
    """Index the 32 tiles of the Earth and return eight patches as PNG files."""
    earth = load_earth()
    tiles = cut_tiles(earth)
    for tile in tiles:
        save_picture(to_rgb(tile.image), folder / "images" / f"{tile.image.name}.jpg")
    crosslight.Index.build(
        [folder / "images"],
        quick_model(folder / "model", device=device),
        modality="A",
        out=folder / "index",
        config=INDEX,
        device=device,
    ).close()
    files = []
    for patch in cut_patches(earth, tiles, 8, max_angle_deg=25):
        file = io.BytesIO()
        PillowImage.fromarray(patch.image.pixels[:, :, 0]).save(file, "PNG")
        files.append(file.getvalue())
    return files


def report(people: list[Person], seconds: float) -> None:
    """Print one line per kind of request, and the failures."""
    times: dict[str, list[float]] = defaultdict(list)
    for person in people:
        for what, values in person.times.items():
            times[what] += values
    failures = [f for p in people for f in p.failures]
    n_requests = sum(len(v) for what, v in times.items() if what != "answer")
    print(f"{len(people)} users, {seconds:.0f} s, {n_requests} requests, {len(times['answer'])} answers")
    for what, values in times.items():
        p50, p99 = np.percentile(values, [50, 99])
        print(f"{what:>12}: p50 {p50:7.3f} s, p99 {p99:7.3f} s, {len(values)} times")
    print(f"failures: {len(failures)} of {n_requests} requests, ratio {len(failures) / n_requests:.4f}")
    for failure in failures[:5]:
        print(f"  {failure}")


if __name__ == "__main__":
    main()
