"""Large images: indexed window by window without seams, found, resumed, removed."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import distributed
import numpy as np
import pytest
from rest_server import serve
from typer.testing import CliRunner

import crosslight
from crosslight.cli.main import app
from crosslight.config import IndexConfig, SlideConfig
from crosslight.demo.run import quick_model
from crosslight.errors import InputError
from crosslight.geometry import cut_window
from crosslight.pipeline import slide_search
from crosslight.pipeline.build import archive_key
from crosslight.pipeline.report import write_report
from crosslight.pipeline.slide_words import SLIDE_KEY
from crosslight.represent.comir import infer
from crosslight.represent.comir.model import ComirModel
from crosslight.types import Image, Placement

zarr = pytest.importorskip("zarr")
H, W = 900, 1100
PLACE = Placement(center_xy=(700.0, 333.0), angle_deg=17.0, scale=1.0, similarity=1.0)
SHORTLIST = 36  # of 66 windows: the networks of these tests learn for seconds
CONFIG = IndexConfig(slides=SlideConfig(window_cells=96, tile_cells=48, histogram_px=256))


def make_plane() -> np.ndarray:
    noise = np.random.default_rng(11).standard_normal((H, W)).astype(np.float32)
    return np.clip(127 + 1100 * cv2.GaussianBlur(noise, (0, 0), 5), 0, 255).astype(np.uint8)


def write_slide(path: Path, tone: np.ndarray, *, mpp: float | None = None) -> Path:
    """Write an OME-Zarr image of two levels, coloured as the training images of kind A are."""
    pixels = np.stack([tone, 255 - tone, tone // 2])
    group = zarr.create_group(store=str(path), zarr_format=3)
    datasets = []
    for i in range(2):
        h, w = (n // 2**i for n in tone.shape)
        level = np.stack([cv2.resize(p, (w, h), interpolation=cv2.INTER_AREA) for p in pixels])
        group.create_array(str(i), data=level, chunks=(3, 128, 128))
        steps = [{"type": "scale", "scale": [1.0, (mpp or 1.0) * 2**i, (mpp or 1.0) * 2**i]}]
        datasets.append({"path": str(i), "coordinateTransformations": steps})
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space"} for a in "yx")]
    if mpp is not None:
        axes[1:] = [{**a, "unit": "micrometer"} for a in axes[1:]]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    return path


def write_cut_slide(path: Path, tone: np.ndarray) -> tuple[Path, Callable[[], object]]:
    """Write a slide that is damaged at its last row and column, and return what mends it."""
    chunk = max((write_slide(path, tone[300:]) / "0" / "c").rglob("8"))
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[: len(whole) // 2])
    return path, lambda: chunk.write_bytes(whole)


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return make_plane()


@pytest.fixture(scope="module")
def slide_file(plane: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_slide(tmp_path_factory.mktemp("slides") / "slide.zarr", plane, mpp=0.5)


@pytest.fixture(scope="module")
def query(plane: np.ndarray) -> Image:
    return cut_window(Image(pixels=(255 - plane)[:, :, None], name="relief"), PLACE, 120, 130, "query")


@pytest.fixture(scope="module")
def slide_index(slide_file: Path, folders: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of the slide and ten small images; tests only read it."""
    out = tmp_path_factory.mktemp("slide-index") / "index"
    images = [slide_file, folders / "A"]
    crosslight.Index.build(images, model_folder, modality="A", out=out, config=CONFIG, device="cpu").close()
    return out


def test_a_query_is_found_in_a_slide_among_images(slide_index: Path, query: Image) -> None:
    with crosslight.Index.open(slide_index) as index:
        ranking = index.search([query], top=80)[0]
        assert index.count() == 11 and index.entry("slide").kind == "slide"
    best = ranking.hits[0]
    assert best.image == "slide" and best.placement is not None
    assert np.hypot(best.placement.center_xy[0] - 700, best.placement.center_xy[1] - 333) < 3
    assert abs(best.placement.angle_deg - 17) < 2
    assert best.center_um == pytest.approx((350.25, 166.75), abs=1.5)
    assert "searched 1 slide whole" in ranking.note and "all 10 images" in ranking.note
    assert len({h.image for h in ranking.hits}) > 2


