"""An index: built, resumed, changed, searched, refused."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import crosslight
from crosslight.config import FitConfig
from crosslight.errors import ConfigError, IndexCorruptError, IndexMismatchError, InputError
from crosslight.geometry import cut_window, query_to_repository
from crosslight.pipeline.fit import fit_pairs
from crosslight.pipeline.ranking import RANKING_COLUMNS, write_ranking_csv
from crosslight.pipeline.ranking_reader import attach_queries
from crosslight.pipeline.searching import read_scale
from crosslight.read.pairs import find_pairs
from crosslight.show.hits import HEADER_PX


def test_a_query_is_found_at_its_place_and_angle(index_folder: Path, query_file: Path) -> None:
    with crosslight.Index.open(index_folder) as index:
        ranking = index.search([query_file])[0]
    best = ranking.hits[0]
    assert ranking.query == "query9" and best.image == "image9" and best.rank == 1
    assert best.placement is not None and best.corners_xy is not None
    assert np.hypot(best.placement.center_xy[0] - 95, best.placement.center_xy[1] - 104) < 3
    assert abs(best.placement.angle_deg - 12) < 2
    assert best.corners_xy.shape == (4, 2)
    assert 0 <= best.confidence <= 1 and best.confidence >= max(h.confidence for h in ranking.hits[1:])
    assert "all 10 images" in ranking.note


@pytest.mark.parametrize("rerank", ["none", "patches"])
def test_the_bag_of_words_ranks_too(index_folder: Path, query_file: Path, rerank: str) -> None:
    with crosslight.Index.open(index_folder) as index:
        ranking = index.search([query_file], rerank=rerank, top=5)[0]
    assert 1 <= len(ranking.hits) <= 5
    assert all(h.placement is None for h in ranking.hits)
    assert "histogram" in ranking.note


def test_a_shortlist_limits_what_is_aligned(index_folder: Path, query_file: Path) -> None:
    with crosslight.Index.open(index_folder) as index:
        ranking = index.search([query_file], shortlist=3)[0]
    assert len(ranking.hits) <= 3 and "best 3 of 10" in ranking.note


def test_the_same_search_gives_the_same_ranking(index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        with crosslight.Index.open(index_folder) as index:
            write_ranking_csv(tmp_path / name, index.search([query_file]))
    text = (tmp_path / "one.csv").read_text()
    assert text == (tmp_path / "two.csv").read_text()
    assert text.splitlines()[0] == ",".join(RANKING_COLUMNS)
    assert len(text.splitlines()) == 11


def test_a_second_run_skips_what_is_there(folders: Path, model_folder: Path, index_folder: Path) -> None:
    with crosslight.Index.build([folders / "A"], model_folder, modality="A", out=index_folder) as index:
        assert index.last_change == "indexed 0, 10 were there"
        assert index.count() == 10


def test_images_are_added_replaced_and_removed(
    index_folder: Path, query_file: Path, tmp_path: Path, pair_maker: Callable[[int], tuple[np.ndarray, np.ndarray]]
) -> None:
    shutil.copytree(index_folder, tmp_path / "index")
    extra = tmp_path / "extra.png"
    cv2.imwrite(str(extra), pair_maker(77)[0])
    with crosslight.Index.open(tmp_path / "index") as index:
        assert index.add([extra]) == 1 and index.count() == 11
        assert index.add([extra]) == 0
        cv2.imwrite(str(extra), pair_maker(78)[0])
        os.utime(extra, ns=(1, 1))
        assert index.add([extra]) == 1 and index.count() == 11
        assert index.remove(["extra", "image9"]) == 2
        assert all(h.image != "image9" for h in index.search([query_file])[0].hits)
    with crosslight.Index.open(tmp_path / "index") as index:
        assert [e.name for e in index.entries()] == [f"image{i}" for i in range(9)]
        with pytest.raises(InputError, match="'nobody' is not in"):
            index.remove(["nobody"])


def test_metadata_narrow_the_search(folders: Path, index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    shutil.copytree(index_folder, tmp_path / "index")
    lines = ["name,stain", *(f"image{i},{'HE' if i % 2 else 'PAS'}" for i in range(10))]
    (tmp_path / "meta.csv").write_text("\n".join(lines))
    with crosslight.Index.open(tmp_path / "index") as index:
        index.add([folders / "A"], metadata=tmp_path / "meta.csv")
        hits = index.search([query_file], where={"stain": "PAS"})[0].hits
        assert {h.image for h in hits} == {f"image{i}" for i in range(0, 10, 2)}
        with pytest.raises(InputError, match="no image matches stain=none; in this index stain is HE, PAS"):
            index.search([query_file], where={"stain": "none"})


def test_another_model_is_refused(folders: Path, quick: FitConfig, index_folder: Path, tmp_path: Path) -> None:
    pairs = find_pairs(folders / "A", folders / "B")
    fit_pairs(pairs.part("train"), tmp_path / "other", config=quick, steps=1, seed=5, device="cpu")
    with pytest.raises(IndexMismatchError, match="was made by model"):
        crosslight.Index.open(index_folder, model=tmp_path / "other")
    with pytest.raises(IndexMismatchError, match="was made by model"):
        crosslight.Index.build([folders / "A"], tmp_path / "other", modality="A", out=index_folder)


def test_the_other_modality_does_not_go_into_the_same_index(
    folders: Path, model_folder: Path, index_folder: Path
) -> None:
    with pytest.raises(IndexMismatchError, match="built for modality A"):
        crosslight.Index.build([folders / "B"], model_folder, modality="B", out=index_folder)


def test_a_wrong_channel_count_is_refused_and_nothing_is_lost(
    folders: Path, index_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(index_folder, tmp_path / "index")
    shutil.copy(folders / "B" / "image0.png", tmp_path / "grey.png")
    with crosslight.Index.open(tmp_path / "index") as index:
        with pytest.raises(InputError, match="grey has 1 channel"):
            index.add([tmp_path / "grey.png"])
        assert index.count() == 10


def test_a_query_larger_than_the_images_is_refused(index_folder: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), np.eye(500, dtype=np.uint8))
    with (
        crosslight.Index.open(index_folder) as index,
        pytest.raises(InputError, match=r"large.png \(500 x 500 px\) does not fit into any of the 10 images"),
    ):
        index.search([tmp_path / "large.png"])


def test_two_queries_of_one_name_are_refused(index_folder: Path, query_file: Path) -> None:
    image = crosslight.read_image(query_file)
    with crosslight.Index.open(index_folder) as index, pytest.raises(InputError, match="called 'query9'"):
        index.search([image, image])


def test_a_folder_that_is_no_index_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(IndexCorruptError, match="crosslight index"):
        crosslight.Index.open(tmp_path)


def test_a_newer_index_is_refused(index_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(index_folder, tmp_path / "index")
    record = json.loads((tmp_path / "index" / "index.json").read_text())
    (tmp_path / "index" / "index.json").write_text(json.dumps({**record, "format_version": 99}))
    with pytest.raises(IndexMismatchError, match="format 99"):
        crosslight.Index.open(tmp_path / "index")


def test_the_index_can_be_moved_without_its_model(index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    shutil.copytree(index_folder, tmp_path / "elsewhere")
    with crosslight.Index.open(tmp_path / "elsewhere") as index:
        assert index.search([query_file])[0].hits[0].image == "image9"


def test_a_search_draws_its_picture(index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    with crosslight.Index.open(index_folder) as index:
        files = index.draw(index.search([query_file]), tmp_path / "found.png")
    assert files == [tmp_path / "found.png"]
    picture = cv2.imread(str(files[0]))
    assert min(picture.shape[:2]) > 300 and picture.std() > 10


def test_killed_indexing_goes_on_with_nothing_doubled_or_lost(
    folders: Path, model_folder: Path, index_folder: Path, tmp_path: Path
) -> None:
    """With images that are skipped, whether before the kill or after it."""
    bad, out = tmp_path / "bad", tmp_path / "index"
    bad.mkdir()
    shutil.copyfile(folders / "B" / "image0.png", bad / "grey.png")  # of the other kind
    (bad / "cut.png").write_bytes((folders / "A" / "image1.png").read_bytes()[:500])
    (bad / "zz.png").write_bytes(b"not an image")
    command = [sys.executable, "-m", "crosslight", "index", str(bad), str(folders / "A"), "--modality", "A"]
    command += ["--model", str(model_folder), "--out", str(out), "--device", "cpu"]
    for n_files in (3, 14, 30):  # three files an image: at the first, at the fifth, while the words are built
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if sum(len(files) for _, _, files in os.walk(out / "images")) >= n_files:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
    rows = list(csv.DictReader((out / "skipped.csv").read_text().splitlines()))
    assert {Path(r["file"]) for r in rows} == set(bad.iterdir()) and len(rows) == 3
    with crosslight.Index.open(out) as index, crosslight.Index.open(index_folder) as whole:
        assert index.entries() == whole.entries()
        files = [{p.name: p.read_bytes() for p in (i.folder / "images").rglob("*.npy")} for i in (index, whole)]
        assert files[0] == files[1] and len(files[0]) == 10
        query = crosslight.read_image(folders / "B" / "image3.png")
        places = [[(h.image, h.similarity) for h in i.search([query])[0].hits] for i in (index, whole)]
    assert places[0] == places[1]


def test_a_change_looks_through_everything_only_after_one_that_was_stopped(
    folders: Path, index_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, images = Path(shutil.copytree(index_folder, tmp_path / "index")), tmp_path / "A"
    shutil.copytree(folders / "A", images)

    def fail(*_: object) -> None:
        raise AssertionError("all entries were listed")

    with crosslight.Index.open(own) as index:
        index.add([images])  # the same images, in another place
        before = {p.name for p in (own / "images").rglob("*") if p.is_file()}
        shutil.copyfile(images / "image1.png", images / "image0.png")  # another state of it: the old files go
        with monkeypatch.context() as patch:
            patch.setattr(index.store, "entries", fail)
            assert index.add([images]) == 1
        after = {p.name for p in (own / "images").rglob("*") if p.is_file()}
        assert len(after - before) == len(before - after) == 4
        (images / "zz.png").write_bytes(b"not an image")
        shutil.copyfile(images / "image2.png", images / "more.png")
        with pytest.raises(InputError, match="zz"):
            index.add([images])
        assert sum(p.is_file() for p in (own / "images").rglob("*")) > len(after)  # of more.png
        assert index.remove(["image0"]) == 1
    assert {p.name for p in (own / "images").rglob("*") if p.is_file()} == before & after


def test_pictures_are_drawn_of_any_ranking_that_knows_its_query(
    index_folder: Path, query_file: Path, tmp_path: Path
) -> None:
    with crosslight.Index.open(index_folder) as index:
        first = index.search([query_file], top=2)
        index.search([query_file], top=1)  # a later search leaves earlier rankings as they are
        (picture,) = index.draw(first, tmp_path / "answer.png")
        assert cv2.imread(str(picture)) is not None
        write_ranking_csv(tmp_path / "r.csv", first)
        read = crosslight.read_rankings(tmp_path / "r.csv")
        with pytest.raises(InputError, match="no query image"):
            index.draw(read, tmp_path / "no.png")
        (again,) = index.draw(attach_queries(read, [query_file]), tmp_path / "again.png")
    one, two = (cv2.imread(str(path))[HEADER_PX:].astype(float) for path in (picture, again))
    assert one.shape == two.shape and np.abs(one - two).mean() < 0.5


def test_regions_of_an_image_come_at_every_level(folders: Path, index_folder: Path) -> None:
    whole = crosslight.read_image(folders / "A" / "image3.png").pixels
    with crosslight.Index.open(index_folder) as index:
        levels = index.levels("image3")
        assert (levels[0].height_px, levels[0].width_px, levels[0].downsample) == (200, 200, 1)
        np.testing.assert_array_equal(index.region("image3", 0, 20, 30, 40, 50), whole[20:60, 30:80])
        with pytest.raises(InputError, match="ask for a part"):
            index.region("image3", 0, 190, 0, 20, 20)
        with pytest.raises(InputError, match="'nobody' is not in"):
            index.levels("nobody")


def test_a_scaled_mirrored_query_is_found_with_its_transform(index_folder: Path, folders: Path) -> None:
    image = crosslight.read_image(folders / "B" / "image9.png")
    place = crosslight.Placement(center_xy=(95.0, 104.0), angle_deg=12.0, scale=0.85, similarity=1.0, flipped=True)
    query = cut_window(image, place, 120, 110, "query")
    with crosslight.Index.open(index_folder) as index:
        hit = index.search([query], scale=1.25, flip=True)[0].hits[0]
    assert hit.image == "image9" and hit.placement is not None and hit.matrix is not None
    assert hit.placement.flipped and hit.placement.scale == pytest.approx(0.85, abs=0.03)
    assert np.allclose(hit.matrix @ (54.5, 59.5, 1), (95, 104), atol=3)
    assert np.allclose(hit.matrix[:, :2], query_to_repository(place, 120, 110)[:, :2], atol=0.06)


def test_a_query_that_is_not_there_is_not_found(
    index_folder: Path, query_file: Path, tmp_path: Path, pair_maker: Callable[[int], tuple[np.ndarray, np.ndarray]]
) -> None:
    stranger = crosslight.Image(pixels=pair_maker(1234)[1][20:130, 30:140, None].copy(), name="stranger")
    with crosslight.Index.open(index_folder) as index:
        known = index.search([query_file], min_confidence=0.95)
        unknown = index.search([stranger], min_confidence=0.95)
        assert known[0].found is True and unknown[0].found is False
        assert index.search([stranger])[0].found is None
        with pytest.raises(ConfigError, match="not calibrated"):
            index.search([stranger], min_confidence=0.5, rerank="none")
    write_ranking_csv(tmp_path / "r.csv", [*known, *unknown])
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert {r["found"] for r in rows if r["query"] == "stranger"} == {"false"}
    assert {r["found"] for r in rows if r["query"] == "query9"} == {"true"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [(1.0, (1, 1)), ("1.25", (0.8, 1.25)), (0.8, (0.8, 1.25)), ("0.9-1.2", (0.9, 1.2)), ((2, 2), (2, 2))],
)
def test_scales_are_read_as_people_write_them(written: object, meant: tuple[float, float]) -> None:
    assert read_scale(written) == pytest.approx(meant)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"scale": "large"}, "write 1.25"),
        ({"scale": "0"}, "write 1.25"),
        ({"scale": (1.2, 0.9)}, "scale is 1.2 to 0.9"),
        ({"scale": "50"}, "within 0.1 to 10"),
        ({"overlap": 0.1}, "overlap is 0.1"),
        ({"min_confidence": 90}, "min_confidence is 90"),
    ],
)
def test_senseless_ranges_are_refused(index_folder: Path, query_file: Path, asked: dict, words: str) -> None:
    with crosslight.Index.open(index_folder) as index, pytest.raises(ConfigError, match=words):
        index.search([query_file], **asked)


def test_a_missing_table_of_metadata_leaves_no_folder_behind(folders: Path, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv cannot be read \(No such file or directory\)"):
        crosslight.Index.build(
            [folders / "A"], model_folder, modality="A", out=tmp_path / "index", metadata=tmp_path / "none.csv"
        )
    assert not (tmp_path / "index").exists()
