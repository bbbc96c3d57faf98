"""The archive: what comes back, what a kill or damage leaves, and that names never become paths."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from crosslight.errors import IndexCorruptError, StoreUnavailableError
from crosslight.store.archive import Archive
from crosslight.types import Entry, Representation

THUMBNAIL = np.full((12, 20, 3), 128, np.uint8)


def representation(seed: int = 0, shape: tuple[int, int, int] = (4, 30, 50)) -> Representation:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return Representation.rounded(values, stride=2)


def entry(name: str) -> Entry:
    return Entry(name=name, path=f"/images/{name}", height_px=60, width_px=100, mpp=0.5, metadata={"stain": "HE"})


def write(archive: Archive, name: str, seed: int = 0) -> Representation:
    stored = representation(seed)
    archive.write(name, stored, THUMBNAIL, entry(name))
    return stored


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_what_was_written_comes_back_without_loss(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "images")
    assert not archive.has("a")
    stored = write(archive, "a")
    again = Archive(tmp_path / "images")
    assert again.has("a")
    np.testing.assert_array_equal(again.representation("a").values, stored.values)
    assert again.representation("a").stride == 2
    assert again.shape("a") == (4, 30, 50)
    assert again.entry("a") == entry("a")


def test_the_thumbnail_is_a_picture_of_the_given_size(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    with PillowImage.open(archive.thumbnail_path("a")) as picture:
        assert (picture.format, picture.size) == ("JPEG", (20, 12))


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a" * 500, "été 図 \n\0", "a\udcff", "con"])
def test_no_name_becomes_a_path(tmp_path: Path, name: str) -> None:
    archive = Archive(tmp_path / "images")
    write(archive, name)
    assert archive.has(name)
    assert archive.entry(name).name == name
    assert len(files(tmp_path)) == len(files(tmp_path / "images")) == 3


def test_writing_again_replaces(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    write(archive, "a", seed=0)
    stored = write(archive, "a", seed=1)
    np.testing.assert_array_equal(archive.representation("a").values, stored.values)
    assert len(files(tmp_path)) == 3


def test_removing_deletes_the_files_of_those_names_only(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    write(archive, "b")
    archive.remove(["a", "never there"])
    assert not archive.has("a")
    assert archive.has("b")
    assert len(files(tmp_path)) == 3


def test_pruning_deletes_orphans_and_unfinished_files(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    write(archive, "b")
    kept = archive.thumbnail_path("b")
    kept.with_name(kept.name + ".new").write_bytes(b"half")
    assert archive.prune({"b", "never there"}) == 4
    assert archive.has("b")
    assert len(files(tmp_path)) == 3
    assert archive.prune({"b"}) == 0


def test_its_size_is_that_of_its_files(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "images")
    assert archive.size_bytes() == 0
    write(archive, "a")
    assert archive.size_bytes() == sum(p.stat().st_size for p in files(tmp_path)) > 4 * 30 * 50


@pytest.mark.parametrize("suffix", [".npy", ".json", ".jpg"])
def test_an_image_with_a_missing_file_is_not_there(tmp_path: Path, suffix: str) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    next(tmp_path.rglob(f"*{suffix}")).unlink()
    assert not archive.has("a")
    reader = archive.thumbnail_path if suffix == ".jpg" else archive.representation
    with pytest.raises(IndexCorruptError, match=r"image 'a' is damaged .*missing.*; remove that image .* add it again"):
        reader("a")


@pytest.mark.parametrize("size", [0, 7, 100, 500])
def test_a_truncated_representation_is_called_damaged(tmp_path: Path, size: int) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    path = next(tmp_path.rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(IndexCorruptError, match="remove that image from the index and add it again"):
        archive.representation("a")
    with pytest.raises(IndexCorruptError, match="'a' is damaged"):
        archive.shape("a")


def test_arrays_with_python_objects_are_never_loaded(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    np.save(next(tmp_path.rglob("*.npy")), np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(IndexCorruptError, match="Python objects"):
        archive.representation("a")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "b", "stride": 2, "entry": {}}'])
def test_damaged_facts_are_called_damaged(tmp_path: Path, text: str) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    next(tmp_path.rglob("*.json")).write_text(text)
    with pytest.raises(IndexCorruptError, match="'a' is damaged"):
        archive.entry("a")


def test_a_write_refused_halfway_leaves_the_image_out(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    write(archive, "a")
    facts = next(tmp_path.rglob("*.json"))
    facts.unlink()
    facts.with_name(facts.name + ".new").mkdir()  # in the way of the last of the three files
    with pytest.raises(StoreUnavailableError, match=r"\.json cannot be written"):
        write(archive, "a")
    assert not archive.has("a")
    assert files(tmp_path) == []
