"""Large images of every format that can be written here: regions, levels, pixel sizes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.large import LARGE_PX, is_large, open_source
from crosslight.read.rescale import RescaledSource, resample_pixels
from crosslight.read.source import SlideSource, make_overview, read_mirrored

zarr = pytest.importorskip("zarr")
H, W = 700, 900


def make_pixels(n_channels: int = 3, dtype: Any = np.uint8) -> np.ndarray:
    """Return smooth (H, W, C) values that differ everywhere."""
    y, x = np.mgrid[:H, :W]
    waves = [np.sin(x / (17 + 5 * c)) + np.cos(y / (23 + 3 * c)) + x / W for c in range(n_channels)]
    unit = (np.stack(waves, axis=2) + 2) / 5
    return unit.astype(dtype) if np.dtype(dtype).kind == "f" else (unit * np.iinfo(dtype).max).astype(dtype)


def halves(pixels: np.ndarray, n: int = 3) -> list[np.ndarray]:
    levels = [pixels]
    for _ in range(n - 1):
        p = levels[-1].astype(np.float64)
        h, w = p.shape[0] // 2 * 2, p.shape[1] // 2 * 2
        p = (p[:h:2, :w:2] + p[1:h:2, :w:2] + p[:h:2, 1:w:2] + p[1:h:2, 1:w:2]) / 4
        levels.append(p.astype(pixels.dtype))
    return levels


def write_tiff_pyramid(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """Write sub-IFD levels; options of `TiffWriter.write`, `ome` for OME-TIFF."""
    ome = options.pop("ome", False)
    levels = halves(pixels)
    metadata = options.pop("metadata", None)
    with tifffile.TiffWriter(path, ome=ome, bigtiff=False) as file:
        axes = "YXS"
        if ome and pixels.shape[2] not in (3, 4):
            levels, axes = [np.moveaxis(v, 2, 0) for v in levels], "CYX"
        file.write(levels[0], subifds=2, tile=(128, 128), metadata={"axes": axes, **(metadata or {})}, **options)
        options.pop("resolution", None)
        for level in levels[1:]:
            file.write(level, subfiletype=1, tile=(128, 128), **options)


def write_zarr(path: Path, pixels: np.ndarray, version: str, *, mpp: float = 0.5) -> None:
    """Write an OME-Zarr image of three levels, 0.4 or 0.5, channels first."""
    zarr_format = 2 if version == "0.4" else 3
    group = zarr.create_group(store=str(path), zarr_format=zarr_format)
    datasets = []
    for i, level in enumerate(halves(pixels)):
        values = np.moveaxis(level, 2, 0)[None, :, None]
        group.create_array(str(i), data=values, chunks=(1, 1, 1, 128, 128))
        scale = [1.0, 1.0, 1.0, mpp * 2**i, mpp * 2**i]
        datasets.append({"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    multiscales = [{"axes": axes, "datasets": datasets, "version": version}]
    if version == "0.4":
        group.attrs["multiscales"] = multiscales
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}


def write_png(path: Path, pixels: np.ndarray) -> None:
    PillowImage.fromarray(pixels).save(path)


RESOLUTION = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}  # 0.5 um
OME = {"ome": True, "metadata": {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeXUnit": "µm"}}
FORMATS: dict[str, tuple[Callable[[Path, np.ndarray], None], int, Any, float | None]] = {
    "rgb.tif": (lambda p, v: write_tiff_pyramid(p, v, photometric="rgb", **RESOLUTION), 3, np.uint8, 0.5),
    "deflate.tif": (lambda p, v: write_tiff_pyramid(p, v, photometric="rgb", compression="zlib"), 3, np.uint8, None),
    "sixteen.ome.tif": (
        lambda p, v: write_tiff_pyramid(p, v, photometric="minisblack", compression="lzw", **OME), 5, np.uint16, 0.5,
    ),
    "float.ome.tif": (lambda p, v: write_tiff_pyramid(p, v, photometric="minisblack", **OME), 2, np.float32, 0.5),
    "planar.tif": (
        lambda p, v: tifffile.imwrite(
            p, np.moveaxis(v, 2, 0), photometric="rgb", planarconfig="separate", tile=(64, 64), compression="zlib"
        ), 3, np.uint8, None,
    ),
    "strips.tif": (lambda p, v: tifffile.imwrite(p, v, rowsperstrip=37, compression="zlib"), 3, np.uint8, None),
    "plain.tif": (lambda p, v: tifffile.imwrite(p, v), 3, np.uint16, None),
    "four.ome.zarr": (lambda p, v: write_zarr(p, v, "0.4"), 3, np.uint8, 0.5),
    "five.zarr": (lambda p, v: write_zarr(p, v, "0.5"), 4, np.uint16, 0.5),
    "photo.png": (write_png, 3, np.uint8, None),
}  # fmt: skip


Opener = Callable[..., SlideSource]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Return `open_source` whose files are closed when the test ends."""
    with ExitStack() as stack:
        yield lambda path, **options: stack.enter_context(closing(open_source(path, **options)))


