"""The command line as a user types it: results on stdout, one sentence on stderr, exit status 2 for bad input."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from crosslight.cli.search import parse_shortlist
from crosslight.errors import ConfigError
from crosslight.pipeline.metadata import parse_pairs


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "crosslight", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("given", "spins"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)]
)
def test_waiting_threads_fall_asleep_unless_the_user_has_said_how_they_wait(
    given: dict[str, str], spins: str | None
) -> None:
    clean = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = "import os, sys, crosslight.cli; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], env=clean | given, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [str(spins), "False"]  # torch reads it when it is loaded, which comes later


def test_search_prints_a_table_and_writes_csv_and_picture(index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    done = run(
        "search", index_folder, query_file, "--csv", tmp_path / "r.csv", "--show", tmp_path / "p.png", "--top", 3
    )
    assert done.returncode == 0, done.stderr
    assert "query9: aligned with all 10 images" in done.stdout
    assert "image9" in done.stdout.splitlines()[3]
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [r["rank"] for r in rows] == ["1", "2", "3"] and rows[0]["image"] == "image9"
    assert list(rows[0]) == ["query", "rank", "image", "similarity", "confidence", "cx", "cy", "angle_deg", "scale"]
    assert cv2.imread(str(tmp_path / "p.png")) is not None


def test_json_prints_one_object_per_hit_and_nothing_else(index_folder: Path, query_file: Path) -> None:
    done = run("search", index_folder, query_file, "--json", "--top", 2)
    hits = [json.loads(line) for line in done.stdout.splitlines()]
    assert [h["rank"] for h in hits] == [1, 2]
    assert hits[0]["image"] == "image9" and abs(hits[0]["angle_deg"] - 12) < 2


def test_windows_are_written_for_other_viewers(index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    done = run(
        "search", index_folder, query_file, "--geojson", tmp_path / "found", "--imagej", tmp_path / "rois.zip",
        "--top", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "GeoJSON: " in done.stderr and "ImageJ: " in done.stderr
    collection = json.loads((tmp_path / "found" / "image9.geojson").read_text())
    x, y = collection["features"][1]["geometry"]["coordinates"]
    assert abs(x - 95.5) < 3 and abs(y - 104.5) < 3
    assert len(zipfile.ZipFile(tmp_path / "rois.zip").namelist()) == 2
    done = run("search", index_folder, query_file, "--geojson", tmp_path / "no", "--rerank", "none")
    assert done.returncode == 2 and "use --rerank align" in done.stderr and not (tmp_path / "no").exists()


def test_a_picture_of_an_unknown_kind_is_refused_before_the_search(index_folder: Path, query_file: Path) -> None:
    done = run("search", index_folder, query_file, "--show", "picture.gif")
    assert done.returncode == 2 and ".png" in done.stderr and "aligning" not in done.stderr


@pytest.mark.parametrize(("place", "words"), [("", "no index.json"), ("none", "there is nothing"), ("a.txt", "a file")])
def test_what_is_no_index_is_said(tmp_path: Path, place: str, words: str) -> None:
    (tmp_path / "a.txt").write_text("text")
    done = run("info", tmp_path / place)
    assert done.returncode == 2 and words in done.stderr and "crosslight index" in done.stderr


def test_a_ranking_becomes_a_page(index_folder: Path, query_file: Path, tmp_path: Path) -> None:
    assert run("search", index_folder, query_file, "--csv", tmp_path / "r.csv", "--top", 3).returncode == 0
    options = ["--index", index_folder, "--queries", query_file, "--out", tmp_path / "page.html"]
    done = run("report", tmp_path / "r.csv", *options)
    assert done.returncode == 0 and done.stdout == "" and "report: " in done.stderr
    assert "query9 lies in image9" in (tmp_path / "page.html").read_text(encoding="utf-8")
    done = run("report", query_file, "--out", tmp_path / "no.html")
    assert done.returncode == 2 and "a ranking is a CSV with the columns" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "no.html").exists()


def test_info_add_and_remove_speak_of_the_same_images(folders: Path, index_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(index_folder, tmp_path / "index")
    assert "9 images left" in run("remove", tmp_path / "index", "image0").stdout
    facts = json.loads(run("info", tmp_path / "index", "--json", "--names").stdout)
    assert facts["images"] == 9 and "image0" not in facts["names"]
    counted = json.loads(run("info", tmp_path / "index", "--json", "--words").stdout)["word_statistics"]
    assert counted["n_images"] == 9 and counted["n_words"] == facts["words"]
    assert "words are in no image" in run("info", tmp_path / "index", "--words").stdout
    assert "10 images" in run("add", tmp_path / "index", folders / "A" / "image0.png").stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"this is text", "image"), ("truncated", "cut off")],
)
def test_a_bad_image_gives_one_sentence_and_status_2(
    index_folder: Path, query_file: Path, tmp_path: Path, content: bytes | str, words: str
) -> None:
    bad = tmp_path / "bad.png"
    whole = query_file.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    done = run("search", index_folder, bad)
    assert done.returncode == 2 and done.stdout == ""
    assert words in done.stderr and "bad.png" in done.stderr
    assert done.stderr.startswith("crosslight: ") and len(done.stderr.strip().splitlines()) == 1


def test_bad_images_are_skipped_named_and_tried_again(folders: Path, model_folder: Path, tmp_path: Path) -> None:
    images, out = tmp_path / "A", tmp_path / "index"
    shutil.copytree(folders / "A", images)
    (images / "image3.png").write_bytes((folders / "A" / "image3.png").read_bytes()[:500])
    shutil.copy(folders / "B" / "image0.png", images / "grey.png")
    (images / "gone.png").symlink_to(tmp_path / "nowhere.png")
    command = ("index", images, "--model", model_folder, "--modality", "A", "--out", out)
    done = run(*command)
    assert done.returncode == 2 and "indexed 9, skipped 3" in done.stdout and "9 images" in done.stdout
    sentences = [line for line in done.stderr.splitlines() if line.startswith("crosslight: ")]
    assert len(sentences) == 4 and "3 images were skipped" in sentences[-1]
    rows = list(csv.DictReader((out / "skipped.csv").read_text().splitlines()))
    assert {r["name"] for r in rows} == {"image3", "grey", "gone"}
    assert {f"crosslight: {r['reason']}" for r in rows} == set(sentences[:-1])

    shutil.copy(folders / "A" / "image3.png", images)  # mended
    for name in ("grey.png", "gone.png"):
        (images / name).unlink()
    kept = {f: f.stat().st_mtime_ns for f in (out / "images").rglob("*.npy")}
    done = run(*command)
    assert done.returncode == 0 and "indexed 1, 9 were there in" in done.stdout
    assert not (out / "skipped.csv").exists()
    assert len(kept) == 9 and all(f.stat().st_mtime_ns == t for f, t in kept.items())

    (images / "image3.png").write_bytes(b"no image any more")
    done = run("add", out, images)
    assert done.returncode == 2 and "indexed 0, 9 were there, skipped 1" in done.stdout and "10 images" in done.stdout


def test_no_image_that_can_be_used_is_an_error(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "bad.png").write_bytes(b"no image")
    done = run("index", tmp_path / "A", "--model", model_folder, "--modality", "A", "--out", tmp_path / "index")
    assert done.returncode == 2 and done.stdout == ""
    assert "bad.png" in done.stderr and "No image can be used" in done.stderr


def test_bad_queries_among_good_ones_are_named_and_the_others_answered(
    index_folder: Path, query_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "queries"
    folder.mkdir()
    shutil.copy(query_file, folder / "good.png")
    (folder / "cut.png").write_bytes(query_file.read_bytes()[:200])
    cv2.imwrite(str(folder / "large.png"), np.eye(500, dtype=np.uint8))
    cv2.imwrite(str(folder / "colour.png"), np.zeros((64, 64, 3), np.uint8) + np.arange(3, dtype=np.uint8))
    done = run("search", index_folder, folder, "--json", "--csv", tmp_path / "r.csv", "--top", 1)
    assert done.returncode == 2
    assert [(h["query"], h["image"]) for h in map(json.loads, done.stdout.splitlines())] == [("good", "image9")]
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 2
    *sentences, summary = [line for line in done.stderr.splitlines() if line.startswith("crosslight: ")]
    for name in ("cut.png", "large.png", "colour"):
        assert sum(name in sentence for sentence in sentences) == 1
    assert summary == "crosslight: 3 of 4 queries were not answered: cut.png, colour.png, large.png."


def test_nan_pixels_and_tiny_images_are_refused_and_the_others_answered(
    index_folder: Path, query_file: Path, tmp_path: Path
) -> None:
    import tifffile

    values = cv2.imread(str(query_file), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    tifffile.imwrite(tmp_path / "good.tif", values)
    values[7, 9] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", values)
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((1, 1), np.uint8))
    done = run("search", index_folder, tmp_path, "--json", "--top", 1)
    assert done.returncode == 2
    assert [(h["query"], h["image"]) for h in map(json.loads, done.stdout.splitlines())] == [("good", "image9")]
    nan, one, summary = [line for line in done.stderr.splitlines() if line.startswith("crosslight: ")]
    assert "nan.tif holds NaN" in nan and "(1 pixel value)" in nan and "one.png" in one
    assert summary == "crosslight: 2 of 3 queries were not answered: nan.tif, one.png."


def test_an_image_with_nan_pixels_is_skipped_and_the_others_indexed(
    folders: Path, model_folder: Path, tmp_path: Path
) -> None:
    import tifffile

    images = tmp_path / "A"
    images.mkdir()
    for i in range(3):
        pixels = cv2.imread(str(folders / "A" / f"image{i}.png"))[:, :, ::-1].astype(np.float32)
        if i == 1:
            pixels[50, 60, 2] = np.nan
        tifffile.imwrite(images / f"image{i}.tif", pixels, photometric="rgb")
    done = run("index", images, "--model", model_folder, "--modality", "A", "--out", tmp_path / "index")
    assert done.returncode == 2 and "indexed 2, skipped 1" in done.stdout
    nan, summary = [line for line in done.stderr.splitlines() if line.startswith("crosslight: ")]
    assert "image1.tif holds NaN" in nan and "1 image was skipped" in summary


def test_a_query_of_one_value_is_refused(index_folder: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "flat.png"), np.full((64, 64), 90, np.uint8))
    done = run("search", index_folder, tmp_path / "flat.png")
    assert done.returncode == 2 and "flat.png has one value everywhere" in done.stderr


def test_places_that_cannot_be_written_are_said_before_the_search(
    index_folder: Path, query_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for place, words in ((tmp_path, "is a folder; give the name of a file"), (tmp_path / "file" / "r.csv", "a file")):
        done = run("search", index_folder, query_file, "--csv", place)
        assert done.returncode == 2 and words in done.stderr and done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1 and "Errno" not in done.stderr


def test_moved_images_are_pointed_to_again_and_keep_their_metadata(
    model_folder: Path, folders: Path, query_file: Path, tmp_path: Path
) -> None:
    shutil.copytree(folders / "A", tmp_path / "A")
    (tmp_path / "meta.csv").write_text("name,stain\nimage9,HE\n")
    options = ["--model", model_folder, "--modality", "A", "--metadata", tmp_path / "meta.csv"]
    assert run("index", tmp_path / "A", *options, "--out", tmp_path / "index").returncode == 0
    (tmp_path / "A").rename(tmp_path / "B")
    search = ["search", tmp_path / "index", query_file, "--where", "stain=HE", "--show", tmp_path / "p.png"]
    done = run(*search)
    assert done.returncode == 2 and "aligned with the only image" in done.stdout  # the answer is not lost
    assert "'image9' is no longer at" in done.stderr and "crosslight add" in done.stderr
    assert "indexed 10" in run("add", tmp_path / "index", tmp_path / "B").stdout
    assert run(*search).returncode == 0 and (tmp_path / "p.png").exists()
    for condition, words in (("stain=IHC", "stain is HE"), ("Stain=HE", "the columns are stain")):
        done = run("search", tmp_path / "index", query_file, "--where", condition)
        assert done.returncode == 2 and words in done.stderr


def test_an_index_that_never_began_can_be_asked_for_otherwise(
    model_folder: Path, folders: Path, tmp_path: Path
) -> None:
    out = ["--model", model_folder, "--out", tmp_path / "index"]
    done = run("index", folders / "A", "--modality", "B", *out)
    assert done.returncode == 2 and "check that it is of modality B" in done.stderr
    done = run("index", folders / "A", "--modality", "A", *out)
    assert done.returncode == 0 and "10 images" in done.stdout
    done = run("remove", tmp_path / "index", "image0.png")
    assert done.returncode == 2 and "it is called 'image0' there" in done.stderr


def test_an_empty_folder_and_doubled_names_are_refused(model_folder: Path, folders: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    shutil.copytree(folders / "A", tmp_path / "twice")
    shutil.copy(folders / "A" / "image1.png", tmp_path / "twice" / "image1.jpg")
    for folder in ("empty", "twice"):
        done = run("index", tmp_path / folder, "--model", model_folder, "--modality", "A", "--out", tmp_path / "index")
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "index").exists()


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    done = run("--debug", "info", tmp_path)
    assert done.returncode != 0 and "Traceback" in done.stderr


def test_version_and_help_answer_without_loading_torch() -> None:
    assert run("--version").stdout.startswith("crosslight ")
    for command in ("fit", "index", "add", "remove", "move", "info", "search", "report", "demo"):
        assert "--help" in run(command, "--help").stdout


def test_the_list_of_commands_says_what_each_is_for_in_whole_sentences() -> None:
    listed = run("--help").stdout.split("Commands:")[1].strip().splitlines()
    assert len(listed) >= 9 and all(line.endswith(".") for line in listed)
    assert not any("..." in line for line in listed)


@pytest.mark.parametrize("text", ["0", "-3", "many", ""])
def test_a_senseless_shortlist_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a number above 0, all, or auto"):
        parse_shortlist(text)


def test_where_is_read_as_key_and_value() -> None:
    assert parse_pairs(["stain=HE", "note=a=b"], "--where") == {"stain": "HE", "note": "a=b"}
    with pytest.raises(ConfigError, match="key=value"):
        parse_pairs(["stain"], "--where")


def test_a_misspelt_option_is_explained() -> None:
    done = run("search", "index", "query.png", "--shwo", "x.png")
    assert done.returncode == 2 and "--shwo" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_while_indexing_says_how_to_go_on(folders: Path, model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    arguments = ["index", folders / "A", "--model", model_folder, "--modality", "A", "--out", out]
    command = [sys.executable, "-m", "crosslight", *map(str, arguments)]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, and so by children, in a background job
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "images").is_dir() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in stderr
    assert "10 images" in run(*arguments).stdout


def test_a_senseless_pixel_size_or_background_is_refused(
    index_folder: Path, query_file: Path, model_folder: Path, folders: Path, tmp_path: Path
) -> None:
    made = ["index", folders / "A", "--model", model_folder, "--modality", "A", "--out", tmp_path / "index"]
    for arguments, words in (
        (["search", index_folder, query_file, "--query-mpp", "0"], "above 0"),
        ([*made, "--background", "glass"], "'skip' or 'keep'"),
        ([*made, "--mpp", "-1"], "above 0"),
    ):
        done = run(*arguments)
        assert done.returncode == 2 and words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
