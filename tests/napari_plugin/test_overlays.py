"""The layers of a hit, as napari would take them; napari itself is not needed."""

import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import crosslight
from crosslight.napari_plugin import overlays
from crosslight.show.raster import to_rgb
from crosslight.types import Ranking


@pytest.fixture(scope="module")
def ranking(index_folder: Path, query_file: Path) -> Ranking:
    with crosslight.Index.open(index_folder) as index:
        return index.search([query_file], top=2)[0]


def test_the_query_lies_in_the_image_where_it_was_cut_from(index_folder: Path, ranking: Ranking) -> None:
    assert ranking.query_image is not None
    with crosslight.Index.open(index_folder) as index:
        (image, below, _), (query, over, kind), (corners, _, _) = overlays.hit_layers(
            index, ranking.query_image, ranking.hits[0]
        )
    assert image.shape == (200, 200, 3) and below["rgb"] and kind == "image"
    assert query.shape == (110, 110) and not over["rgb"]
    center = over["affine"] @ [54.5, 54.5, 1.0]
    assert abs(center[0] - 104) < 3 and abs(center[1] - 95) < 3  # (row, column)
    np.testing.assert_allclose(np.mean(corners[0], axis=0), center[:2], atol=1e-6)


def test_a_hit_without_a_place_is_its_image(index_folder: Path, query_file: Path) -> None:
    with crosslight.Index.open(index_folder) as index:
        (ranking,) = index.search([query_file], rerank="none", top=1)
        assert ranking.query_image is not None
        assert len(overlays.hit_layers(index, ranking.query_image, ranking.hits[0])) == 1


@pytest.mark.parametrize(
    "key",
    [
        np.s_[10:50, 20:90],
        np.s_[::3, 5::4, :],
        np.s_[7],
        np.s_[7, 3:9, 0],
        np.s_[-1, -1],
        np.s_[::-1, 10:2:-2],
        np.s_[5:5, :],
        np.s_[:, :, 1:],
    ],
)
def test_a_large_image_is_read_as_an_array_would_be(index_folder: Path, key: object) -> None:
    with crosslight.Index.open(index_folder) as index:
        (level, *_) = overlays.lazy_levels(index, "image3")
        whole = to_rgb(index.image("image3"))
        assert level.shape == whole.shape and level.dtype == whole.dtype
        np.testing.assert_array_equal(level[key], whole[key])
        np.testing.assert_array_equal(np.asarray(level), whole)


def test_the_entry_point_leads_to_the_manifest_and_the_manifest_to_the_widget() -> None:
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    package, name = settings["project"]["entry-points"]["napari.manifest"]["crosslight"].split(":")
    manifest = files(package).joinpath(name).read_text(encoding="utf-8")
    assert "python_name: crosslight.napari_plugin.widget:SearchWidget" in manifest
    assert "class SearchWidget(" in files(package).joinpath("widget.py").read_text(encoding="utf-8")
