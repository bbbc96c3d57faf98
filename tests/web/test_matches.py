"""Verdicts on hits: given, moved by hand, taken back, exported, and kept with the index."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

from crosslight.web.matches import MatchBook

Answer = dict[str, Any]


@pytest.fixture
def verdict(client: TestClient, answered: Answer) -> Iterator[str]:
    """Return the address of the verdict on the first hit, which is taken back after the test."""
    path = f"/api/searches/{answered['id']}/hits/1/verdict"
    yield path
    client.delete(path)


def rows(client: TestClient) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get("/api/matches.csv").text)))


def test_an_accepted_hit_is_exported_where_it_was_found(client: TestClient, answered: Answer, verdict: str) -> None:
    hit = answered["ranking"]["hits"][0]
    match = client.put(verdict, json={"verdict": "accepted"}).json()
    assert (match["cx"], match["nudged"]) == (hit["cx"], False)
    (row,) = rows(client)
    assert (row["query"], row["image"], row["flipped"], row["nudged"]) == ("relief", hit["image"], "false", "false")
    again = client.get(f"/api/searches/{answered['id']}").json()
    assert again["ranking"]["hits"][0]["verdict"] == "accepted"


def test_a_nudged_hit_is_exported_where_it_was_put(client: TestClient, verdict: str) -> None:
    place = {"cx": 300.0, "cy": 310.0, "angle_deg": 0.0, "scale": 1.0}
    client.put(verdict, json={"verdict": "accepted", "placement": place})
    (row,) = rows(client)
    assert (float(row["cx"]), float(row["cy"]), row["nudged"]) == (300.0, 310.0, "true")
    outline = json.loads(client.get("/api/matches.geojson").text)["features"][0]["geometry"]["coordinates"][0]
    assert np.mean(outline[:4], axis=0) == pytest.approx([300.5, 310.5])


def test_the_crop_is_the_image_at_the_place(client: TestClient, answered: Answer, verdict: str) -> None:
    client.put(verdict, json={"verdict": "accepted", "placement": {"cx": 127.5, "cy": 127.5, "angle_deg": 0.0}})
    image = answered["ranking"]["hits"][0]["image"]
    side = answered["query"]["width_px"]
    tile = client.get(f"/api/images/{image}/tiles/10/0/0.jpg").content  # the first 256 pixels of each side
    first = round(127.5 - (side - 1) / 2)
    there = np.asarray(PillowImage.open(io.BytesIO(tile)), float)[first : first + side, first : first + side]
    with zipfile.ZipFile(io.BytesIO(client.get("/api/matches.zip").content)) as archive:
        crop = np.asarray(PillowImage.open(archive.open(f"001_relief_in_{image}.png")), float)
    assert crop.shape == there.shape
    assert np.abs(crop - there).mean() < 4


def test_a_rejected_hit_is_listed_but_not_exported(client: TestClient, answered: Answer, verdict: str) -> None:
    client.put(verdict, json={"verdict": "rejected"})
    assert rows(client) == []
    assert [m["verdict"] for m in client.get("/api/matches").json()["matches"]] == ["rejected"]
    assert client.get("/api/matches?verdict=accepted").json()["matches"] == []
    assert client.get("/api/matches?search=another").json()["matches"] == []


def test_verdicts_are_there_when_the_index_is_opened_again(client: TestClient, verdict: str) -> None:
    client.put(verdict, json={"verdict": "accepted"})
    book = MatchBook(client.app.state.bench.index.folder)  # type: ignore[attr-defined]
    assert len(book.all()) == 1


def test_a_verdict_can_be_taken_back_once(client: TestClient, verdict: str) -> None:
    client.put(verdict, json={"verdict": "accepted"})
    assert client.delete(verdict).status_code == 204
    assert client.delete(verdict).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"verdict": "maybe"}, {"verdict": "accepted", "placement": {"cx": "nan", "cy": 0, "angle_deg": 0}}]
)
def test_a_verdict_that_makes_no_sense_is_refused(client: TestClient, verdict: str, body: Answer) -> None:
    assert client.put(verdict, json=body).status_code == 422