def test_places_in_a_slide_are_looked_at_again(slide_index: Path, query: Image) -> None:
    with crosslight.Index.open(slide_index) as index:
        looked, plain = (index.search([query], second_look=again)[0].hits for again in (True, False))
    assert looked[0].image == plain[0].image == "slide"
    assert looked[0].similarity != plain[0].similarity
    assert looked[0].similarity - looked[1].similarity > 0.1  # cut at the right place, in the right pixels


def test_a_slide_that_has_moved_is_searched_without_a_second_look(
    plane: np.ndarray, query: Image, model_folder: Path, tmp_path: Path
) -> None:
    slide = write_slide(tmp_path / "slide.zarr", plane, mpp=0.5)
    out = tmp_path / "index"
    crosslight.Index.build([slide], model_folder, modality="A", out=out, config=CONFIG, device="cpu").close()
    slide.rename(tmp_path / "elsewhere.zarr")
    with crosslight.Index.open(out) as index:
        found, plain = (index.search([query], second_look=again)[0] for again in (True, False))
    assert [h.similarity for h in found.hits] == [h.similarity for h in plain.hits]
    assert "no second look: 1 image moved or changed" in found.note and "second look" not in plain.note


def test_hits_in_one_slide_are_different_places(slide_index: Path, query: Image) -> None:
    with crosslight.Index.open(slide_index) as index:
        places = [h.placement for h in index.search([query])[0].hits if h.image == "slide"]
    assert len(places) > 3
    centers = np.array([p.center_xy for p in places if p is not None])
    apart = np.linalg.norm(centers[:, None] - centers[None], axis=2) + 1e9 * np.eye(len(centers))
    assert apart.min() >= 0.25 * 120


def test_a_shortlist_of_windows_finds_it_too(slide_index: Path, query: Image) -> None:
    with crosslight.Index.open(slide_index) as index:
        ranking = index.search([query], shortlist=SHORTLIST)[0]
        words = index.search([query], rerank="none")[0]
    place = ranking.hits[0].placement
    assert place is not None and np.hypot(place.center_xy[0] - 700, place.center_xy[1] - 333) < 3
    assert f"1 slide in the best {SHORTLIST} windows by histogram" in ranking.note
    assert [h.image for h in words.hits].count("slide") == 1


