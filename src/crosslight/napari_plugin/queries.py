"""napari layers -> the image to search with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import InputError
from crosslight.geometry import warp_window
from crosslight.napari_plugin.frames import frame_shape
from crosslight.read.image import MIN_SIDE_PX
from crosslight.read.pixels import MAX_CHANNELS, to_supported_dtype
from crosslight.types import Image

OURS = "crosslight"  # the key in a layer's metadata that says we added it


def describe_query(viewer: Any) -> str:
    """Say what a search would be made with; empty where nothing suitable is selected."""
    layer = viewer.layers.selection.active
    if _kind(layer) == "Image":
        return f"layer {layer.name}"
    if _kind(layer) == "Shapes" and len(layer.data) > 0:
        below = _image_below(viewer)
        return f"shape {_chosen_shape(layer) + 1} of {layer.name}, in {below.name}" if below is not None else ""
    return ""


def read_query(viewer: Any) -> Image:
    """Return the pixels of the active image layer, or those within the selected shape of the active shapes layer.

    Raises
    ------
    InputError
        If something else is active, or what is selected cannot be searched with.
    """
    layer = viewer.layers.selection.active
    step = viewer.dims.current_step
    if _kind(layer) == "Image":
        return _check(Image(pixels=read_pixels(layer, step), name=layer.name))
    if _kind(layer) != "Shapes" or len(layer.data) == 0:
        raise InputError("Select an image layer, or a shapes layer with a rectangle in it, to search with.")
    below = _image_below(viewer)
    if below is None:
        raise InputError("There is no image layer under the shape; load the image to search with.")
    number = _chosen_shape(layer)
    return _check(_cut(read_pixels(below, step), _corners_on(below, layer, number), f"{below.name}, {number + 1}"))


def read_pixels(layer: Any, step: tuple[int, ...] = ()) -> NDArray[Any]:
    """Return what an image layer shows as (H, W, C), uint8, uint16 or float32.

    Of a pyramid the finest level is taken. More than two dimensions are channels where there are at most 16 of them;
    otherwise the plane at `step` is taken.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    if layer.rgb:
        plane = _take_plane(data, step, 3)
        if plane.shape[2] == 4 and np.all(plane[:, :, 3] == (255 if plane.dtype == np.uint8 else plane.max())):
            plane = plane[:, :, :3]
    elif data.ndim == 2:
        plane = np.asarray(data)[:, :, None]
    elif data.ndim == 3 and data.shape[0] <= MAX_CHANNELS:
        plane = np.moveaxis(np.asarray(data), 0, 2)
    else:
        plane = _take_plane(data, step, 2)[:, :, None]
    return to_supported_dtype(plane, Path(layer.name))


def _take_plane(data: Any, step: tuple[int, ...], n_kept: int) -> NDArray[Any]:
    """Return the last `n_kept` axes at the viewer's position; its axes and the layer's are counted from the last."""
    n_lead = data.ndim - n_kept
    lead = (*(0,) * n_lead, *step[:-2])[len(step[:-2]) :] if n_lead else ()
    return np.asarray(data[lead])


def _kind(layer: Any) -> str:
    """Return "Image", "Shapes" or another class name of napari's; layers that we added are not asked with."""
    if layer is None or OURS in layer.metadata:
        return ""
    return str(layer.__class__.__name__)  # napari hands plugins proxies, whose type() is another


def _image_below(viewer: Any) -> Any:
    """Return the topmost image layer that is not ours, a visible one if there is any, or None."""
    images = [layer for layer in reversed(viewer.layers) if _kind(layer) == "Image"]
    return next((layer for layer in images if layer.visible), images[0] if images else None)


def _chosen_shape(layer: Any) -> int:
    """Return the number of the selected shape, or of the last one drawn."""
    return min(layer.selected_data) if layer.selected_data else len(layer.data) - 1


def _corners_on(image: Any, shapes: Any, number: int) -> NDArray[np.float64]:
    """Return a shape's corners (x, y) in the pixels of an image layer, whatever the layers' own transforms are."""
    corners = [image.world_to_data(shapes.data_to_world(vertex)) for vertex in shapes.data[number]]
    return np.array(corners, dtype=np.float64)[:, -2:][:, ::-1]


def _cut(pixels: NDArray[Any], corners_xy: NDArray[np.float64], name: str) -> Image:
    matrix, height_px, width_px = frame_shape(corners_xy)
    values = warp_window(pixels, matrix, height_px, width_px)
    if pixels.dtype.kind == "u":
        values = np.clip(np.rint(values), 0, np.iinfo(pixels.dtype).max)
    return Image(pixels=values.astype(pixels.dtype), name=name)


def _check(image: Image) -> Image:
    """Raise InputError for what could not have been read from a file either."""
    if min(image.height_px, image.width_px) < MIN_SIDE_PX:
        raise InputError(
            f"{image.name} is {image.width_px} x {image.height_px} px; at least {MIN_SIDE_PX} px a side are needed."
        )
    if image.n_channels > MAX_CHANNELS:
        raise InputError(f"{image.name} has {image.n_channels} channels; 1 to {MAX_CHANNELS} can be searched with.")
    if not np.isfinite(image.pixels).all():
        raise InputError(f"{image.name} has infinite or undefined pixels; mend it first.")
    return image
