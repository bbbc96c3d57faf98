"""Pictures of what the generators make, drawn during training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.represent.gan.model import TranslationModel
from crosslight.types import Image, Modality, Pair

SIDE_PX = 192
GAP_PX = 4


def draw_samples(model: TranslationModel, pairs: Sequence[Pair], path: Path) -> None:
    """Write one row per pair: A, the A made from B, B, the B made from A."""
    rows = []
    for pair in pairs:
        cells = []
        for made, own, other in (("A", pair.a, pair.b), ("B", pair.b, pair.a)):
            shown = model.with_target("A" if made == "A" else "B", colour=True)
            cells += [_cell(_show(shown, own)), _cell(_show(shown, other, translated=True))]
        rows.append(np.concatenate(cells, axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.concatenate(rows, axis=0)
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


def _show(model: TranslationModel, image: Image, *, translated: bool = False) -> NDArray[np.uint8]:
    """Return (H, W, 3) of the image as it is, or of its translation into the target."""
    other: Modality = "B" if model.target == "A" else "A"
    codes = model.representer(other if translated else model.target).represent(image).to_codes()
    return np.ascontiguousarray(codes.transpose(1, 2, 0))


def _cell(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture fitted into a white square with a gap around it."""
    scale = (SIDE_PX - 2 * GAP_PX) / max(pixels.shape[:2])
    width, height = (max(1, round(side * scale)) for side in (pixels.shape[1], pixels.shape[0]))
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    cell = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    cell[GAP_PX : GAP_PX + height, GAP_PX : GAP_PX + width] = small
    return cell
