"""OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3): folders of chunks with their levels and pixel sizes in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import InputError, MissingDependencyError, UnreadableImageError
from crosslight.read.pixel_size import micrometres, square
from crosslight.read.pixels import MAX_CHANNELS, to_supported_dtype
from crosslight.read.source import Level, check_region, make_levels


class OmeZarrSource:
    """One multi-scale image of an OME-Zarr folder, read in regions."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        self.name, self._path = path.stem, path
        group, image = _open_group(path)
        axes = [str(a["name"] if isinstance(a, Mapping) else a).lower() for a in image.get("axes", [])]
        try:
            self._arrays = [group[d["path"]] for d in image["datasets"]]
        except (KeyError, TypeError) as error:
            raise UnreadableImageError(f"{path} lacks a level that it lists ({error}); copy it again.") from error
        self._axes = axes or list("tczyx"[-self._arrays[0].ndim :])
        self._index = self._check_axes()
        sizes = [(a.shape[self._axes.index("y")], a.shape[self._axes.index("x")]) for a in self._arrays]
        self.levels: Sequence[Level] = make_levels(sizes, _pixel_size(image, self._axes) if mpp is None else mpp)
        self.n_channels = int(self._arrays[0].shape[self._axes.index("c")]) if "c" in self._axes else 1
        if self.n_channels > MAX_CHANNELS:
            raise InputError(f"{path} has {self.n_channels} channels; 1 to {MAX_CHANNELS} can be read.")

    def _check_axes(self) -> list[str]:
        """Return the axes that are kept; refuses stacks."""
        shape = self._arrays[0].shape
        if len(shape) != len(self._axes) or not {"y", "x"} <= set(self._axes):
            raise InputError(f"{self._path} has the axes {self._axes} for shape {shape}; an image needs y and x.")
        long = [(a, n) for a, n in zip(self._axes, shape, strict=True) if a not in "cyx" and n > 1]
        if long:
            raise InputError(
                f"{self._path} is a stack ({', '.join(f'{n} along {a}' for a, n in long)}); give one plane of it."
            )
        return [a for a in self._axes if a in "cyx"]

    def read_region(self, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, C) pixels; see `SlideSource`."""
        check_region(self, level, top, left, rows, cols)
        parts = {"y": slice(top, top + rows), "x": slice(left, left + cols), "c": slice(None)}
        try:
            values = np.asarray(self._arrays[level][tuple(parts.get(a, 0) for a in self._axes)])
        except Exception as error:  # codecs raise whatever they like for a damaged chunk
            raise UnreadableImageError(f"{self._path} is damaged near row {top}, column {left} ({error}).") from error
        if "c" not in self._index:
            values, kept = values[..., None], [*self._index, "c"]
        else:
            kept = self._index
        pixels = values.transpose([kept.index(a) for a in "yxc"])
        return np.ascontiguousarray(to_supported_dtype(pixels, self._path))

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _open_group(path: Path) -> tuple[Any, Mapping[str, Any]]:
    """Return the group of the image and its multi-scale description."""
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading {path} needs zarr; install it with `pip install 'crosslight[slides]'`."
        ) from error
    try:
        group: Any = zarr.open_group(str(path), mode="r")
    except Exception as error:
        raise UnreadableImageError(f"{path} is not a readable Zarr folder ({error}); copy it again.") from error
    image = _multiscales(group)
    if image is None and "0" in group and hasattr(group["0"], "attrs"):  # bioformats2raw nests its images
        group = group["0"]
        image = _multiscales(group)
    if image is None:
        raise InputError(f"{path} is Zarr but not an OME-Zarr image: it has no multiscales; convert it to OME-Zarr.")
    return group, image


def _multiscales(group: Any) -> Mapping[str, Any] | None:
    attributes = dict(group.attrs)
    found = attributes.get("ome", attributes).get("multiscales")  # 0.5 puts everything under "ome"
    return found[0] if found else None


def _pixel_size(image: Mapping[str, Any], axes: Sequence[str]) -> float | None:
    """Return micrometres per pixel of the finest level."""
    steps = [*image["datasets"][0].get("coordinateTransformations", []), *image.get("coordinateTransformations", [])]
    scales = {"y": 1.0, "x": 1.0}
    for step in steps:
        if step.get("type") == "scale":
            scales = {a: scales[a] * float(step["scale"][axes.index(a)]) for a in scales}
    units = {a["name"]: a.get("unit") for a in image.get("axes", []) if isinstance(a, Mapping)}
    factors = {a: micrometres(str(units.get(a))) for a in scales}
    x, y = factors["x"], factors["y"]
    if x is None or y is None:
        return None
    return square(scales["x"] * x, scales["y"] * y)
