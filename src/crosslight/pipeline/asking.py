"""Queries at the pixel size of what they are compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from crosslight.errors import InputError
from crosslight.read.image import MIN_SIDE_PX
from crosslight.read.rescale import resample_pixels
from crosslight.represent.base import Representer
from crosslight.rerank.align import Query
from crosslight.types import Entry, Image, Placement

SAME_MPP = 0.02  # pixel sizes closer than this are taken as equal
MAX_QUERY_PX = 8192  # a query is not made larger than this


class Asked:
    """A query image, and what the network makes of it at each pixel size it is asked for.

    Parameters
    ----------
    image : Image
        As it was read; its `mpp` is what decides, None where that is not known.
    representer : Representer
        That of its modality.
    label : str, optional
        What to call it in messages: its file; by default its name.
    """

    def __init__(self, image: Image, representer: Representer, label: str = "") -> None:
        self.image, self._representer, self.label = image, representer, label or image.name
        self._queries: dict[tuple[float, bool], Query] = {}

    def factor(self, target_mpp: float | None) -> float:
        """Return how many pixels of size `target_mpp` one of the query's makes; 1 where either is not known."""
        if target_mpp is None or self.image.mpp is None:
            return 1.0
        factor = self.image.mpp / target_mpp
        return 1.0 if abs(factor - 1) < SAME_MPP else factor

    def at(self, target_mpp: float | None, *, plain: bool = False) -> Query:
        """Return the query at a pixel size, with `plain` as large images are represented.

        Raises InputError where it would be too small or too large there.
        """
        factor = self.factor(target_mpp)
        if (factor, plain) not in self._queries:
            sides = [round(n * factor) for n in self.image.pixels.shape[:2]]
            if factor != 1 and not (min(sides) >= MIN_SIDE_PX and max(sides) <= MAX_QUERY_PX):
                raise InputError(
                    f"{self.label} ({self.image.mpp:g} micrometres per pixel) has {sides[1]} x {sides[0]} px at "
                    f"the repository's {target_mpp:g}; queries need {MIN_SIDE_PX} to {MAX_QUERY_PX}. Check both pixel "
                    "sizes; the query's can be given (query_mpp)."
                )
            image = replace(self.image, pixels=resample_pixels(self.image.pixels, factor))
            representation = (self._representer.plain if plain else self._representer).represent(image)
            if bool((self.image.pixels == self.image.pixels[0, 0]).all()):
                raise InputError(f"{self.label} has one value everywhere: nothing can be found by it; leave it out.")
            self._queries[factor, plain] = Query(
                representation=representation, height_px=image.height_px, width_px=image.width_px, image=image
            )
        return self._queries[factor, plain]

    def misfit(self, n: int, what: str) -> InputError:
        """Return the error of a query that fits into none of `n` images or slides."""
        among = f"the only {what}" if n == 1 else f"any of the {n} {what}s"
        return InputError(
            f"{self.label} ({self.image.width_px} x {self.image.height_px} px) does not fit into {among} of this "
            "repository at the angles and scales looked for; cut it smaller, let it stick out (overlap 0.5), or "
            "check the pixel sizes (query_mpp)."
        )

    def in_its_pixels(self, place: Placement, target_mpp: float | None) -> Placement:
        """Return a placement of `at(target_mpp)` as one of the image as it was read."""
        return replace(place, scale=place.scale * self.factor(target_mpp))


def working_mpp(entry: Entry) -> float | None:
    """Return the micrometres per pixel at which an image was represented."""
    return None if entry.mpp is None else entry.mpp * entry.reduction


def group_by_pixel_size(entries: Iterable[Entry]) -> list[tuple[float | None, list[Entry]]]:
    """Return entries in groups of (about) equal pixel size, each with that size."""
    groups: dict[int | None, list[Entry]] = {}
    for entry in entries:
        mpp = working_mpp(entry)
        key = None if mpp is None or mpp <= 0 else round(math.log(mpp) / math.log1p(SAME_MPP))
        groups.setdefault(key, []).append(entry)
    return [(working_mpp(group[0]), group) for group in groups.values()]


def common_mpp(entries: Sequence[Entry]) -> float | None:
    """Return the pixel size of all entries, None where they differ or one has none."""
    groups = group_by_pixel_size(entries)
    return groups[0][0] if len(groups) == 1 else None
