"""One image file -> pixels, and which files of a folder are images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.pixels import MAX_CHANNELS, Decoded, orient_pixels, to_supported_dtype
from crosslight.read.raster import decode_raster
from crosslight.read.tiff import decode_tiff
from crosslight.types import Image

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# What OpenSlide alone reads, or reads better than a TIFF decoder.
SLIDE_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".dcm")
ZARR_SUFFIX = ".zarr"
ZARR_ROOTS = ("zarr.json", ".zattrs", ".zgroup")
MIN_SIDE_PX = 16
MAX_PIXELS = 2**31
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_image(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> Image:
    """Read one PNG, JPEG, TIFF, BMP or WebP file.

    What the file says of its colours is expanded, never rounded: a palette becomes RGB, 1 bit becomes 0 and 255, a
    channel-first TIFF becomes (H, W, C). An alpha channel that is opaque everywhere is dropped; one that is not stays
    as the last channel. Whole numbers other than uint8 and uint16 become float32 where that is exact; float64 is
    rounded to float32. The EXIF orientation is applied, so that positions are those on the picture as viewers show it.

    Parameters
    ----------
    path : Path
        The file; its content decides its format, not its name.
    max_pixels : int
        The most H x W that is read.

    Returns
    -------
    image : Image
        `name` is the file's stem; `mpp` comes from the resolution of a TIFF where that is finer than print.

    Raises
    ------
    UnreadableImageError
        If the file is missing, empty, damaged, cut off, or in none of the formats.
    InputError
        If the image is smaller than 16 px a side, larger than `max_pixels`, has more than 16 channels, several pages,
        infinite or undefined pixels, or values that float32 cannot hold.
    """
    path = Path(path)
    is_tiff = _read_start(path) in TIFF_SIGNATURES
    try:
        decoded = (decode_tiff if is_tiff else decode_raster)(path, max_pixels)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} is too large for this machine's memory; cut it into smaller images.") from error
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise UnreadableImageError(
            f"{path} cannot be decoded ({_first_line(error)}): it is damaged, cut off or of a rare kind; "
            "copy or export it again."
        ) from error
    return _finish(path, decoded)


def image_signature(path: Path | str) -> str:
    """Return the size and modification time of a file, of a Zarr folder's root: what changes when its pixels do."""
    path = Path(path)
    path = next((path / name for name in ZARR_ROOTS if (path / name).is_file()), path) if path.is_dir() else path
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableImageError(_missing(path, error)) from error
    return f"{status.st_size}-{status.st_mtime_ns}"


def list_images(paths: Path | str | Sequence[Path | str]) -> list[Path]:
    """Return the image files among files and folders.

    Folders are read without their sub-folders: names must be unique, and sub-folders often repeat them. Hidden files
    and files that are no images (tables, texts) are passed over. A folder that ends in .zarr is one image.

    Parameters
    ----------
    paths : Path or sequence of Path
        Files and folders.

    Returns
    -------
    files : list of Path
        In the order given, those of a folder sorted by name; a file that is given twice comes once.

    Raises
    ------
    InputError
        If a path does not exist, a file has no known suffix, a folder holds no image, or two files share a stem.
    """
    files: dict[tuple[str, Path], Path] = {}  # a link of another name is an image of its own
    for path in map(Path, [paths] if isinstance(paths, Path | str) else paths):
        for file in list_folder(path, slides=True) if path.is_dir() and not is_zarr(path) else (_check_suffix(path),):
            files.setdefault((file.stem, file.resolve()), file)
    check_stems(list(files.values()))
    return list(files.values())


def list_folder(folder: Path, *, slides: bool = False) -> list[Path]:
    """Return the images directly in a folder, sorted by name; raises InputError where there is none.

    With `slides`, scanners' own formats and Zarr folders count as well.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; check the name.")
    try:
        there = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
        found = [p for p in there if not p.is_dir() or (slides and is_zarr(p))]
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read ({error.strerror}); check its permissions.") from error
    known = (*SUFFIXES, *SLIDE_SUFFIXES, ZARR_SUFFIX) if slides else SUFFIXES
    images = [p for p in found if p.suffix.lower() in known]
    if not images:
        others = f"only other files, such as {found[0].name}" if found else "no file at all"
        raise InputError(f"The folder {folder} holds no image ({others}); images end in {', '.join(SUFFIXES)}.")
    return images


def check_stems(files: Sequence[Path]) -> None:
    """Raise InputError if two files have the same stem, which is an image's name."""
    seen: dict[str, Path] = {}
    for file in files:
        other = seen.setdefault(file.stem, file)
        if other is not file:
            raise InputError(f"{other} and {file} would both be called {file.stem!r}; rename or leave out one of them.")


def _read_start(path: Path) -> bytes:
    """Return the first four bytes; raises UnreadableImageError when there is nothing to read."""
    if path.is_dir():
        raise UnreadableImageError(f"{path} is a folder; give an image file.")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UnreadableImageError(_missing(path, error)) from error
    if not start:
        raise UnreadableImageError(f"{path} is empty (0 bytes); copy or export it again.")
    return start


def _finish(path: Path, decoded: Decoded) -> Image:
    """Check what was decoded and bring it to the form that `Image` promises."""
    pixels = decoded.pixels
    height, width, n_channels = pixels.shape
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(
            f"{path} is {width} x {height} px; images need at least {MIN_SIDE_PX} px a side. Leave it out or use a "
            "larger one."
        )
    if n_channels > MAX_CHANNELS:
        raise InputError(f"{path} has {n_channels} channels; 1 to {MAX_CHANNELS} can be read. Choose some of them.")
    if decoded.has_alpha and n_channels > 1 and np.all(pixels[:, :, -1] == decoded.opaque):
        pixels = pixels[:, :, :-1]
    pixels = orient_pixels(to_supported_dtype(pixels, path), decoded.orientation)
    return Image(pixels=np.require(pixels, requirements=["C", "W"]), name=path.stem, mpp=decoded.mpp)


def is_zarr(path: Path) -> bool:
    """Tell whether a path is a Zarr folder."""
    return path.suffix.lower() == ZARR_SUFFIX and path.is_dir()


def _check_suffix(path: Path) -> Path:
    if not path.exists():
        raise UnreadableImageError(f"{path} does not exist; check the name and the folder.")
    if path.suffix.lower() not in (*SUFFIXES, *SLIDE_SUFFIXES, ZARR_SUFFIX):
        raise InputError(f"{path} does not look like an image; images end in {', '.join(SUFFIXES)}.")
    return path


def _missing(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist; check the name and the folder."
    return f"{path} cannot be opened ({error.strerror or error}); check its permissions."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:160]