@pytest.fixture(scope="module", params=FORMATS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, Any]:
    write, n_channels, dtype, mpp = FORMATS[request.param]
    path = tmp_path_factory.mktemp("large") / request.param
    pixels = make_pixels(n_channels, dtype)
    write(path, pixels)
    return path, pixels, mpp


def test_a_region_is_the_same_pixels(written: tuple[Path, np.ndarray, Any], opened: Opener) -> None:
    path, pixels, mpp = written
    source = opened(path)
    assert source.n_channels == pixels.shape[2] and source.name == path.stem
    assert (source.levels[0].height_px, source.levels[0].width_px) == (H, W)
    assert source.levels[0].mpp == (None if mpp is None else pytest.approx(mpp))
    for top, left, rows, cols in ((0, 0, H, W), (100, 120, 300, 130), (H - 1, W - 1, 1, 1), (127, 255, 2, 2)):
        part = source.read_region(0, top, left, rows, cols)
        assert part.dtype == pixels.dtype
        np.testing.assert_array_equal(part, pixels[top : top + rows, left : left + cols])


def test_coarser_levels_lie_over_the_finest(written: tuple[Path, np.ndarray, Any], opened: Opener) -> None:
    path, pixels, _ = written
    source = opened(path)
    span = float(pixels.max()) - float(pixels.min())
    for number, level in enumerate(source.levels):
        d = level.downsample
        assert d == 2**number
        part = source.read_region(number, 10, 20, 60, 70).astype(np.float64)
        same = pixels[int(10 * d) : int(70 * d), int(20 * d) : int(90 * d)].astype(np.float64)
        same = same.reshape(60, int(d), 70, int(d), -1).mean(axis=(1, 3))
        assert np.abs(part - same).max() < 0.02 * span


def test_a_region_outside_is_refused(written: tuple[Path, np.ndarray, Any], opened: Opener) -> None:
    source = opened(written[0])
    for region in ((0, 0, 0, H + 1, 5), (9, 0, 0, 5, 5), (0, -1, 0, 5, 5)):
        with pytest.raises(InputError, match=r"ask for a part|has no level"):
            source.read_region(*region)


def test_the_pixel_size_can_be_given(written: tuple[Path, np.ndarray, Any], opened: Opener) -> None:
    source = opened(written[0], mpp=0.25)
    assert [level.mpp for level in source.levels] == [0.25 * level.downsample for level in source.levels]


def test_openslide_reads_the_same_pixels(tmp_path: Path, opened: Opener) -> None:
    pytest.importorskip("openslide")
    pixels = make_pixels()
    with tifffile.TiffWriter(tmp_path / "slide.svs") as file:
        for i, level in enumerate(halves(pixels)):
            file.write(level, tile=(128, 128), photometric="rgb", compression="zlib", subfiletype=int(i > 0))
    assert is_large(tmp_path / "slide.svs")
    source = opened(tmp_path / "slide.svs", mpp=0.25)
    assert len(source.levels) == 3 and source.levels[1].mpp == pytest.approx(0.5, rel=0.01)
    np.testing.assert_array_equal(source.read_region(0, 33, 55, 300, 200), pixels[33:333, 55:255])


def test_aperio_files_tell_their_pixel_size_without_openslide(tmp_path: Path, opened: Opener) -> None:
    tifffile.imwrite(
        tmp_path / "aperio.tif", make_pixels(), tile=(128, 128), description="Aperio Image |AppMag = 20|MPP = 0.4990"
    )
    assert opened(tmp_path / "aperio.tif").levels[0].mpp == pytest.approx(0.499)


