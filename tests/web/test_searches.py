"""Searches through the REST API."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

from crosslight.demo.earth import Patch

Answer = dict[str, Any]
Ask = Callable[..., Answer]


def test_a_patch_is_found_at_its_place(answered: Answer, earth_patch: Patch, tiles: tuple[str, ...]) -> None:
    best = answered["ranking"]["hits"][0]
    assert answered["state"] == "done"
    assert best["image"] == tiles[0]
    assert best["confidence"] > 0.5
    x, y = best["cx"] + 5 * 675, best["cy"] + 675  # where the tile begins in the world
    assert math.dist((x, y), earth_patch.placement.center_xy) < 10


def test_hits_are_ranked_with_their_windows(answered: Answer, tiles: tuple[str, ...]) -> None:
    hits = answered["ranking"]["hits"]
    assert [h["rank"] for h in hits] == list(range(1, len(tiles) + 1))
    assert all(a["similarity"] >= b["similarity"] for a, b in itertools.pairwise(hits))
    corners = np.array(hits[0]["corners_xy"])
    assert corners.mean(axis=0) == pytest.approx([hits[0]["cx"], hits[0]["cy"]], abs=1e-6)


def test_only_images_that_match_the_metadata_are_searched(ask: Ask) -> None:
    answer = ask(where="half=south")
    assert [h["image"] for h in answer["ranking"]["hits"]] == ["Earth_22S_068W"]


def test_a_filter_that_leaves_nothing_says_so_without_a_path(ask: Ask) -> None:
    answer = ask(where="half=west")
    assert answer["state"] == "failed"
    assert "no image matches" in answer["problem"]["detail"]
    assert "/" not in answer["problem"]["detail"].replace("`crosslight info`", "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"modality": "A"}, "check that it is of modality A"), ({"query_mpp": "1", "scale": "9-10"}, "does not fit")],
)
def test_an_unusable_query_is_explained_without_options_of_the_command_line(
    ask: Ask, fields: dict[str, str], words: str
) -> None:
    detail = ask(**fields)["problem"]["detail"]
    assert words in detail and "--" not in detail


def test_a_search_can_be_asked_again_with_other_options(client: TestClient, answered: Answer, wait: Ask) -> None:
    again = client.post("/api/searches", data={"again": answered["id"], "top": 2, "rerank": "none"})
    answer = wait(client, again.json())
    assert answer["query"] == answered["query"]
    assert len(answer["ranking"]["hits"]) == 2
    assert answer["ranking"]["hits"][0]["cx"] is None


def test_events_tell_of_the_search_until_it_is_done(client: TestClient, relief: bytes) -> None:
    search = client.post("/api/searches", files={"image": ("relief.png", relief)}).json()
    text = client.get(f"/api/searches/{search['id']}/events").text
    states = [json.loads(line[6:])["state"] for line in text.splitlines() if line.startswith("data: ")]
    assert states[-1] == "done"


def test_the_csv_is_that_of_the_command_line(client: TestClient, answered: Answer, tiles: tuple[str, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get(f"/api/searches/{answered['id']}/hits.csv").text)))
    assert rows[0]["query"] == "relief"
    assert rows[0]["image"] == tiles[0]
    assert float(rows[0]["cx"]) == pytest.approx(answered["ranking"]["hits"][0]["cx"], abs=1e-3)


@pytest.mark.parametrize(
    "part",
    [
        "query.png",
        "hits/1/comparison/place.jpg",
        "hits/1/comparison/blend.jpg",
        "hits/1/representation/query.png",
        "hits/2/representation/image.png",
    ],
)
def test_pictures_of_a_hit_can_be_looked_at(client: TestClient, answered: Answer, part: str) -> None:
    response = client.get(f"/api/searches/{answered['id']}/{part}")
    assert response.status_code == 200
    picture = np.asarray(PillowImage.open(io.BytesIO(response.content)))
    assert picture.std() > 5


def test_the_representations_of_a_hit_look_alike(client: TestClient, answered: Answer) -> None:
    hit = answered["ranking"]["hits"][0]
    path = f"/api/searches/{answered['id']}/hits/1/representation"
    query, image = (
        np.asarray(PillowImage.open(io.BytesIO(client.get(f"{path}/{side}.png").content)).convert("RGB"), float)
        for side in ("query", "image")
    )
    stride = round(answered["query"]["width_px"] / query.shape[1])
    h, w = query.shape[:2]
    rows, cols = np.mgrid[4 : h - 4, 4 : w - 4]
    angle = math.radians(hit["angle_deg"])
    dx, dy = (cols - (w - 1) / 2), (rows - (h - 1) / 2)
    x = hit["cx"] / stride + dx * math.cos(angle) + dy * math.sin(angle)
    y = hit["cy"] / stride - dx * math.sin(angle) + dy * math.cos(angle)
    found = image[
        np.clip(np.rint(y).astype(int), 0, image.shape[0] - 1), np.clip(np.rint(x).astype(int), 0, image.shape[1] - 1)
    ]
    assert np.corrcoef(found.ravel(), query[4 : h - 4, 4 : w - 4].ravel())[0, 1] > 0.3


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"rotation": "200"}, "rotation"),
        ({"top": "0"}, "top"),
        ({"shortlist": "many"}, "shortlist"),
        ({"rerank": "guess"}, "rerank"),
        ({"modality": "C"}, "modality"),
        ({"where": "half"}, "key=value"),
    ],
)
def test_a_wrong_option_is_named(client: TestClient, relief: bytes, fields: dict[str, str], word: str) -> None:
    response = client.post("/api/searches", files={"image": ("relief.png", relief)}, data=fields)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert word in response.json()["detail"]


def test_an_unknown_search_is_not_found(client: TestClient) -> None:
    response = client.get("/api/searches/nothing")
    assert (response.status_code, response.json()["status"]) == (404, 404)


def test_a_rank_beyond_the_hits_is_not_found(client: TestClient, answered: Answer) -> None:
    assert client.get(f"/api/searches/{answered['id']}/hits/99/comparison/place.jpg").status_code == 404
