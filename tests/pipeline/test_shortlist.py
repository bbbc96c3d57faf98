"""The shortlist: images chosen by their discs, in indexes of this version, of earlier ones, and damaged."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import crosslight
from crosslight.describe.discs import N_BINS
from crosslight.encode.disc_codes import N_AXES, DiscCodes
from crosslight.errors import IndexCorruptError
from crosslight.pipeline import searching, shortlist
from crosslight.pipeline.build import archive_key
from crosslight.represent.comir.model import ComirModel


@pytest.fixture
def own_index(index_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(index_folder, tmp_path / "index")
    return tmp_path / "index"


def disc_files(folder: Path) -> list[Path]:
    return sorted((folder / "images").rglob("*.discs"))


@pytest.mark.parametrize("rotation", [0, 30, 180])
def test_the_right_image_is_chosen_by_its_discs(index_folder: Path, query_file: Path, rotation: float) -> None:
    with crosslight.Index.open(index_folder) as index:
        ranking = index.search([query_file], shortlist=2, rotation=rotation)[0]
        assert len(ranking.hits) <= 2
        assert ranking.note.startswith("aligned with the best 2 of 10 images by discs")
        if rotation:
            assert ranking.hits[0].image == "image9"


def test_an_index_takes_means_out_of_its_discs_where_its_model_says_so(
    index_folder: Path, model_folder: Path, folders: Path, query_file: Path, tmp_path: Path
) -> None:
    replace(ComirModel.load(model_folder), means_tell=False).save(tmp_path / "model")
    crosslight.Index.build(
        [folders / "A"], tmp_path / "model", modality="A", out=tmp_path / "index", device="cpu"
    ).close()
    sums = {
        folder: np.abs(DiscCodes.load(folder).axes.reshape(-1, N_BINS, N_AXES).sum(axis=1)).max()
        for folder in (tmp_path / "index", index_folder)
    }
    assert sums[tmp_path / "index"] < 0.01 < sums[index_folder]
    with crosslight.Index.open(tmp_path / "index") as index:
        assert index.search([query_file], shortlist=2, rotation=30)[0].hits[0].image == "image9"


def test_each_query_of_several_has_its_own_shortlist(index_folder: Path, folders: Path) -> None:
    with crosslight.Index.open(index_folder) as index:
        together = index.search([folders / "B"], shortlist=1)
        alone = [index.search([folders / "B" / f"{r.query}.png"], shortlist=1)[0] for r in together]
    assert len(together) == 10
    assert [r.hits[0].image for r in together] == [r.hits[0].image for r in alone]
    assert sum(r.hits[0].image == r.query for r in together) >= 9


def test_only_images_with_the_asked_metadata_are_chosen(own_index: Path, folders: Path, query_file: Path) -> None:
    with crosslight.Index.open(own_index) as index:
        index.add([folders / "A"], metadata={f"image{i}": {"even": str(i % 2 == 0)} for i in range(10)})
        hits = index.search([query_file], shortlist=3, where={"even": "True"})[0].hits
    assert len(hits) == 3 and all(int(h.image[-1]) % 2 == 0 for h in hits)


def test_what_is_kept_in_memory_changes_nothing(
    index_folder: Path, query_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for kept in (0, 2**20):
        monkeypatch.setattr(shortlist, "KEPT_BYTES", kept)
        with crosslight.Index.open(index_folder) as index:
            answers += [[h.image for h in index.search([query_file], shortlist=4)[0].hits] for _ in range(2)]
    assert all(a == answers[0] for a in answers)


def test_of_very_many_images_histograms_say_which_are_looked_at(
    index_folder: Path, query_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_LISTED", 6)
    with crosslight.Index.open(index_folder) as index:
        monkeypatch.setattr(index.store, "entries", lambda *_: pytest.fail("all entries were listed"))
        ranking = index.search([query_file], shortlist=2)[0]
    assert len(ranking.hits) <= 2
    assert ranking.note.startswith("aligned with the best 2 of 10 images by histogram and discs")


def test_a_query_of_another_pixel_size_is_brought_to_that_of_the_images(
    own_index: Path, folders: Path, query_file: Path, tmp_path: Path
) -> None:
    pixels = crosslight.read_image(query_file).pixels
    cv2.imwrite(str(tmp_path / "query9.png"), cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    with crosslight.Index.open(own_index) as index:
        index.add([folders / "A"], mpp=1.0)
        best = index.search([tmp_path / "query9.png"], query_mpp=0.5, shortlist=2)[0].hits[0]
    assert best.image == "image9" and best.placement is not None
    assert best.placement.scale == pytest.approx(0.5)
    assert np.hypot(best.placement.center_xy[0] - 95, best.placement.center_xy[1] - 104) < 4


def test_images_come_and_go_with_their_discs(own_index: Path, folders: Path) -> None:
    assert len(disc_files(own_index)) == 10
    with crosslight.Index.open(own_index) as index:
        before = index.archive.discs(archive_key(index.entry("image3")))
        index.remove(["image3"])
        assert len(disc_files(own_index)) == 9
        index.add([folders / "A" / "image3.png"])
        np.testing.assert_array_equal(index.archive.discs(archive_key(index.entry("image3"))), before)
    assert len(disc_files(own_index)) == 10


def test_an_index_of_an_earlier_version_is_asked_by_histogram(
    own_index: Path, folders: Path, query_file: Path, tmp_path: Path
) -> None:
    record = json.loads((own_index / "index.json").read_text())
    del record["discs"]
    (own_index / "index.json").write_text(json.dumps(record))
    (own_index / "discs.safetensors").unlink()
    for path in disc_files(own_index):
        path.unlink()
    shutil.copy(folders / "A" / "image0.png", tmp_path / "new.png")
    with crosslight.Index.open(own_index) as index:
        assert "best 3 of 10 images by histogram" in index.search([query_file], shortlist=3)[0].note
        assert index.add([tmp_path / "new.png"]) == 1
        assert "best 3 of 11 images by histogram" in index.search([query_file], shortlist=3)[0].note
    assert not disc_files(own_index)


def test_damage_is_told_with_the_image(own_index: Path, query_file: Path) -> None:
    with crosslight.Index.open(own_index) as index:
        index.archive.write_discs(archive_key(index.entry("image4")), np.zeros((0, 3, 64), np.int8))
        with pytest.raises(IndexCorruptError, match="image 'image4' is damaged"):
            index.search([query_file], shortlist=3)
        assert index.search([query_file], shortlist="all")[0].hits[0].image == "image9"
    (own_index / "discs.safetensors").write_bytes(b"nothing")
    with pytest.raises(IndexCorruptError, match="build the index again"):
        crosslight.Index.open(own_index)
