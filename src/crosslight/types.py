"""The values that travel between stages.

Arrays are indexed ``[row, col]``. Points are ``(x, y)`` in pixels, x to the right, y down, with pixel centres on whole
numbers. Angles are in degrees, counter-clockwise as seen on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Modality = Literal["A", "B"]
MODALITIES: tuple[Modality, Modality] = ("A", "B")


class Progress(Protocol):
    """What a long loop calls to tell how far it is; `progress.py` holds the ones we ship."""

    def __call__(self, done: float, total: float, label: str) -> None:
        """Report that `done` of `total` units of the work called `label` are finished."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Image:
    """One image as read from disk.

    Attributes
    ----------
    pixels : ndarray of shape (H, W, C), uint8, uint16 or float32
        Values as stored; a grey image has C = 1. Floats are finite.
    name : str
        The file's stem: the identity of an image within a folder.
    mpp : float or None
        Micrometres per pixel, where the file says so.
    """

    pixels: NDArray[Any]
    name: str
    mpp: float | None = None

    @property
    def height_px(self) -> int:
        """Number of rows."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Number of columns."""
        return int(self.pixels.shape[1])

    @property
    def n_channels(self) -> int:
        """Number of channels, 1 to 16."""
        return int(self.pixels.shape[2])

    def in_channels(self, n_channels: int) -> Image | None:
        """Return the image in another number of channels where that loses and invents nothing, else None.

        Channels that are all equal are one; one channel is three equal ones, a grey picture in colour.
        """
        if n_channels == self.n_channels:
            return self
        if n_channels == 1 and np.all(self.pixels[:, :, 1:] == self.pixels[:, :, :1]):
            return replace(self, pixels=np.ascontiguousarray(self.pixels[:, :, :1]))
        if n_channels == 3 and self.n_channels == 1:
            return replace(self, pixels=np.repeat(self.pixels, 3, axis=2))
        return None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """Two aligned images of the same place: `a` and `b` have the same height and width."""

    name: str
    a: Image
    b: Image


@dataclass(frozen=True, eq=False, kw_only=True)
class Representation:
    """The common image-like form of either modality.

    Attributes
    ----------
    values : ndarray of shape (C, h, w), float32
        In standard deviations of the representation over the training images, within [-4, 4] and on the grid of
        256 levels that `to_codes` stores, so that nothing is lost on disk.
    stride : int
        Pixel (r, c) covers the image rows ``stride * r`` to ``stride * r + stride - 1``, and the columns likewise.
    """

    values: Float32
    stride: int

    @property
    def n_channels(self) -> int:
        """Number of channels C."""
        return int(self.values.shape[0])

    def to_codes(self) -> NDArray[np.uint8]:
        """Return the values as uint8 of the same shape: code = round(127.5 + 31.875 * value)."""
        codes: NDArray[np.uint8] = np.clip(np.rint(self.values * 31.875 + 127.5), 0, 255).astype(np.uint8)
        return codes

    @classmethod
    def from_codes(cls, codes: NDArray[np.uint8], stride: int) -> Representation:
        """Undo `to_codes`."""
        return cls(values=(codes.astype(np.float32) - np.float32(127.5)) / np.float32(31.875), stride=stride)

    @classmethod
    def rounded(cls, values: Float32, stride: int) -> Representation:
        """Build a representation from any finite values, clipping and rounding them to the grid."""
        return cls.from_codes(cls(values=values, stride=stride).to_codes(), stride)


