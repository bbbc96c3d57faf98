"""The dock widget at work in napari: an index is opened, asked with a layer and with a shape, and the hit is shown."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crosslight
from crosslight.geometry import apply_matrix, query_to_repository

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("napari", reason="napari is not installed: pip install 'crosslight[napari]' PySide6-Essentials")
pytest.importorskip("qtpy.QtWidgets", reason="no Qt for napari: pip install PySide6-Essentials", exc_type=Exception)

from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtWidgets import QApplication

from crosslight.napari_plugin.queries import describe_query, read_pixels, read_query
from crosslight.napari_plugin.widget import SearchWidget

WAIT_S = 120


@pytest.fixture(scope="module")
def app() -> Any:
    return QApplication.instance() or QApplication([])


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def widget(app: Any, viewer: ViewerModel, index_folder: Path) -> Iterator[SearchWidget]:
    made = SearchWidget(PublicOnlyProxy(viewer))  # as napari hands it to plugins
    made.open_index(index_folder)
    wait(app, lambda: made.index is not None)
    yield made
    made.close_index()


def wait(app: Any, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not ready() and time.monotonic() < deadline:
        app.processEvents()
        time.sleep(0.01)
    assert ready()


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_the_active_layer_is_searched_with_and_laid_over_the_hit(
    app: Any, viewer: ViewerModel, widget: SearchWidget, query_file: Path
) -> None:
    assert widget.facts.text() == "10 images of kind A"
    viewer.add_image(crosslight.read_image(query_file).pixels[:, :, 0], name="query9")
    assert widget.query.text() == "layer query9"
    widget.search()
    wait(app, lambda: len(viewer.layers) == 4)
    assert widget.table.item(0, 0).text() == "image9" and widget.table.rowCount() == 5
    assert names(viewer) == ["query9", "image9 (repository)", "query9 on image9", "window, hit 1"]
    assert not viewer.layers["query9"].visible
    row, column = viewer.layers["query9 on image9"].data_to_world((54.5, 54.5))
    assert abs(row - 104) < 3 and abs(column - 95) < 3
    widget.show_hit(1)
    wait(app, lambda: "image9 (repository)" not in names(viewer))
    assert len(viewer.layers) == 4 and widget.query.text() == "layer query9"


def test_a_turned_rectangle_on_an_image_is_searched_with(
    app: Any, viewer: ViewerModel, widget: SearchWidget, folders: Path, tmp_path: Path
) -> None:
    image = crosslight.read_image(folders / "B" / "image9.png")
    viewer.add_image(image.pixels[:, :, 0], name="whole", scale=(0.5, 0.5))
    place = crosslight.Placement(center_xy=(95, 104), angle_deg=12, scale=1, similarity=1)
    corners = apply_matrix(query_to_repository(place, 110, 110), np.array([[0.0, 0], [109, 0], [109, 109], [0, 109]]))
    viewer.add_shapes([corners[:, ::-1] * 0.5], shape_type="rectangle", name="box")
    assert widget.query.text() == "shape 1 of box, in whole"
    query = read_query(viewer)
    assert abs(query.width_px - 109) <= 1 and query.n_channels == 1
    widget.search()
    wait(app, lambda: len(viewer.layers) == 5)
    hit = widget.ranking.hits[0]  # type: ignore[union-attr]
    assert hit.image == "image9" and hit.placement is not None and abs(hit.placement.angle_deg - 12) < 2
    widget.export(tmp_path / "found.geojson")
    assert json.loads((tmp_path / "found.geojson").read_text())["features"][0]["properties"]["image"] == "image9"


def test_what_cannot_be_searched_with_is_explained(
    app: Any, viewer: ViewerModel, widget: SearchWidget, tmp_path: Path
) -> None:
    widget.search()
    assert "Select an image layer" in widget.message.text()
    viewer.add_image(np.zeros((8, 300), np.uint8), name="strip")
    widget.search()
    assert "at least 16 px" in widget.message.text()
    viewer.add_image(np.zeros((64, 64, 3), np.uint8), name="colours")  # kind B is grey
    widget.search()
    wait(app, lambda: widget.start.isEnabled())
    assert "channel" in widget.message.text() and widget.ranking is None
    widget.open_index(tmp_path)
    wait(app, lambda: widget.start.isEnabled())
    assert str(tmp_path) in widget.message.text() and widget.index is not None


def test_layers_are_read_as_images_are(viewer: ViewerModel) -> None:
    rng = np.random.default_rng(0)
    stack = viewer.add_image(rng.integers(0, 999, (30, 20, 40), np.uint16), name="stack")
    channels = viewer.add_image(rng.random((5, 20, 40)).astype(np.float32), name="channels")
    labels = viewer.add_image(rng.integers(0, 2, (20, 40), bool), name="bits")
    opaque = np.full((20, 40, 4), 255, np.uint8)
    for step in ((7, 0, 0), (3, 7, 0, 0)):  # the viewer may have more axes than the layer
        np.testing.assert_array_equal(read_pixels(stack, step)[:, :, 0], stack.data[7])
    assert read_pixels(stack, (0, 0)).shape == (20, 40, 1)
    assert read_pixels(channels).shape == (20, 40, 5)
    assert read_pixels(labels).dtype == np.uint8
    assert read_pixels(viewer.add_image(opaque, name="opaque", rgb=True)).shape == (20, 40, 3)
    pyramid = viewer.add_image([np.ones((64, 64), np.uint8), np.ones((32, 32), np.uint8)], name="pyramid")
    assert read_pixels(pyramid).shape == (64, 64, 1)


def test_our_own_layers_are_not_asked_with(viewer: ViewerModel) -> None:
    viewer.add_image(np.zeros((64, 64)), name="ours", metadata={"crosslight": {}})
    assert describe_query(viewer) == ""
