"""A second look at the best places: the repository image is cut there as the query was, and represented anew.

In the representation of a whole image a place has other surroundings than the query has, lies at another angle, and is
shown in the same coarse cells as everything else. Cut out of the pixels in the query's frame, with the same borders,
and both shown larger, the right place resembles the query more than a near miss does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from crosslight.errors import InputError
from crosslight.geometry import apply_matrix, cut_window, query_to_repository
from crosslight.rerank.agreement import correlate_parts
from crosslight.types import Image, Placement, Representation

ZOOM = 1.5
MAX_SIDE_PX = 400  # longer queries have cells enough, and the work would grow


@dataclass(frozen=True, eq=False, kw_only=True)
class SecondLook:
    """Compares a query with the places where it may lie by their pixels.

    Attributes
    ----------
    represent_query, represent_there : callable
        The representations of the query's and of the repository's modality.
    read : callable
        From a candidate's name to its image; raises InputError where that cannot be read.
    unread : dict of str to None
        Names of candidates that could not be read so far.
    """

    represent_query: Callable[[Image], Representation]
    represent_there: Callable[[Image], Representation]
    read: Callable[[str], Image]
    unread: dict[str, None] = field(default_factory=dict)

    def compare(self, query: Image, places: Sequence[tuple[str, Placement]]) -> list[float] | None:
        """Return the similarity in [-1, 1] of a query with each place: the mean of the whole's and its parts'.

        0 where almost nothing can be seen. None where the query is so large that there is no need, or where an image
        cannot be read: figures of a first and of a second look do not compare.
        """
        if not places or max(query.height_px, query.width_px) > MAX_SIDE_PX:
            return None
        own = Placement(
            center_xy=((query.width_px - 1) / 2, (query.height_px - 1) / 2), angle_deg=0, scale=1, similarity=1
        )
        larger = _cut_larger(query, own, query)
        asked = torch.from_numpy(self.represent_query(larger).values)
        similarities = []
        for name, place in places:
            try:
                image = self.read(name)
            except InputError:
                self.unread[name] = None
                return None
            similarities.append(self._compare(asked, query, image, place))
        return similarities

    def _compare(self, asked: Tensor, query: Image, image: Image, place: Placement) -> float:
        """Compare the representation of the enlarged query with one place."""
        try:
            there = torch.from_numpy(self.represent_there(_cut_larger(image, place, query)).values)
        except InputError:  # a window so dark or bright that it would not be taken for an image of its kind
            return 0.0
        inside = _cells_inside(image, place, query, (asked.shape[1], asked.shape[2]))
        return (_correlate(asked, there, inside) + correlate_parts(asked, there, inside)) / 2


def _cut_larger(image: Image, place: Placement, query: Image) -> Image:
    """Return what a query at this place would show, `ZOOM` times as large."""
    rows, cols = (round(n * ZOOM) for n in (query.height_px, query.width_px))
    return cut_window(image, replace(place, scale=place.scale / ZOOM), rows, cols, image.name)


def _cells_inside(image: Image, place: Placement, query: Image, shape: tuple[int, int]) -> Tensor:
    """Return which cells (h, w) of a query at this place lie inside the image, as bool."""
    sides = (query.height_px, query.width_px)
    rows, cols = ((np.arange(n) + 0.5) * side / n - 0.5 for n, side in zip(shape, sides, strict=True))
    points = apply_matrix(query_to_repository(place, *sides), np.stack(np.meshgrid(cols, rows), axis=-1).reshape(-1, 2))
    limits = np.array([image.width_px, image.height_px]) - 0.5
    return torch.from_numpy(((points >= -0.5) & (points <= limits)).all(axis=1).reshape(shape))


def _correlate(asked: Tensor, there: Tensor, inside: Tensor) -> float:
    """Return the normalised cross-correlation of (C, h, w), zero-mean per channel, over the cells inside."""
    a, b = (values[:, inside] for values in (asked, there))
    a, b = (values - values.mean(dim=1, keepdim=True) for values in (a, b))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-9))
