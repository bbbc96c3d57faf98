"""The repository through the REST API: looking, adding, removing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

import crosslight
from crosslight.show.reliability import write_reliability

Answer = dict[str, Any]
Wait = Callable[[TestClient, Answer], Answer]
Make = Callable[..., bytes]


def add(client: TestClient, name: str, data: bytes, **fields: str) -> Any:
    return client.post("/api/images", files={"images": (name, data)}, data=fields)


def test_images_are_listed_by_name(client: TestClient, tiles: tuple[str, ...]) -> None:
    listing = client.get("/api/images").json()
    assert [i["name"] for i in listing["images"]] == sorted(tiles)
    assert client.get("/api/images", params={"contains": "22s"}).json()["total"] == 1
    assert listing["images"][0]["metadata"] == {"half": "north"}


def test_the_index_says_what_it_holds(client: TestClient, tiles: tuple[str, ...]) -> None:
    facts = client.get("/api/index").json()
    assert (facts["images"], facts["modality"], facts["query_modality"]) == (len(tiles), "A", "B")
    assert facts["metadata"] == {"half": ["north", "south"]}
    assert facts["bytes"] > 100_000


def test_the_model_says_how_it_was_made(client: TestClient) -> None:
    model = client.get("/api/model").json()
    assert model["fingerprint"] == client.get("/api/index").json()["model"]
    assert set(model["modalities"]) == {"A", "B"}
    assert model["reliability"] == {}  # nothing was measured: the head start has seen no validation pair
    assert client.get("/api/model/preview.png").headers["content-type"] == "image/png"


def test_the_measured_reliability_comes_with_the_model(own_client: TestClient, own_index: Path) -> None:
    write_reliability(np.array([0.1, 0.9, 0.9]), np.array([0.0, 1.0, 0.0]), own_index / "model" / "calibration.csv")
    found = own_client.get("/api/model").json()["reliability"]
    assert found["confidence"] == [0.1, 0.9] and found["right"] == [0.0, 0.5] and found["n_queries"] == [1, 2]


def test_tiles_put_together_are_the_image(client: TestClient, tiles: tuple[str, ...]) -> None:
    info = client.get(f"/api/images/{tiles[0]}/tiles").json()
    n = -(-info["width_px"] // info["tile_px"])
    path = f"/api/images/{tiles[0]}/tiles/{info['max_level']}"
    rows = []
    for row in range(n):
        parts = [client.get(f"{path}/{column}/{row}.jpg").content for column in range(n)]
        rows.append(np.hstack([np.asarray(PillowImage.open(io.BytesIO(p)), float) for p in parts]))
    whole = np.vstack(rows)
    thumbnail = client.get(f"/api/images/{tiles[0]}/thumbnail.jpg").content
    small = np.asarray(PillowImage.fromarray(whole.astype(np.uint8)).resize((256, 256)), float)
    assert whole.shape == (info["height_px"], info["width_px"], 3)
    assert np.abs(small - np.asarray(PillowImage.open(io.BytesIO(thumbnail)), float)).mean() < 6
    assert client.get(f"{path}/{n}/0.jpg").status_code == 404


def test_level_zero_is_one_pixel(client: TestClient, tiles: tuple[str, ...]) -> None:
    tile = client.get(f"/api/images/{tiles[0]}/tiles/0/0/0.jpg").content
    assert PillowImage.open(io.BytesIO(tile)).size == (1, 1)


def test_an_uploaded_image_can_be_found_and_removed(own_client: TestClient, own_index: Path, wait: Wait) -> None:
    rng = np.random.default_rng(5)
    pixels = PillowImage.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((300, 300))
    file = io.BytesIO()
    pixels.save(file, "PNG")
    job = wait(own_client, add(own_client, "My slide 7.png", file.getvalue(), metadata="stain=HE").json())
    assert (job["state"], job["message"]) == ("done", "added 1")
    entry = own_client.get("/api/images/My slide 7").json()
    assert entry == {
        "name": "My slide 7", "width_px": 300, "height_px": 300, "mpp": None, "metadata": {"stain": "HE"},
        "kind": "image", "uploaded": True,
    }  # fmt: skip
    stored = list((own_index / "uploads").iterdir())
    assert len(stored) == 1 and "slide" not in stored[0].name
    asked = own_client.post("/api/searches", files={"image": ("q.png", file.getvalue())}, data={"modality": "A"})
    assert wait(own_client, asked.json())["ranking"]["hits"][0]["image"] == "My slide 7"
    assert wait(own_client, own_client.delete("/api/images/My slide 7").json())["state"] == "done"
    assert own_client.get("/api/images/My slide 7").status_code == 404
    assert list((own_index / "uploads").iterdir()) == []


def test_removing_an_indexed_image_leaves_its_file(own_client: TestClient, wait: Wait, tiles: tuple[str, ...]) -> None:
    path = Path(own_client.app.state.bench.entries[tiles[1]].path)  # type: ignore[attr-defined]
    wait(own_client, own_client.delete(f"/api/images/{tiles[1]}").json())
    assert own_client.get("/api/index").json()["images"] == len(tiles) - 1
    assert path.is_file()


def test_a_name_that_is_taken_is_refused_unless_it_may_be_replaced(
    own_client: TestClient, own_index: Path, wait: Wait, make_png: Make
) -> None:
    wait(own_client, add(own_client, "one.png", make_png(64)).json())
    assert add(own_client, "one.png", make_png(80)).status_code == 409
    wait(own_client, add(own_client, "one.png", make_png(80), replace="true").json())
    assert own_client.get("/api/images/one").json()["width_px"] == 80
    assert len(list((own_index / "uploads").iterdir())) == 1


def make_grey(make_png: Make) -> bytes:
    """Return a PNG file of the other kind: it can be read, and not be represented."""
    file = io.BytesIO()
    PillowImage.open(io.BytesIO(make_png(seed=3))).convert("L").save(file, "PNG")
    return file.getvalue()


def test_bad_files_of_several_are_named_and_the_good_ones_added(
    own_client: TestClient, own_index: Path, wait: Wait, make_png: Make, tiles: tuple[str, ...]
) -> None:
    (own_index / "skipped.csv").write_text("of files that can be mended")
    uploads = [
        ("one.png", make_png(seed=1)), ("text.png", b"not an image"), ("grey.png", make_grey(make_png)),
        (f"{tiles[0]}.png", make_png()), ("two.png", make_png(seed=2)),
    ]  # fmt: skip
    response = own_client.post("/api/images", files=[("images", upload) for upload in uploads])
    assert response.status_code == 202
    job = wait(own_client, response.json())
    assert (job["state"], job["message"]) == ("done", "added 2, skipped 3")
    assert {s["name"] for s in job["skipped"]} == {"text.png", "grey", f"{tiles[0]}.png"}
    reasons = " ".join(s["reason"] for s in job["skipped"])
    assert all(words in reasons for words in ("save it as one of these", "grey has 1 channel", "already"))
    assert "--" not in reasons  # an option of the command line
    names = {image["name"] for image in own_client.get("/api/images").json()["images"]}
    assert names == {*tiles, "one", "two"}
    assert len(list((own_index / "uploads").iterdir())) == 2
    assert (own_index / "skipped.csv").read_text() == "of files that can be mended"


def test_where_no_file_can_be_used_nothing_is_left_behind(
    own_client: TestClient, own_index: Path, wait: Wait, make_png: Make
) -> None:
    response = own_client.post("/api/images", files=[("images", (f"{n}.png", b"no image")) for n in "ab"])
    assert response.status_code == 422
    assert all(words in response.json()["detail"] for words in ("None of the 2 files", "a.png: ", "b.png: "))
    job = wait(own_client, add(own_client, "grey.png", make_grey(make_png)).json())
    assert job["state"] == "failed" and job["problem"]["detail"].startswith("grey has 1 channel")
    assert list((own_index / "uploads").iterdir()) == [] and not (own_index / "skipped.csv").exists()


def test_an_image_stays_when_what_should_replace_it_cannot_be_used(
    own_client: TestClient, own_index: Path, wait: Wait, make_png: Make
) -> None:
    wait(own_client, add(own_client, "one.png", make_png(80)).json())
    files = [("images", ("one.png", make_grey(make_png))), ("images", ("two.png", make_png()))]
    job = wait(own_client, own_client.post("/api/images", files=files, data={"replace": "true"}).json())
    assert job["message"] == "added 1, skipped 1" and [s["name"] for s in job["skipped"]] == ["one"]
    assert own_client.get("/api/images/one").json()["width_px"] == 80
    assert own_client.get("/api/images/one/tiles/7/0/0.jpg").status_code == 200  # its file is still there
    assert len(list((own_index / "uploads").iterdir())) == 2


def test_the_first_images_of_an_empty_index_make_its_vocabulary(
    own_client: TestClient, wait: Wait, make_png: Make, tiles: tuple[str, ...]
) -> None:
    for name in tiles:
        wait(own_client, own_client.delete(f"/api/images/{name}").json())
    files = [("images", (f"{i}.png", make_png(128, 128, seed=i))) for i in range(3)]
    assert wait(own_client, own_client.post("/api/images", files=files).json())["state"] == "done"
    assert own_client.get("/api/index").json()["images"] == 3


def test_what_was_added_is_there_when_the_index_is_opened_again(
    own_client: TestClient, own_index: Path, wait: Wait, make_png: Make, tiles: tuple[str, ...]
) -> None:
    wait(own_client, add(own_client, "kept.png", make_png()).json())
    own_client.app.state.bench.index.close()  # type: ignore[attr-defined]
    with crosslight.Index.open(own_index, device="cpu") as index:
        assert [e.name for e in index.entries()] == sorted([*tiles, "kept"])
        assert index.image("kept").width_px == 64


def test_an_image_whose_file_is_gone_says_so_without_its_path(
    own_client: TestClient, own_index: Path, wait: Wait, make_png: Make
) -> None:
    wait(own_client, add(own_client, "lost.png", make_png()).json())
    next((own_index / "uploads").iterdir()).unlink()
    response = own_client.get("/api/images/lost/tiles/0/0/0.jpg")
    assert response.status_code == 422
    assert str(own_index) not in response.text and "add it again" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/api/images/none", "/api/images/none/thumbnail.jpg", "/api/images/none/tiles"])
def test_an_unknown_image_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
