"""The windows of hits as outlines, in the coordinates of viewers: (0, 0) is the outer corner of the first pixel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crosslight.errors import InputError
from crosslight.geometry import window_outline
from crosslight.show.palette import FAINT, FOUND, Colour
from crosslight.types import Float64, Hit, Placement, Ranking


@dataclass(frozen=True, eq=False, kw_only=True)
class Outline:
    """One hit's window.

    Attributes
    ----------
    query : str
        Name of the query.
    hit : Hit
        An aligned hit.
    placement : Placement
        Of the hit.
    corners_xy : ndarray of shape (4, 2), float64
        The window's outer corners in full-resolution pixels, half a pixel more than our own points: viewers put (0, 0)
        at the outer corner of the top-left pixel. Top-left, top-right, bottom-right, bottom-left of the query.
    center_xy : tuple of float
        The window's centre, likewise.
    """

    query: str
    hit: Hit
    placement: Placement
    corners_xy: Float64
    center_xy: tuple[float, float]

    @property
    def title(self) -> str:
        """What a viewer calls it."""
        return f"{self.query}, hit {self.hit.rank}"

    @property
    def kind(self) -> str:
        """The class a viewer puts it in."""
        return "Found" if self.hit.rank == 1 else "Further hit"

    @property
    def colour(self) -> Colour:
        """The colour of its class."""
        return FOUND if self.hit.rank == 1 else FAINT

    @property
    def facts(self) -> dict[str, float]:
        """The figures of the hit, by the names of the ranking's columns."""
        x, y = self.placement.center_xy
        figures = {
            "similarity": self.hit.similarity, "confidence": self.hit.confidence, "cx": x, "cy": y,
            "angle_deg": self.placement.angle_deg, "scale": self.placement.scale,
        }  # fmt: skip
        flipped = {"flipped": 1.0} if self.placement.flipped else {}
        return {"rank": self.hit.rank, **{name: round(float(v), 6) for name, v in figures.items()}, **flipped}


def find_outlines(rankings: Sequence[Ranking]) -> list[Outline]:
    """Return the windows of all aligned hits; raises InputError where there is none."""
    outlines = [
        _outline(ranking.query, hit, hit.placement, hit.corners_xy)
        for ranking in rankings
        for hit in ranking.hits
        if hit.placement is not None and hit.corners_xy is not None
    ]
    if not outlines:
        raise InputError("No hit has a window to outline; search with --rerank align.")
    return outlines


def share_out(outlines: Sequence[Outline], path: Path, suffix: str) -> dict[Path, list[Outline]]:
    """Return which outlines go into which file: all into `path`, or one file per image where it names a folder.

    A name without a suffix is a folder.
    """
    if path.suffix and not path.is_dir():
        return {path: list(outlines)}
    files: dict[Path, list[Outline]] = {}
    for outline in outlines:
        files.setdefault(path / (safe_name(outline.hit.image) + suffix), []).append(outline)
    return files


def safe_name(name: str) -> str:
    """Return a name that is one plain part of a path on any system."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", name).strip(". ") or "_"


def _outline(query: str, hit: Hit, placement: Placement, corners_xy: Float64) -> Outline:
    x, y = placement.center_xy
    return Outline(
        query=query, hit=hit, placement=placement, corners_xy=window_outline(placement, corners_xy) + 0.5,
        center_xy=(x + 0.5, y + 0.5),
    )  # fmt: skip
