"""Found windows as ImageJ regions of interest: a .roi file, or a RoiSet .zip for the ROI Manager."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crosslight.errors import InputError, MissingDependencyError
from crosslight.show.outlines import Outline, find_outlines, safe_name, share_out
from crosslight.types import Ranking

if TYPE_CHECKING:
    from roifile import ImagejRoi

STROKE_PX = 2


def write_imagej(path: Path, rankings: Sequence[Ranking]) -> list[Path]:
    """Write the windows of all aligned hits as polygons with sub-pixel corners and return the files.

    Parameters
    ----------
    path : Path
        A .zip file (RoiSet), for everything together; a .roi file, for a single window; or a folder, for one RoiSet
        per repository image. A name without a suffix is a folder.
    rankings : sequence of Ranking
        Hits that were not aligned are left out.

    Raises
    ------
    InputError
        If no hit was aligned, or a .roi file is asked for and there are several.
    MissingDependencyError
        If the package roifile is not installed.
    """
    files = share_out(find_outlines(rankings), path, ".zip")
    contents = {file: _encode(file, outlines) for file, outlines in files.items()}
    for file, content in contents.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.part")
        temporary.write_bytes(content)
        temporary.replace(file)
    return list(files)


def to_roi(outline: Outline) -> ImagejRoi:
    """Return one window as a polygon; ImageJ too puts (0, 0) at the outer corner of the top-left pixel."""
    try:
        from roifile import ROI_TYPE, ImagejRoi
    except ImportError as error:
        raise MissingDependencyError("Regions for ImageJ need roifile: pip install 'crosslight[imagej]'.") from error
    roi = ImagejRoi.frompoints(outline.corners_xy.astype(np.float32), name=f"{outline.hit.image}, {outline.title}")
    roi.roitype = ROI_TYPE.POLYGON
    roi.stroke_color = bytes((255, *outline.colour))
    roi.stroke_width = STROKE_PX
    facts = {"image": outline.hit.image, "query": outline.query, **outline.facts}
    roi.props = "".join(f"{name}: {value}\n" for name, value in facts.items())
    return roi


def _encode(file: Path, outlines: Sequence[Outline]) -> bytes:
    suffix = file.suffix.lower()
    if suffix == ".roi":
        if len(outlines) > 1:
            raise InputError(f"{file} can hold one window and there are {len(outlines)}; use a name ending in .zip.")
        return bytes(to_roi(outlines[0]).tobytes())
    if suffix != ".zip":
        raise InputError(f"Regions for ImageJ cannot be written to {file}; use a name ending in .zip or .roi.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, outline in enumerate(outlines, start=1):
            roi = to_roi(outline)
            archive.writestr(f"{number:04d} {safe_name(roi.name)}.roi", roi.tobytes())
    return buffer.getvalue()