def test_threads_that_share_the_work_find_the_same(
    slide_index: Path, query: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crosslight.Index.open(slide_index) as index:
        alone = index.search([query])[0].hits
        monkeypatch.setattr(slide_search, "SHARED_WORK", 0)
        monkeypatch.setattr(slide_search, "count_processors", lambda: 3)
        shared = index.search([query])[0].hits
    best, other = shared[0].placement, alone[0].placement
    assert shared[0].image == alone[0].image == "slide" and best is not None and other is not None
    assert best.center_xy == pytest.approx(other.center_xy, abs=0.1) and len(shared) == len(alone)


def test_where_all_would_be_too_much_a_glance_chooses(
    slide_index: Path, query: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crosslight.Index.open(slide_index) as index:
        everywhere = index.search([query], shortlist="all")[0].hits[0].placement
        monkeypatch.setattr(slide_search, "FINE_WORK", 0)
        monkeypatch.setattr(slide_search, "AUTO_WORK", 5e4)
        glanced = index.search([query])[0]
        monkeypatch.setattr(slide_search, "GLANCE_WORK", 0)
        counted = index.search([query])[0]
    assert everywhere is not None and "pieces at a glance" in glanced.note
    best = next(h.placement for h in glanced.hits if h.image == "slide")
    assert best is not None and best.center_xy == pytest.approx(everywhere.center_xy, abs=0.5)
    assert "windows by histogram" in counted.note


def test_large_images_have_the_networks_own_cells_and_others_finer_ones(slide_index: Path) -> None:
    with crosslight.Index.open(slide_index) as index:
        image = next(entry for entry in index.store.entries() if entry.kind == "image")
        finer = index.archive.representation(archive_key(image)).stride
        assert index.pyramids.shape(archive_key(index.entry("slide"))).stride == index.model.network.stride > finer
        assert finer == index.model.representer("A").stride


def test_windows_leave_no_seam(slide_index: Path, plane: np.ndarray, model_folder: Path) -> None:
    """The stored tiles are those of the whole image computed at once: the windows cannot be seen."""
    whole = np.stack([plane, 255 - plane, plane // 2], axis=2)
    padded = np.pad(whole, ((96, 96), (96, 96), (0, 0)), mode="reflect")
    representer = ComirModel.load(model_folder).representer("A").plain
    once = representer.represent_window(padded, 96).to_codes()
    with crosslight.Index.open(slide_index) as index:
        stored = index.pyramids.region(archive_key(index.entry("slide")), 0, 0, 0, *once.shape[1:]).to_codes()
    difference = np.abs(stored.astype(int) - once)
    assert difference.max() <= 2  # of 255, below 1 %


@pytest.mark.parametrize("modality", ["A", "B"])
def test_the_head_start_sees_the_same_from_two_windows(
    modality: crosslight.types.Modality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(crosslight.__file__).parent / "demo"
    pixels = crosslight.read_image(folder / "A.jpg").pixels[600:1688, 2400:3488]
    pixels = pixels if modality == "A" else pixels.mean(axis=2, keepdims=True).astype(np.uint8)
    representer = ComirModel.load(quick_model(tmp_path / "model", device="cpu")).representer(modality).plain
    margin = SlideConfig().margin_px

    def compare() -> np.ndarray:
        left = representer.represent_window(pixels[:896, :896], margin).to_codes()  # covers 256 to 640
        right = representer.represent_window(pixels[192:, 192:], margin).to_codes()  # covers 448 to 832
        assert left.std() > 10  # there is something to see
        return np.abs(left[:, 48:, 48:].astype(int) - right[:, :48, :48])

    # Of 255 levels. Half a level is what bfloat16 rounds; a quarter of the margin leaves 1.7 on the mean.
    assert compare().mean() < 0.6
    monkeypatch.setattr(infer, "low_precision", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(infer, "is_low_precision", lambda device: False)
    assert compare().max() <= 2  # below 1 %


def test_glass_is_skipped_and_tissue_found(plane: np.ndarray, query: Image, model_folder: Path, tmp_path: Path) -> None:
    tone = plane.copy()
    white = np.full_like(tone, 245)
    white[150:600, 450:1000] = tone[150:600, 450:1000]
    pixels = np.stack([white, np.where(white == 245, 245, 255 - tone), np.where(white == 245, 245, tone // 2)], axis=2)
    cv2.imwrite(str(tmp_path / "slide.tif"), pixels[:, :, ::-1])
    (tmp_path / "slide.tif").rename(tmp_path / "slide.bif")  # a slide by its name; OpenSlide needs tiles
    import tifffile

    (tmp_path / "slide.bif").unlink()
    tifffile.imwrite(tmp_path / "slide.svs", pixels, tile=(128, 128), photometric="rgb", compression="zlib")
    pytest.importorskip("openslide")
    for background in ("skip", "keep"):
        config = replace(CONFIG, slides=replace(CONFIG.slides, background=background))
        out = tmp_path / background
        with crosslight.Index.build(
            [tmp_path / "slide.svs"], model_folder, modality="A", out=out, config=config, device="cpu"
        ) as index:
            shape = index.pyramids.shape(archive_key(index.entry("slide")))
            assert (len(shape.empty) > 5) == (background == "skip")
            place = index.search([query])[0].hits[0].placement
            assert place is not None and np.hypot(place.center_xy[0] - 700, place.center_xy[1] - 333) < 3


def test_pixel_sizes_meet(
    plane: np.ndarray, query: Image, model_folder: Path, slide_index: Path, tmp_path: Path
) -> None:
    """A query of half the slide's pixel size is found at half its scale; the slide is read at the model's."""
    large = cv2.resize(query.pixels, (260, 240), interpolation=cv2.INTER_CUBIC)[:, :, None]
    with crosslight.Index.open(slide_index) as index:
        place = index.search([Image(pixels=large, name="large", mpp=0.25)])[0].hits[0].placement
        again = index.search([Image(pixels=large, name="large")], query_mpp=0.25)[0].hits[0].placement
    assert place is not None and again is not None and place.center_xy == again.center_xy
    assert np.hypot(place.center_xy[0] - 700, place.center_xy[1] - 333) < 3 and abs(place.scale - 0.5) < 0.01
    # the same at the model's pixel size: the slide has twice as many pixels, of which every second is read
    shutil.copytree(model_folder, tmp_path / "model")
    record = json.loads((tmp_path / "model" / "model.json").read_text())
    (tmp_path / "model" / "model.json").write_text(json.dumps({**record, "mpp": 0.5}))
    fine = write_slide(
        tmp_path / "fine.zarr", cv2.resize(plane, (2 * W, 2 * H), interpolation=cv2.INTER_CUBIC), mpp=0.25
    )
    with crosslight.Index.build(
        [fine], tmp_path / "model", modality="A", out=tmp_path / "index", config=CONFIG, device="cpu"
    ) as index:
        entry = index.entry("fine")
        assert (entry.reduction, entry.level, entry.height_px) == (2.0, 1, 2 * H)
        best = index.search([replace(query, mpp=0.5)])[0].hits[0]
    assert best.placement is not None and abs(best.placement.scale - 2) < 0.02
    assert np.hypot(best.placement.center_xy[0] - 1400.5, best.placement.center_xy[1] - 666.5) < 5


def test_a_slide_is_drawn_and_exported(slide_index: Path, query: Image, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "query.png"), query.pixels)
    done = CliRunner().invoke(
        app,
        [
            "search", str(slide_index), str(tmp_path / "query.png"), "--json", "--top", "2", "--device", "cpu",
            "--geojson", str(tmp_path / "found.geojson"), "--show", str(tmp_path / "found.png"),
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    hit = json.loads(done.stdout.splitlines()[0])
    assert hit["image"] == "slide" and abs(hit["cx_um"] - 0.5 * (hit["cx"] + 0.5)) < 0.01
    features = json.loads((tmp_path / "found.geojson").read_text())["features"]
    center = next(f for f in features if f["geometry"]["type"] == "Point")["geometry"]["coordinates"]
    assert np.hypot(center[0] - 700.5, center[1] - 333.5) < 3
    assert cv2.imread(str(tmp_path / "found.png")).std() > 10


def test_a_report_shows_the_place_in_the_slide(slide_index: Path, query: Image, tmp_path: Path) -> None:
    with crosslight.Index.open(slide_index) as index:
        (ranking,) = index.search([query], top=2)
        write_report(tmp_path / "page.html", [ranking], index=index)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The query laid over it." in page and "no picture" not in page
    assert page.count("with the window found in it") == 2


def test_slides_are_replaced_and_removed_whole(
    slide_index: Path, query: Image, plane: np.ndarray, tmp_path: Path
) -> None:
    shutil.copytree(slide_index, tmp_path / "index")
    with crosslight.Index.open(tmp_path / "index") as index:
        n_windows = index.open_windows().count()
        assert n_windows == index.info()["windows"] > 10
        write_slide(tmp_path / "slide.zarr", plane[:500, :600])
        assert index.add([tmp_path / "slide.zarr"]) == 1 and index.count() == 11
        assert 0 < index.open_windows().count({SLIDE_KEY: "slide"}) < n_windows
        assert index.entry("slide").height_px == 500
        assert index.add([tmp_path / "slide.zarr"]) == 0
        assert index.add([tmp_path / "slide.zarr"], mpp=0.7) == 1 and index.entry("slide").mpp == 0.7
        assert index.remove(["slide"]) == 1
        assert index.open_windows().count() == 0 and index.pyramids.size_bytes() == 0
        assert all(h.image != "slide" for h in index.search([query])[0].hits)


def test_a_slide_that_cannot_be_used_is_passed_over_among_good_ones(
    plane: np.ndarray, query: Image, model_folder: Path, tmp_path: Path
) -> None:
    """One that is damaged in the middle, of which tiles are written already, one of NaN, and one that is no slide."""
    folder = tmp_path / "slides"
    write_slide(folder / "good.zarr", plane[:600, 400:])
    cut, mend = write_cut_slide(folder / "cut.zarr", plane)
    write_slide(folder / "nan.zarr", np.where(plane[:400, :400] > 200, np.nan, plane[:400, :400]).astype(np.float32))
    (folder / "text.svs").write_text("no slide")
    out, told = tmp_path / "index", {}
    with crosslight.Index.build(
        [folder], model_folder, modality="A", out=out, config=CONFIG, device="cpu", on_skipped=told.__setitem__
    ) as index:
        assert sorted(Path(file).name for file in told) == ["cut.zarr", "nan.zarr", "text.svs"]
        assert all(Path(file).name in str(error) and "\n" not in str(error) for file, error in told.items())
        assert [e.name for e in index.entries()] == ["good"] and index.last_change == "indexed 1, skipped 3"
        assert len({tile.parents[2] for tile in out.glob("slides/??/*/*/*/*.npy")}) == 2  # of "cut" too
        place = index.search([query])[0].hits[0].placement
        assert place is not None and np.hypot(place.center_xy[0] - 300, place.center_xy[1] - 333) < 3
        rows = list(csv.DictReader((out / "skipped.csv").read_text().splitlines()))
        assert {r["name"]: r["reason"] for r in rows} == {Path(f).stem: str(e) for f, e in told.items()}
        mend()
        assert index.add([cut]) == 1 and not (out / "skipped.csv").exists()
        assert {e.name for e in index.slides()} == {"good", "cut"}


def test_a_query_too_large_for_the_images_is_found_in_a_slide_and_one_too_large_for_both_is_named(
    slide_index: Path, plane: np.ndarray
) -> None:
    relief = Image(pixels=(255 - plane)[:, :, None], name="relief")
    large = cut_window(relief, PLACE, 300, 280, "large")  # the images have 200 px a side
    huge = Image(pixels=np.random.default_rng(0).integers(0, 255, (1300, 1300, 1), np.uint8), name="huge")
    told: dict[str, str] = {}
    with crosslight.Index.open(slide_index) as index:
        (ranking,) = index.search([huge, large], on_unanswered=lambda name, error: told.update({name: str(error)}))
    assert (ranking.query, ranking.hits[0].image) == ("large", "slide")
    assert list(told) == ["huge"] and "does not fit into the only slide" in told["huge"]


def test_of_a_slide_that_cannot_be_used_and_is_not_to_be_tried_again_nothing_stays(
    plane: np.ndarray, slide_index: Path, tmp_path: Path
) -> None:
    cut, mend = write_cut_slide(tmp_path / "cut.zarr", plane)
    out, told = Path(shutil.copytree(slide_index, tmp_path / "index")), {}
    (out / "skipped.csv").write_text("of an earlier run")
    before = set(out.glob("slides/??/*"))
    with crosslight.Index.open(out) as index:
        assert index.add([cut], on_skipped=told.__setitem__, try_again=False) == 0 and len(told) == 1
        assert set(out.glob("slides/??/*")) == before
        mend()
        assert index.add([cut], on_skipped=told.__setitem__, try_again=False) == 1
    assert (out / "skipped.csv").read_text() == "of an earlier run"


def test_a_query_too_large_or_of_a_senseless_size_is_refused(slide_index: Path, query: Image) -> None:
    with crosslight.Index.open(slide_index) as index:
        with pytest.raises(InputError, match="does not fit into the only slide"):
            index.search([Image(pixels=np.eye(1300, dtype=np.uint8)[:, :, None], name="huge")])
        with pytest.raises(InputError, match="query_mpp"):
            index.search([query], query_mpp=0.01)


def test_killed_slide_indexing_goes_on_with_nothing_doubled_or_lost(
    slide_file: Path, model_folder: Path, query: Image, tmp_path: Path
) -> None:
    settings = f"IndexConfig(slides=SlideConfig(window_cells={96}, tile_cells={48}, histogram_px={256}))"
    script = (
        "import sys, crosslight; from crosslight.config import IndexConfig, SlideConfig\n"
        f"crosslight.Index.build([sys.argv[1]], sys.argv[2], modality='A', out=sys.argv[3], config={settings}, "
        "device='cpu').close()"
    )

    def command(out: Path) -> list[str]:
        return [sys.executable, "-c", script, str(slide_file), str(model_folder), str(out)]

    out = tmp_path / "index"
    for n_tiles in (1, 9, 25, 32):  # in the middle of the finest level, at its end, while coarser ones are built
        process = subprocess.Popen(command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(out.glob("slides/??/*/*/*/*.npy"))) >= n_tiles:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(command(out), capture_output=True, check=False).returncode == 0
    assert subprocess.run(command(tmp_path / "whole"), capture_output=True, check=False).returncode == 0
    found = []
    for folder in (out, tmp_path / "whole"):
        with crosslight.Index.open(folder) as index:
            assert index.count() == 1
            tiles = {p.relative_to(folder): p.read_bytes() for p in folder.glob("slides/??/*/*/*/*.npy")}
            places = [(h.similarity, h.placement and h.placement.center_xy) for h in index.search([query])[0].hits]
            found.append((index.open_windows().entries(), tiles, places))
    assert found[0] == found[1]


def test_workers_index_a_slide_as_one_process_does_though_one_is_killed(
    slide_file: Path, slide_index: Path, tmp_path: Path
) -> None:
    """Windows and areas are shared out, and nothing of the result says so."""
    out = tmp_path / "index"
    killed = threading.Event()

    def kill_one(number: int) -> None:  # as soon as the first tile has been written
        while not any(out.glob("slides/??/*/0/*/*.npy")):
            time.sleep(0.002)
        os.kill(number, signal.SIGKILL)
        killed.set()

    shutil.copytree(slide_index, out)
    with crosslight.Index.open(out, device="cpu") as index:
        key = archive_key(index.entry("slide"))
        index.remove(["slide"])
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            thread = threading.Thread(target=kill_one, args=(min(client.run(os.getpid).values()),))
            thread.start()
            assert index.add([slide_file], scheduler=client) == 1
            thread.join()
            assert killed.is_set()
        shape = index.pyramids.shape(key)
        codes = index.pyramids.region(key, 0, 0, 0, shape.height, shape.width).to_codes()
        windows = read_windows(index)
    with crosslight.Index.open(slide_index, device="cpu") as serial:
        np.testing.assert_array_equal(codes, serial.pyramids.region(key, 0, 0, 0, shape.height, shape.width).to_codes())
        assert windows == read_windows(serial) and len(windows) > 10


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_moved_index_finds_windows_of_slides_there_and_back(slide_index: Path, query: Image, tmp_path: Path) -> None:
    own = Path(shutil.copytree(slide_index, tmp_path / "index"))

    def look() -> tuple[dict[str, tuple[list[int], list[float]]], Placement]:
        with crosslight.Index.open(own, device="cpu") as index:
            best = index.search([query], shortlist=SHORTLIST)[0].hits[0].placement
            assert best is not None
            return read_windows(index), best

    before = look()
    with serve() as server:
        with crosslight.Index.open(own) as index:
            assert index.move(server.url) == 11
        assert not (own / "windows").exists()
        there = look()
        with crosslight.Index.open(own) as index:
            assert index.move("embedded") == 11
    for windows, best in (there, look()):
        assert best.center_xy == pytest.approx(PLACE.center_xy, abs=3)
        assert windows.keys() == before[0].keys() and len(windows) > 10
        for name, (words, weights) in before[0].items():
            assert windows[name][0] == words and windows[name][1] == pytest.approx(weights, abs=1e-6)


def read_windows(index: crosslight.Index) -> dict[str, tuple[list[int], list[float]]]:
    found = {}
    for entries, vectors, _ in index.open_windows().contents():
        for entry, vector in zip(entries, vectors, strict=True):
            order = np.argsort(vector.words)
            found[entry.name] = vector.words[order].tolist(), vector.counts[order].tolist()
    return found
