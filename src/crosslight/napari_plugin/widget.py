"""The dock widget: choose an index, search with the active layer, look at the hits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from crosslight.errors import CrosslightError
from crosslight.napari_plugin.overlays import LayerData, hit_layers
from crosslight.napari_plugin.queries import OURS, describe_query, read_query
from crosslight.show.words import say_degrees, say_share
from crosslight.types import Hit, Image, Ranking

if TYPE_CHECKING:
    from crosslight.pipeline.index import Index

COLUMNS = ("image", "confidence", "similarity", "angle")
NO_QUERY = "select an image layer, or a shape"
LIKELY = 0.5  # a confidence from which on the first hit is shown unasked
MIN_WIDTH_PX = 380  # so that names of images can be read in the table
KINDS = {"the other kind": None, "kind A": "A", "kind B": "B"}


class _News(QObject):  # type: ignore[misc]
    """Carries progress from the thread that works to the one that draws."""

    progress = Signal(float, float, str)


class SearchWidget(QWidget):  # type: ignore[misc]
    """Search an index with the active image layer, or with the selected shape on it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that it is docked in.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.index: Index | None = None
        self.ranking: Ranking | None = None
        self._news = _News()
        self._build()
        self._news.progress.connect(self._show_progress)
        self._viewer.layers.selection.events.changed.connect(self._name_query)
        self._name_query()

    def open_index(self, folder: str | Path) -> None:
        """Open an index folder, in the background."""
        self.folder.setText(str(folder))
        self._work("opening the index", lambda: _open(Path(folder)), self._opened)

    def search(self) -> None:
        """Search with what is selected, in the background."""
        index = self.index
        if index is None:
            self._say("Choose an index first.")
            return
        try:
            query = read_query(self._viewer)
        except CrosslightError as error:
            self._say(str(error))
            return
        settings: dict[str, Any] = {
            "top": self.n_hits.value(), "rotation": float(self.rotation.value()),
            "modality": KINDS[self.kind.currentText()], "progress": self._news.progress.emit,
        }  # fmt: skip
        self._work("searching", lambda: index.search([query], **settings)[0], self._found)

    def show_hit(self, row: int) -> None:
        """Replace the layers of the hit that is shown by those of another; the user's own layers are hidden."""
        index, ranking = self.index, self.ranking
        if index is None or ranking is None or ranking.query_image is None or not 0 <= row < len(ranking.hits):
            return
        query, hit = ranking.query_image, ranking.hits[row]
        self._work("loading the hit", lambda: _load(index, query, hit), self._add_layers)

    def export(self, path: str | Path) -> None:
        """Write the windows of all hits as GeoJSON, or as a RoiSet where the name ends in .zip."""
        from crosslight.show.geojson import write_geojson
        from crosslight.show.imagej import write_imagej

        if self.ranking is None:
            return
        write = write_imagej if Path(path).suffix.lower() in (".zip", ".roi") else write_geojson
        try:
            self._say(f"written: {', '.join(map(str, write(Path(path), [self.ranking])))}")
        except (CrosslightError, OSError) as error:
            self._say(str(error))

    def close_index(self) -> None:
        """Release the index, so that other programs can change it."""
        if self.index is not None:
            self.index.close()
            self.index = None

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Release the index with the widget."""
        self.close_index()
        super().closeEvent(event)

    def _build(self) -> None:
        """Lay out the widget, top to bottom in the order of work."""
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("index folder")
        self.folder.returnPressed.connect(lambda: self.open_index(self.folder.text()))
        self._choose = _button("Choose…", self._choose_index)
        self.facts = QLabel("none is open")
        self.query = QLabel(NO_QUERY)
        for label in (self.facts, self.query):
            label.setWordWrap(True)
        self.kind = QComboBox()
        self.kind.addItems(list(KINDS))
        self.kind.setToolTip("What kind of image the query is; the index holds one kind and is asked with the other.")
        self.rotation = _spin_box(30, 180, "±", "°", "How far the query may be turned; 180 is any angle.")
        self.n_hits = _spin_box(5, 100, "", "", "How many hits to list.", low=1)
        self.start = _button("Search", self.search)
        self.progress = QProgressBar()
        self.progress.setVisible(False)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.table = _table(self.show_hit)
        self._export = _button("Export windows…", self._choose_export)
        self._export.setEnabled(False)
        form = QFormLayout()
        form.addRow("Index", _row(self.folder, self._choose))
        form.addRow("", self.facts)
        form.addRow("Query", self.query)
        form.addRow("is of", self.kind)
        form.addRow("Rotation", self.rotation)
        form.addRow("Hits", self.n_hits)
        self.setMinimumWidth(MIN_WIDTH_PX)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for part in (self.start, self.progress, self.message, self.table, self._export):
            layout.addWidget(part)

    def _work(self, what: str, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run a function in another thread; its result, or what went wrong in one sentence, comes back to this one."""
        self._set_busy(True, what)
        worker = create_worker(_guard, function)
        worker.returned.connect(lambda outcome: self._finish(outcome, done))
        worker.errored.connect(lambda error: self._finish((None, error), done))  # a fault: napari shows it too
        worker.start()

    def _finish(self, outcome: tuple[Any, Exception | None], done: Callable[[Any], None]) -> None:
        result, error = outcome
        self._set_busy(False)
        if error is not None:
            self._say(str(error))
        else:
            done(result)

    def _set_busy(self, busy: bool, what: str = "") -> None:
        for part in (self.start, self._choose, self.folder, self.table):
            part.setEnabled(not busy)
        self.progress.setVisible(busy)
        self.progress.setRange(0, 0)
        self.progress.setFormat(what)
        self._say(f"{what} …" if busy else "")

    def _show_progress(self, done: float, total: float, label: str) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * done / total) if total else 1000)
        self._say(f"{label.split(':', 1)[0]} …")

    def _opened(self, index: Index) -> None:
        self.close_index()
        self.index, self.ranking = index, None
        self.table.setRowCount(0)
        self._export.setEnabled(False)
        facts = index.info()
        self.facts.setText(f"{facts['images']} images of kind {facts['modality']}")

    def _found(self, ranking: Ranking) -> None:
        self.ranking = ranking
        self.table.setRowCount(len(ranking.hits))
        for row, hit in enumerate(ranking.hits):
            for column, text in enumerate(_cells(hit)):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self._export.setEnabled(any(hit.placement for hit in ranking.hits))
        best = ranking.hits[0] if ranking.hits else None
        if best is not None and best.confidence >= LIKELY:
            self.table.selectRow(0)
            self.show_hit(0)
        else:
            self._say("No sure answer: double-click a hit to look at it.")

    def _add_layers(self, layers: list[LayerData]) -> None:
        """Show layers in place of those that we added before, and hide all others."""
        for layer in [layer for layer in self._viewer.layers if OURS in layer.metadata]:
            self._viewer.layers.remove(layer)
        asked = self._viewer.layers.selection.active
        for layer in self._viewer.layers:
            layer.visible = False
        for data, settings, kind in layers:
            getattr(self._viewer, f"add_{kind}")(data, **settings)
        self._viewer.reset_view()
        if asked is not None:
            self._viewer.layers.selection.active = asked  # so that the next search asks with the same
        self._say("Your own layers are hidden. The query's layer has its opacity in its controls.")

    def _name_query(self, event: Any = None) -> None:
        self.query.setText(describe_query(self._viewer) or NO_QUERY)

    def _choose_index(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose an index folder")
        if folder:
            self.open_index(folder)

    def _choose_export(self) -> None:
        kinds = "GeoJSON for QuPath (*.geojson);;RoiSet for ImageJ (*.zip)"
        path, _ = QFileDialog.getSaveFileName(self, "Export windows", "found.geojson", kinds)
        if path:
            self.export(path)

    def _say(self, text: str) -> None:
        self.message.setText(text)


def _open(folder: Path) -> Index:
    from crosslight.pipeline.index import Index

    return Index.open(folder)


def _load(index: Index, query: Image, hit: Hit) -> list[LayerData]:
    return hit_layers(index, query, hit)


def _guard(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return what a function returns, and the error if it raises one on purpose."""
    try:
        return function(), None
    except (CrosslightError, OSError) as error:
        return None, error


def _cells(hit: Hit) -> tuple[str, ...]:
    """Return a hit in words, in the order of `COLUMNS`."""
    angle = say_degrees(hit.placement.angle_deg) if hit.placement else ""
    return hit.image, say_share(hit.confidence), f"{hit.similarity:.3f}", angle


def _button(text: str, action: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.clicked.connect(lambda: action())
    return button


def _spin_box(value: int, high: int, prefix: str, suffix: str, help_text: str, low: int = 0) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setPrefix(prefix)
    box.setSuffix(suffix)
    box.setToolTip(help_text)
    return box


def _row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for part in parts:
        row.addWidget(part)
    return row


def _table(chosen: Callable[[int], None]) -> QTableWidget:
    table = QTableWidget(0, len(COLUMNS))
    table.setHorizontalHeaderLabels(COLUMNS)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setToolTip("Double-click a hit to see the query laid over it.")
    table.cellDoubleClicked.connect(lambda row, column: chosen(row))
    return table