def test_damaged_missing_and_stacked_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    write_tiff_pyramid(tmp_path / "whole.tif", make_pixels(), photometric="rgb", compression="zlib")
    data = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "bad.svs").write_bytes(data[:100])
    (tmp_path / "empty.zarr").mkdir()
    zarr.create_group(store=str(tmp_path / "other.zarr"), zarr_format=3)
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((7, 40, 50), np.uint8), compression="zlib")
    for name in ("bad.svs", "none.tif", "empty.zarr", "other.zarr", "stack.tif"):
        with pytest.raises((InputError, UnreadableImageError), match=name) as caught:
            open_source(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1


def test_only_long_sides_and_slides_are_large(tmp_path: Path) -> None:
    PillowImage.new("L", (LARGE_PX + 1, 20)).save(tmp_path / "long.png")
    PillowImage.new("L", (LARGE_PX, 20)).save(tmp_path / "short.png")
    tifffile.imwrite(tmp_path / "long.tif", np.zeros((20, LARGE_PX + 1), np.uint8))
    (tmp_path / "text.tif").write_text("no image")
    write_zarr(tmp_path / "small.zarr", make_pixels(), "0.5")
    large = {p.name for p in tmp_path.iterdir() if is_large(p)}
    assert large == {"long.png", "long.tif", "small.zarr"}


def test_what_lies_outside_is_mirrored(tmp_path: Path, opened: Opener) -> None:
    pixels = make_pixels()
    write_png(tmp_path / "a.png", pixels)
    source = opened(tmp_path / "a.png")
    padded = np.pad(pixels, ((40, 40), (40, 40), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(read_mirrored(source, 0, -40, -40, H + 80, W + 80), padded)
    np.testing.assert_array_equal(read_mirrored(source, 0, -40, 100, 60, 70), padded[:60, 140:210])


@pytest.mark.parametrize("reduction", [1.0, 1.37, 2.0, 2.9, 0.8])
def test_a_rescaled_image_is_the_same_from_every_window(tmp_path: Path, reduction: float, opened: Opener) -> None:
    pixels = make_pixels()
    write_tiff_pyramid(tmp_path / "a.tif", pixels, photometric="rgb")
    view = RescaledSource(opened(tmp_path / "a.tif"), reduction)
    assert (view.height_px, view.width_px) == (int(H / reduction), int(W / reduction))
    whole = view.read(0, 0, view.height_px, view.width_px)
    part = view.read(51, 67, 80, 90)
    assert part.dtype == np.uint8
    assert np.abs(part.astype(int) - whole[51:131, 67:157]).max() <= 1
    # pixel (r, c) lies at ((r + 0.5) * reduction - 0.5) of level 0
    y, x = (np.array([100, 60]) + 0.5) * reduction - 0.5
    around = pixels[int(y) - 1 : int(y) + 3, int(x) - 1 : int(x) + 3].astype(float).mean(axis=(0, 1))
    assert np.abs(whole[100, 60] - around).max() < 6


def test_an_overview_is_the_average_of_what_it_shows(tmp_path: Path, opened: Opener) -> None:
    pixels = make_pixels()
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(64, 64), compression="zlib")
    overview, downsample = make_overview(opened(tmp_path / "a.tif"), 100)
    assert overview.shape == (78, 100, 3) and downsample == 9
    np.testing.assert_allclose(overview[3, 4], pixels[27:36, 36:45].astype(float).mean(axis=(0, 1)), atol=0.01)


def test_resampling_keeps_the_mean_and_the_type() -> None:
    pixels = make_pixels(5, np.uint16)
    small = resample_pixels(pixels, 0.4)
    assert small.shape == (280, 360, 5) and small.dtype == np.uint16
    assert abs(small.mean() - pixels.mean()) < 0.01 * pixels.mean()
    assert resample_pixels(pixels, 1.0) is pixels


def write_dicom(path: Path, pixels: np.ndarray, *, tile: int = 128, spacing_mm: float = 0.0005) -> None:
    """Write a whole-slide DICOM file of one level in JPEG tiles."""
    import imagecodecs
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage, generate_uid

    height, width = pixels.shape[:2]
    head = pydicom.dataset.FileMetaDataset()
    head.MediaStorageSOPClassUID, head.TransferSyntaxUID = VLWholeSlideMicroscopyImageStorage, JPEGBaseline8Bit
    head.MediaStorageSOPInstanceUID = generate_uid()
    file = pydicom.dataset.FileDataset(str(path), {}, file_meta=head, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = head.MediaStorageSOPClassUID, head.MediaStorageSOPInstanceUID
    file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    file.Modality, file.ImageType = "SM", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    file.Rows = file.Columns = tile
    file.TotalPixelMatrixRows, file.TotalPixelMatrixColumns = height, width
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PlanarConfiguration = 3, "YBR_FULL_422", 0
    file.BitsAllocated = file.BitsStored = 8
    file.HighBit, file.PixelRepresentation, file.DimensionOrganizationType = 7, 0, "TILED_FULL"
    measures, group = pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing = [spacing_mm, spacing_mm]
    group.PixelMeasuresSequence = pydicom.Sequence([measures])
    file.SharedFunctionalGroupsSequence = pydicom.Sequence([group])
    padded = np.pad(pixels, ((0, -height % tile), (0, -width % tile), (0, 0)), mode="edge")
    tiles = [padded[r : r + tile, c : c + tile] for r in range(0, height, tile) for c in range(0, width, tile)]
    file.NumberOfFrames = len(tiles)
    file.PixelData = encapsulate([imagecodecs.jpeg8_encode(np.ascontiguousarray(t), level=95) for t in tiles])
    file["PixelData"].is_undefined_length = True
    file.save_as(path, enforce_file_format=True)


def test_dicom_slides_are_read(tmp_path: Path, opened: Opener) -> None:
    pytest.importorskip("openslide")
    pytest.importorskip("pydicom")
    y, x = np.mgrid[:H, :W]
    pixels = np.stack([127 + 100 * np.sin(x / (17 + 5 * c)) * np.cos(y / 23) for c in range(3)], axis=2)
    write_dicom(tmp_path / "slide.dcm", pixels.astype(np.uint8))
    source = opened(tmp_path / "slide.dcm")
    assert (source.levels[0].height_px, source.levels[0].width_px) == (H, W)
    assert source.levels[0].mpp == pytest.approx(0.5)
    assert np.abs(source.read_region(0, 100, 120, 300, 130) - pixels[100:400, 120:250]).max() < 12  # JPEG
