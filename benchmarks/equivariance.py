"""How well a trained model commutes with turns: correlation of f(rot x) with rot f(x), per modality.

`python benchmarks/equivariance.py MODEL A_FOLDER B_FOLDER [--images 8]`. Quarter turns of whole images, with an
untrained network of the same shape beside; then windows of 70 % of the side, cut out of the pixels at some angles: at 0
degrees only the border differs. The margin of the representation that sees beyond is left out. 1 is perfect.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from crosslight.geometry import cut_window, query_to_repository, warp_window
from crosslight.read.image import list_images, read_image
from crosslight.represent.comir.model import ComirModel, ComirRepresenter
from crosslight.represent.comir.moves import in_cells
from crosslight.represent.comir.network import build_network
from crosslight.types import MODALITIES, Float32, Image, Placement

MARGIN_PX = 16
ANGLES_DEG = (0, 15, 30, 45)


def agreement(representer: ComirRepresenter, image: Image) -> float:
    """Return the mean correlation over the three quarter turns of one square image."""
    first = representer.represent(image)
    found = []
    for quarters in (1, 2, 3):
        turned = replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, quarters)))
        found.append(correlation(first.values, np.rot90(representer.represent(turned).values, -quarters, (1, 2)),
                                 MARGIN_PX // first.stride))  # fmt: skip
    return float(np.mean(found))


def turned_agreement(representer: ComirRepresenter, image: Image, angle_deg: float) -> float:
    """Correlate a turned window's representation with the same window of the whole image's."""
    stride = representer.stride
    side = int(min(image.height_px, image.width_px) / math.sqrt(2)) // stride * stride
    center = ((image.width_px - 1) / 2, (image.height_px - 1) / 2)
    place = Placement(center_xy=center, angle_deg=angle_deg, scale=1, similarity=1)
    to_image = np.vstack([query_to_repository(place, side, side), [0, 0, 1]])
    to_cells = in_cells(to_image[None], stride)[0].double().numpy()
    whole = representer.represent(image).values.transpose(1, 2, 0)
    expected = warp_window(whole, to_cells, side // stride, side // stride).transpose(2, 0, 1)
    found = representer.represent(cut_window(image, place, side, side, image.name)).values
    return correlation(found, expected, MARGIN_PX // stride)


def correlation(x: Float32, y: Float32, margin: int) -> float:
    """Correlate two representations inside a margin, all channels together, each with its mean taken out."""
    inside = (slice(None), slice(margin, -margin), slice(margin, -margin))
    x, y = (v[inside] - v[inside].mean(axis=(1, 2), keepdims=True) for v in (x, y))
    return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))


def square(image: Image, multiple: int) -> Image:
    """Cut the middle square whose side is a multiple of the stride, so that quarter turns keep the grid."""
    side = min(image.height_px, image.width_px) // multiple * multiple
    top, left = (image.height_px - side) // 2, (image.width_px - side) // 2
    return replace(image, pixels=image.pixels[top : top + side, left : left + side])


def main() -> None:
    """Print one line per modality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("folders", type=Path, nargs=2)
    parser.add_argument("--images", type=int, default=8)
    options = parser.parse_args()
    model = ComirModel.load(options.model)
    for modality, folder in zip(MODALITIES, options.folders, strict=True):
        trained = model.representer(modality)
        torch.manual_seed(0)
        fresh = build_network(trained.intensity.n_channels, model.network)
        untrained = ComirRepresenter(trained.admission, fresh, trained.scale, torch.device("cpu"))
        images = [square(read_image(p), trained.stride) for p in list_images([folder])[: options.images]]
        values = [np.mean([agreement(r, i) for i in images]) for r in (trained, untrained)]
        print(f"{modality}: {values[0]:.3f} trained, {values[1]:.3f} untrained, over {len(images)} images")
        for angle in ANGLES_DEG:
            print(
                f"{modality} at {angle} degrees: {np.mean([turned_agreement(trained, i, angle) for i in images]):.3f}"
            )


if __name__ == "__main__":
    main()
