"""Windows for other viewers: GeoJSON as QuPath reads it, regions as ImageJ reads them."""

import json
import struct
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest

from crosslight.errors import InputError
from crosslight.geometry import query_to_repository, window_corners
from crosslight.show.geojson import write_geojson
from crosslight.show.imagej import write_imagej
from crosslight.show.outlines import find_outlines, safe_name
from crosslight.types import Hit, Placement, Ranking

HEIGHT_PX, WIDTH_PX = 8, 12


def make_ranking(query: str, *places: tuple[str, float, float, float]) -> Ranking:
    hits = []
    for rank, (image, x, y, angle) in enumerate(places, start=1):
        place = Placement(center_xy=(x, y), angle_deg=angle, scale=2.0, similarity=0.9)
        corners = window_corners(place, HEIGHT_PX, WIDTH_PX)
        hits.append(Hit(image=image, rank=rank, similarity=0.9, confidence=0.75, placement=place, corners_xy=corners))
    return Ranking(query=query, hits=hits)


TWO = [make_ranking("q1", ("a", 30, 40, 0), ("b", 100.25, 50, 30)), make_ranking("q2", ("a", 70, 20, -90))]


def polygon_of(feature: dict) -> np.ndarray:
    return np.array(feature["geometry"]["coordinates"][0])


def test_an_upright_window_is_outlined_along_its_pixels_edges(tmp_path: Path) -> None:
    (file,) = write_geojson(tmp_path / "found.geojson", TWO[:1])
    window, center = json.loads(file.read_text())["features"][:2]
    # 12 x 8 query pixels of 2 px each around the centre of pixel (30, 40), which viewers call (30.5, 40.5)
    expected = [[18.5, 32.5], [42.5, 32.5], [42.5, 48.5], [18.5, 48.5], [18.5, 32.5]]
    assert polygon_of(window).tolist() == expected
    assert center["geometry"] == {"type": "Point", "coordinates": [30.5, 40.5]}


@pytest.mark.parametrize("flipped", [False, True])
def test_a_turned_outline_is_the_querys_outer_edge(flipped: bool) -> None:
    place = Placement(center_xy=(100.25, 50), angle_deg=30, scale=2.0, similarity=0.9, flipped=flipped)
    corners = window_corners(place, HEIGHT_PX, WIDTH_PX)
    hit = Hit(image="a", rank=1, similarity=0.9, confidence=0.75, placement=place, corners_xy=corners)
    edge = np.array([[-0.5, -0.5], [11.5, -0.5], [11.5, 7.5], [-0.5, 7.5]])
    matrix = query_to_repository(place, HEIGHT_PX, WIDTH_PX)
    (outline,) = find_outlines([Ranking(query="q", hits=[hit])])
    np.testing.assert_allclose(outline.corners_xy, edge @ matrix[:, :2].T + matrix[:, 2] + 0.5)
    assert ("flipped" in outline.facts) == flipped


def test_a_feature_says_what_qupath_shows(tmp_path: Path) -> None:
    (file,) = write_geojson(tmp_path / "found.geojson", TWO)
    collection = json.loads(file.read_text())
    assert collection["type"] == "FeatureCollection" and len(collection["features"]) == 6
    first = collection["features"][0]
    properties = first["properties"]
    assert properties["objectType"] == "annotation" and properties["name"] == "q1, hit 1"
    assert properties["classification"] == {"name": "Found", "color": [245, 148, 0]}
    assert properties["measurements"]["confidence"] == 0.75 and properties["measurements"]["scale"] == 2.0
    assert properties["metadata"]["image"] == properties["image"] == "a"
    assert all(isinstance(v, str) for v in properties["metadata"].values())  # QuPath takes nothing else
    assert collection["features"][2]["properties"]["classification"]["name"] == "Further hit"
    ids = [uuid.UUID(f["id"]) for f in collection["features"]]
    assert len(set(ids)) == 6
    write_geojson(file, TWO)
    assert json.loads(file.read_text()) == collection


def test_a_folder_gets_one_file_per_image(tmp_path: Path) -> None:
    files = write_geojson(tmp_path / "found", TWO)
    assert [f.name for f in files] == ["a.geojson", "b.geojson"]
    names = [f["properties"]["query"] for f in json.loads(files[0].read_text())["features"]]
    assert names == ["q1", "q1", "q2", "q2"]
    assert {f.name for f in write_imagej(tmp_path / "found", TWO)} == {"a.zip", "b.zip"}


def test_the_bytes_of_a_roi_are_those_of_imagejs_format(tmp_path: Path) -> None:
    (file,) = write_imagej(tmp_path / "one.roi", [make_ranking("q1", ("a", 100.25, 50, 30))])
    data = file.read_bytes()
    assert data[:4] == b"Iout"
    kind, (top, left, bottom, right, n) = data[6], struct.unpack(">5h", data[8:18])
    (options,) = struct.unpack(">h", data[50:52])
    assert kind == 0 and n == 4 and options & 128  # a polygon with sub-pixel corners
    whole = np.array(struct.unpack(">8h", data[64:80])).reshape(2, 4).T + np.array([left, top])
    exact = np.array(struct.unpack(">8f", data[80:112])).reshape(2, 4).T
    expected = find_outlines([make_ranking("q1", ("a", 100.25, 50, 30))])[0].corners_xy
    np.testing.assert_allclose(exact, expected, atol=1e-4)
    np.testing.assert_allclose(whole, expected, atol=0.51)
    assert (left, top) == tuple(whole.min(axis=0)) and (right, bottom) == tuple(whole.max(axis=0) + 1)
    assert struct.unpack(">4B", data[40:44]) == (255, 245, 148, 0)


def test_a_roi_set_comes_back_as_it_was(tmp_path: Path) -> None:
    roifile = pytest.importorskip("roifile", reason="the extra 'imagej' is not installed")
    (file,) = write_imagej(tmp_path / "found.zip", TWO)
    rois = roifile.roiread(file)
    for roi, outline in zip(rois, find_outlines(TWO), strict=True):
        np.testing.assert_allclose(roi.coordinates(), outline.corners_xy, atol=1e-3)
        assert roi.name == f"{outline.hit.image}, {outline.title}"
        assert f"query: {outline.query}\n" in roi.props
    assert len(set(zipfile.ZipFile(file).namelist())) == 3


def test_what_cannot_be_written_is_explained(tmp_path: Path) -> None:
    unaligned = [Ranking(query="q", hits=[Hit(image="a", rank=1, similarity=0.5, confidence=0.5)])]
    with pytest.raises(InputError, match="--rerank align"):
        write_geojson(tmp_path / "x.geojson", unaligned)
    with pytest.raises(InputError, match=r"there are 3; use a name ending in \.zip"):
        write_imagej(tmp_path / "x.roi", TWO)
    with pytest.raises(InputError, match=r"\.zip or \.roi"):
        write_imagej(tmp_path / "x.png", TWO)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "safe"), [("image 1", "image 1"), ("../../etc/passwd", "_.._etc_passwd"), ("a:b\n", "a_b_"), ("..", "_")]
)
def test_image_names_never_become_paths(name: str, safe: str) -> None:
    assert safe_name(name) == safe
