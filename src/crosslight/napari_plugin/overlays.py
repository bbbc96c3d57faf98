"""A hit -> napari layers: the repository image, the query laid over it, the window's outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crosslight.geometry import window_outline
from crosslight.napari_plugin.frames import to_affine
from crosslight.napari_plugin.queries import OURS
from crosslight.show.palette import FOUND, to_hex
from crosslight.show.raster import measure_limits, to_rgb
from crosslight.types import Float64, Hit, Image

if TYPE_CHECKING:
    from crosslight.pipeline.index import Index

LayerData = tuple[Any, dict[str, Any], str]
MAX_WHOLE_PIXELS = 2**26  # a larger image with several resolutions is read as it is looked at
EDGE_SHARE = 0.012  # width of the outline, of the window's shorter side


def hit_layers(index: Index, query: Image, hit: Hit) -> list[LayerData]:
    """Return (data, settings, kind) for `viewer.add_layer`, lowest first.

    Points and pixels are those of the repository image, so that all three lie together. A hit that was not aligned has
    no place: then it is the repository image alone.
    """
    layers = [_repository_layer(index, hit)]
    if hit.placement is None or hit.corners_xy is None or hit.matrix is None:
        return layers
    shown = _settings(query.pixels, f"{query.name} on {hit.image}", hit)
    layers.append(
        (_for_screen(query), {**shown, "affine": to_affine(hit.matrix), "opacity": 0.5, "blending": "translucent"},
         "image")
    )  # fmt: skip
    return [*layers, _outline_layer(hit, window_outline(hit.placement, hit.corners_xy))]


def _repository_layer(index: Index, hit: Hit) -> LayerData:
    entry = index.entry(hit.image)
    name = f"{hit.image} (repository)"
    if entry.height_px * entry.width_px > MAX_WHOLE_PIXELS and len(index.levels(hit.image)) > 1:
        levels = lazy_levels(index, hit.image)
        settings = {"name": name, "metadata": _mark(hit), "rgb": levels[0].ndim == 3, "multiscale": True}
        return levels, settings, "image"
    image = index.image(hit.image)
    return _for_screen(image), _settings(image.pixels, name, hit), "image"


def _outline_layer(hit: Hit, outline_xy: Float64) -> LayerData:
    sides = np.linalg.norm(np.diff(outline_xy, axis=0), axis=1)
    settings = {
        "name": f"window, hit {hit.rank}", "metadata": _mark(hit), "shape_type": "polygon",
        "edge_color": to_hex(FOUND), "face_color": "transparent", "edge_width": max(1.0, EDGE_SHARE * sides.min()),
    }  # fmt: skip
    return [outline_xy[:, ::-1]], settings, "shapes"


def _settings(pixels: NDArray[Any], name: str, hit: Hit) -> dict[str, Any]:
    return {"name": name, "metadata": _mark(hit), "rgb": pixels.shape[2] > 1}


def _mark(hit: Hit) -> dict[str, Any]:
    """Return what our layers remember: that they are ours, and what was measured."""
    return {OURS: {"image": hit.image, "similarity": hit.similarity, "confidence": hit.confidence}}


def _for_screen(image: Image) -> NDArray[Any]:
    """Return one channel as it is, (H, W), and several as colours."""
    return image.pixels[:, :, 0] if image.n_channels == 1 else to_rgb(image)


class LazyLevel:
    """One resolution of a large repository image, read as it is indexed: (H, W), or (H, W, 3) uint8 in colours."""

    def __init__(self, index: Index, name: str, number: int, limits: Float64) -> None:
        self._index, self._name, self._number, self._limits = index, name, number, limits
        level = index.levels(name)[number]
        probe = index.region(name, number, 0, 0, 1, 1)
        self._is_grey = probe.shape[2] == 1
        self.dtype = probe.dtype if self._is_grey else np.dtype(np.uint8)
        self.shape = (level.height_px, level.width_px, *(() if self._is_grey else (3,)))
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return a part, as of an array; steps are taken after reading."""
        keys = key if isinstance(key, tuple) else (key,)
        keys = (*keys, *(slice(None),) * (2 - len(keys)))
        rows, cols = (_pick(size, k) for size, k in zip(self.shape[:2], keys[:2], strict=True))
        if len(rows) == 0 or len(cols) == 0:
            return np.zeros((len(rows), len(cols), *self.shape[2:]), self.dtype)
        top, left = min(rows[0], rows[-1]), min(cols[0], cols[-1])
        pixels = self._index.region(
            self._name, self._number, top, left, abs(rows[-1] - rows[0]) + 1, abs(cols[-1] - cols[0]) + 1
        )[:: rows.step, :: cols.step]
        image = Image(pixels=pixels, name=self._name)
        shown = pixels[:, :, 0] if self._is_grey else to_rgb(image, limits=self._limits)
        picked = tuple(0 if not isinstance(k, slice) else slice(None) for k in keys[:2])
        return shown[(*picked, *keys[2:])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all of it."""
        return np.asarray(self[:, :], dtype=dtype)


def _pick(size: int, key: slice | int) -> range:
    """Return the indices that a key of one axis takes."""
    return range(size)[key] if isinstance(key, slice) else range(size)[key : key + 1 or None]


def lazy_levels(index: Index, name: str) -> Sequence[LazyLevel]:
    """Return all resolutions of a large repository image, in the tones of its coarsest."""
    levels = index.levels(name)
    last = levels[-1]
    coarse = index.region(name, len(levels) - 1, 0, 0, last.height_px, last.width_px)
    limits = measure_limits(Image(pixels=coarse, name=name))
    return [LazyLevel(index, name, number, limits) for number in range(len(levels))]
