"""Tiles of a large representation: written, read in regions, averaged into coarser levels, removed."""

from pathlib import Path

import numpy as np
import pytest

from crosslight.errors import IndexCorruptError
from crosslight.store.pyramid import PyramidArchive, PyramidShape, count_levels
from crosslight.types import Entry, Representation

SHAPE = PyramidShape(n_channels=3, height=75, width=103, stride=4, tile=32, n_levels=3, empty=((0, 0), (2, 3)))
ENTRY = Entry(name="slide", path="/slide.svs", height_px=300, width_px=412, kind="slide", reduction=1.5)
CODES = np.random.default_rng(0).integers(0, 256, (3, 75, 103), dtype=np.uint8)
THUMBNAIL = np.zeros((20, 30, 3), np.uint8)


def fill(archive: PyramidArchive) -> None:
    archive.begin("slide|1", SHAPE, THUMBNAIL, ENTRY)
    for r, c in np.ndindex(*SHAPE.grid(0)):
        if (r, c) not in SHAPE.empty_tiles:
            archive.write("slide|1", 0, r, c, CODES[:, r * 32 : r * 32 + 32, c * 32 : c * 32 + 32])
    for level in (1, 2):
        archive.build_level("slide|1", level)
    archive.finish("slide|1")


def expected() -> np.ndarray:
    values = Representation.from_codes(CODES, 4).values.copy()
    values[:, :32, :32] = 0
    values[:, 64:, 96:] = 0
    return values


def test_a_region_is_what_was_written_and_zero_elsewhere(tmp_path: Path) -> None:
    archive = PyramidArchive(tmp_path)
    fill(archive)
    whole = np.zeros((3, 175, 203), np.float32)
    whole[:, 50:125, 50:153] = expected()
    for top, left, rows, cols in ((0, 0, 75, 103), (20, 20, 30, 50), (-50, -50, 175, 203), (74, 90, 1, 1)):
        region = archive.region("slide|1", 0, top, left, rows, cols)
        assert region.stride == 4
        np.testing.assert_array_equal(region.values, whole[:, 50 + top :, 50 + left :][:, :rows, :cols])


def test_coarser_levels_are_averages(tmp_path: Path) -> None:
    archive = PyramidArchive(tmp_path)
    fill(archive)
    fine = np.pad(expected(), ((0, 0), (0, 1), (0, 1)), mode="edge")
    half = fine.reshape(3, 38, 2, 52, 2).mean(axis=(2, 4))
    region = archive.region("slide|1", 1, 0, 0, 38, 52)
    assert region.stride == 8
    assert np.abs(region.values - half).max() < 0.02
    assert archive.region("slide|1", 2, 0, 0, 19, 26).values.shape == (3, 19, 26)


def test_another_archive_goes_on_with_what_is_there(tmp_path: Path) -> None:
    first = PyramidArchive(tmp_path)
    first.begin("slide|1", SHAPE, THUMBNAIL, ENTRY)
    first.write("slide|1", 0, 1, 1, CODES[:, 32:64, 32:64])
    second = PyramidArchive(tmp_path)
    second.begin("slide|1", SHAPE, THUMBNAIL, ENTRY)
    assert second.has("slide|1", 0, 1, 1) and not second.is_finished("slide|1")
    assert second.entry("slide|1") == ENTRY and second.shape("slide|1") == SHAPE
    second.begin("slide|1", SHAPE, THUMBNAIL, Entry(name="slide", path="elsewhere", height_px=1, width_px=1))
    assert not second.has("slide|1", 0, 1, 1)


def test_a_lost_or_damaged_tile_is_told(tmp_path: Path) -> None:
    archive = PyramidArchive(tmp_path)
    fill(archive)
    (tile,) = tmp_path.glob("??/*/0/1/1.npy")
    tile.write_bytes(tile.read_bytes()[:200])
    with pytest.raises(IndexCorruptError, match="slide"):
        PyramidArchive(tmp_path).region("slide|1", 0, 30, 30, 10, 10)
    tile.unlink()
    with pytest.raises(IndexCorruptError, match="missing"):
        PyramidArchive(tmp_path).region("slide|1", 0, 30, 30, 10, 10)
    with pytest.raises(IndexCorruptError, match="add it again"):
        archive.shape("other")


def test_removing_and_pruning_leave_nothing(tmp_path: Path) -> None:
    archive = PyramidArchive(tmp_path)
    fill(archive)
    archive.begin("other|1", SHAPE, THUMBNAIL, ENTRY)
    assert archive.size_bytes() > CODES.size // 2
    assert archive.prune({"slide|1"}) == 1
    assert archive.is_finished("slide|1")
    archive.remove(["slide|1", "nobody"])
    assert archive.size_bytes() == 0


@pytest.mark.parametrize(("side", "n"), [(1, 1), (256, 1), (257, 2), (512, 2), (25_000, 8)])
def test_the_coarsest_level_fits_into_a_tile(side: int, n: int) -> None:
    assert count_levels(side, 7, 256) == n