@dataclass(frozen=True, eq=False, kw_only=True)
class Descriptors:
    """What a describer found in one representation.

    Attributes
    ----------
    values : ndarray of shape (N, D), float32
        One row per keypoint; N may be 0.
    xy : ndarray of shape (N, 2), float32
        Centres (x, y) in the pixels of the image (not of its representation).
    size_px : ndarray of shape (N,), float32
        Side of the described block in image pixels.
    strength : ndarray of shape (N,), float32
        How much there is to see; the strongest share builds the vocabulary.
    """

    values: Float32
    xy: Float32
    size_px: Float32
    strength: Float32

    def __len__(self) -> int:
        return int(self.values.shape[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Histogram:
    """How often each visual word occurs in one image, without its zeros.

    Attributes
    ----------
    words : ndarray of shape (M,), int32
        Distinct word numbers, ascending; M may be 0.
    counts : ndarray of shape (M,), float32
        Positive and finite.
    """

    words: NDArray[np.int32]
    counts: Float32


@dataclass(frozen=True, eq=False, kw_only=True)
class Placement:
    """A query lying somewhere in a repository image: a similarity transform.

    Attributes
    ----------
    center_xy : tuple of float
        Where the query's centre lies, full-resolution pixels of the repository image.
    angle_deg : float
        The query's axes in the repository image, counter-clockwise on the screen, in (-180, 180].
    scale : float
        Repository pixels per query pixel.
    similarity : float
        Masked normalised cross-correlation at this place, in [-1, 1].
    flipped : bool
        The query is the mirror image: it lies there with left and right exchanged before turning.
    """

    center_xy: tuple[float, float]
    angle_deg: float
    scale: float
    similarity: float
    flipped: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Hit:
    """One answer to one query.

    Attributes
    ----------
    image : str
        Name of the repository image.
    rank : int
        1 is the best.
    similarity : float
        Higher is better; comparable within one ranking.
    confidence : float
        Calibrated probability in [0, 1] that this is the right image. Ranks after the first share what is left.
    placement : Placement or None
        Where the query lies; None when the ranking was not aligned.
    corners_xy : ndarray of shape (4, 2), float64, or None
        The query's corners in the repository image: top-left, top-right, bottom-right, bottom-left of the query.
    matrix : ndarray of shape (2, 3), float64, or None
        The same as a similarity transform: ``matrix @ (x, y, 1)`` is the repository pixel under the query's (x, y).
    mpp : float or None
        Micrometres per pixel of the repository image, where they are known.
    """

    image: str
    rank: int
    similarity: float
    confidence: float
    placement: Placement | None = None
    corners_xy: Float64 | None = None
    matrix: Float64 | None = None
    mpp: float | None = None

    @property
    def center_um(self) -> tuple[float, float] | None:
        """Where the query's centre lies in micrometres from the outer corner of the repository image's first pixel."""
        if self.placement is None or self.mpp is None:
            return None
        x, y = self.placement.center_xy
        return (x + 0.5) * self.mpp, (y + 0.5) * self.mpp


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranking:
    """All hits of one query, best first.

    Attributes
    ----------
    query : str
        Name of the query image.
    hits : sequence of Hit
        Best first; rank i is ``hits[i - 1]``.
    note : str
        How the answer was found, for people ("aligned with all 134 images").
    query_image : Image or None
        What was asked with, so that the answer can be drawn; None where a ranking was read from a file.
    modality : {"A", "B"} or None
        Kind of the query; None as above.
    found : bool or None
        Whether the first hit reaches the confidence that was asked for; if not, the query is probably not in this
        repository. None when no confidence was asked for.
    """

    query: str
    hits: Sequence[Hit]
    note: str = ""
    query_image: Image | None = None
    modality: Modality | None = None
    found: bool | None = None


EntryKind = Literal["image", "slide", "window"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What an index knows of one repository image, or of one window of a large one.

    Attributes
    ----------
    name : str
        The image's name, unique in the index.
    path : str
        Where its pixels were read from.
    height_px, width_px : int
        Size of the full-resolution image; of a window, in the same pixels.
    mpp : float or None
        Micrometres per pixel.
    signature : str
        Size and modification time of the file when it was indexed; a changed file is indexed anew.
    metadata : dict
        The user's own columns: strings, numbers or booleans by name.
    kind : {"image", "slide", "window"}
        "slide" is a large image, which is searched window by window.
    reduction : float
        Full-resolution pixels per pixel that the network saw.
    level : int
        Resolution of the file that was read.
    slide : str
        Of a window: the large image it belongs to.
    top_px, left_px : int
        Of a window: its first pixel.
    """

    name: str
    path: str
    height_px: int
    width_px: int
    mpp: float | None = None
    signature: str = ""
    metadata: dict[str, str | float | int | bool] = field(default_factory=dict)
    kind: EntryKind = "image"
    reduction: float = 1.0
    level: int = 0
    slide: str = ""
    top_px: int = 0
    left_px: int = 0
