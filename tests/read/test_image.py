"""Reading one image: what comes out of each format, and one clear sentence for each that cannot be used."""

import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from PIL import ImageFile, ImageOps

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.image import image_signature, list_images, read_image


def texture(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Blocks of one value with some noise, as photographs have it."""
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    return rng.integers(info.min // 2, info.max // 2, shape).astype(dtype)


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write by Pillow."""
    PillowImage.fromarray(pixels).save(path, **options)
    return path


def save_tiff(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, pixels, **options)
    return path


def png_claiming(path: Path, width: int, height: int) -> Path:
    """A PNG whose header claims a size and whose data hold almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "a.tif", "a.TIFF"])
def test_lossless_formats_come_back_as_they_were(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    pixels = texture(*shape)
    options = {"lossless": True} if name == "a.webp" else {}
    image = read_image(save(tmp_path / name, pixels, **options))
    if name == "a.webp" and len(shape) == 2:
        pixels = np.stack([pixels] * 3, axis=-1)  # WebP has no grey
    np.testing.assert_array_equal(image.pixels, np.atleast_3d(pixels))
    assert (image.pixels.dtype, image.name, image.mpp) == (np.uint8, "a", None)


def test_jpeg_is_read_closely(tmp_path: Path) -> None:
    pixels = np.kron(texture(4, 5, 3), np.ones((8, 8, 1), np.uint8))
    image = read_image(save(tmp_path / "a.jpg", pixels, quality=98, subsampling=0))
    assert image.pixels.shape == (32, 40, 3)
    assert np.abs(image.pixels.astype(int) - pixels).mean() < 2


def test_the_name_is_the_stem_whatever_dots_it_has(tmp_path: Path) -> None:
    assert read_image(str(save(tmp_path / "slide.1 (2).png", texture(20, 30)))).name == "slide.1 (2)"


def test_the_content_decides_the_format(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", texture(20, 30, 3), format="TIFF")
    np.testing.assert_array_equal(read_image(path).pixels, texture(20, 30, 3))


@pytest.mark.parametrize("orientation", [1, 6])
def test_pixels_are_contiguous_and_may_be_changed(tmp_path: Path, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[274] = orientation
    pixels = read_image(save(tmp_path / "a.png", texture(20, 30, 3), exif=exif)).pixels
    assert pixels.flags.c_contiguous
    pixels[0, 0] = 0


@pytest.mark.parametrize("n_channels", [1, 3])
def test_16_bit_png_keeps_all_its_bits(tmp_path: Path, n_channels: int) -> None:
    pixels = texture(20, 30, n_channels, dtype="uint16")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels.squeeze()))
    image = read_image(tmp_path / "a.png")
    assert image.pixels.dtype == np.uint16
    np.testing.assert_array_equal(image.pixels, pixels)


def test_a_palette_becomes_rgb(tmp_path: Path) -> None:
    picture = PillowImage.fromarray(texture(20, 30, 3)).quantize(16)
    expected = np.asarray(picture.convert("RGB"))
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, expected)
    picture.save(tmp_path / "b.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif").pixels, expected)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_one_bit_becomes_0_and_255(tmp_path: Path, name: str) -> None:
    bits = texture(20, 30) > 60
    image = read_image(save(tmp_path / name, bits))
    np.testing.assert_array_equal(image.pixels[:, :, 0], np.where(bits, 255, 0))
    assert image.pixels.dtype == np.uint8


def test_grey_where_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    pixels = texture(20, 30)
    image = read_image(save_tiff(tmp_path / "a.tif", 255 - pixels, photometric="miniswhite"))
    np.testing.assert_array_equal(image.pixels[:, :, 0], pixels)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize(("alpha", "n_channels"), [(255, 3), (254, 4)])
def test_alpha_is_dropped_where_it_is_opaque_everywhere(tmp_path: Path, name: str, alpha: int, n_channels: int) -> None:
    pixels = np.dstack([texture(20, 30, 3), np.full((20, 30), 255, np.uint8)])
    pixels[3, 4, 3] = alpha
    options = {"lossless": True, "exact": True} if name == "a.webp" else {}
    image = read_image(save(tmp_path / name, pixels, **options))
    np.testing.assert_array_equal(image.pixels, pixels[:, :, :n_channels])


def test_opaque_alpha_of_grey_and_of_16_bits_is_dropped(tmp_path: Path) -> None:
    grey = np.dstack([texture(20, 30), np.full((20, 30), 255, np.uint8)])
    assert read_image(save(tmp_path / "a.png", grey)).n_channels == 1
    deep = np.dstack([texture(20, 30, 3, dtype="uint16"), np.full((20, 30), 65535, np.uint16)])
    (tmp_path / "b.png").write_bytes(imagecodecs.png_encode(deep))
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").pixels, deep[:, :, :3])


def test_a_fourth_channel_that_is_not_alpha_stays(tmp_path: Path) -> None:
    pixels = np.dstack([texture(20, 30, 3), np.full((20, 30), 255, np.uint8)])
    path = save_tiff(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "minisblack", "planarconfig": "separate"},
        {"photometric": "minisblack", "metadata": {"axes": "CYX"}},
        {"photometric": "minisblack", "metadata": {"axes": "CYX"}, "compression": "deflate"},
        {"imagej": True, "metadata": {"axes": "CYX"}},
    ],
)
@pytest.mark.parametrize("n_channels", [2, 5, 16])
def test_channel_first_tiff_becomes_channel_last(tmp_path: Path, options: dict[str, Any], n_channels: int) -> None:
    pixels = texture(n_channels, 20, 30, dtype="uint16")
    image = read_image(save_tiff(tmp_path / "a.tif", pixels, **options))
    np.testing.assert_array_equal(image.pixels, np.moveaxis(pixels, 0, -1))
    assert image.pixels.flags.c_contiguous


def test_an_interleaved_tiff_of_many_channels_is_read(tmp_path: Path) -> None:
    pixels = texture(20, 30, 7)
    path = save_tiff(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("compression", ["lzw", "deflate", "zstd", "packbits"])
def test_compressed_and_tiled_tiff_are_read(tmp_path: Path, compression: str) -> None:
    pixels = texture(40, 50, 3, dtype="uint16")
    path = save_tiff(tmp_path / "a.tif", pixels, photometric="rgb", compression=compression, tile=(16, 16))
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "int64"])
def test_other_whole_numbers_become_float_without_loss(tmp_path: Path, dtype: str) -> None:
    pixels = texture(20, 30, dtype="int8").astype(dtype) * (1 if dtype == "int8" else 255)
    if dtype == "uint32":
        pixels = np.abs(pixels.astype(np.int64)).clip(0, 2**24).astype(dtype)
    image = read_image(save_tiff(tmp_path / "a.tif", pixels))
    assert image.pixels.dtype == np.float32
    np.testing.assert_array_equal(image.pixels[:, :, 0].astype(np.int64), pixels.astype(np.int64))


@pytest.mark.parametrize("dtype", [">u2", "float16", "float32", "float64"])
def test_big_endian_and_floats_are_read(tmp_path: Path, dtype: str) -> None:
    pixels = (texture(20, 30) / 4).astype(dtype)
    image = read_image(save_tiff(tmp_path / "a.tif", pixels, byteorder=">"))
    assert image.pixels.dtype == (np.uint16 if dtype == ">u2" else np.float32)
    np.testing.assert_array_equal(image.pixels[:, :, 0], pixels)


@pytest.mark.parametrize(
    ("options", "mpp"),
    [
        ({"resolution": (20_000, 20_000), "resolutionunit": "centimeter"}, 0.5),
        ({"resolution": (50_800, 50_800), "resolutionunit": "inch"}, 0.5),
        ({"resolution": (4, 4), "imagej": True, "metadata": {"unit": "um"}}, 0.25),
        ({"resolution": (300, 300), "resolutionunit": "inch"}, None),
        ({"resolution": (20_000, 10_000), "resolutionunit": "centimeter"}, None),
        ({"resolution": (1, 1), "resolutionunit": "none"}, None),
        ({}, None),
    ],
)
def test_a_fine_square_resolution_is_the_pixel_size(tmp_path: Path, options: dict[str, Any], mpp: float | None) -> None:
    image = read_image(save_tiff(tmp_path / "a.tif", texture(20, 30), **options))
    assert image.mpp == (None if mpp is None else pytest.approx(mpp))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_the_exif_orientation_is_applied_as_viewers_do(tmp_path: Path, name: str, orientation: int) -> None:
    picture = PillowImage.fromarray(texture(20, 30, 3))
    exif = PillowImage.Exif()
    exif[274] = orientation
    picture.save(tmp_path / name, exif=exif)
    with PillowImage.open(tmp_path / name) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    np.testing.assert_array_equal(read_image(tmp_path / name).pixels, expected)


def write_bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


UNREADABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("a.png", lambda path: None, "does not exist; check the name"),
    "a folder": ("a.png", lambda path: path.mkdir(), "is a folder; give an image file"),
    "zero bytes": ("a.png", write_bytes(b""), r"is empty \(0 bytes\)"),
    "a text": ("a.png", write_bytes(b"name,split\na,train\n"), "is not a readable image"),
    "one byte": ("a.jpg", write_bytes(b"\xff"), "is not a readable image"),
    "a GIF": ("a.png", lambda p: save(p, texture(20, 30), format="GIF"), "not PNG, JPEG, TIFF, BMP or WebP"),
    "a TIFF without pages": ("a.tif", write_bytes(b"II*\0\0\0\0\0"), r"a\.tif "),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_image_is_refused_in_one_sentence_with_its_path(tmp_path: Path, case: str) -> None:
    name, make, message = UNREADABLE[case]
    make(tmp_path / name)
    with pytest.raises(UnreadableImageError, match=message) as caught:
        read_image(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "1 x 1": (lambda p: save(p, texture(1, 1), format="PNG"), "is 1 x 1 px; images need at least 16 px a side"),
    "a line": (lambda p: save(p, texture(15, 400), format="PNG"), "is 400 x 15 px"),
    "17 channels": (
        lambda p: save_tiff(p, texture(17, 20, 30), photometric="minisblack", planarconfig="separate"),
        "has 17 channels; 1 to 16",
    ),
    "NaN": (lambda p: save_tiff(p, np.full((20, 30), np.nan, np.float32)), r"NaN.* \(600 pixel values\)"),
    "infinite": (lambda p: save_tiff(p, np.diag([np.inf] * 20).astype(np.float32)), "NaN, infinite"),
    "beyond float32": (lambda p: save_tiff(p, np.full((20, 30), 1e300)), "beyond 32-bit float"),
    "huge whole numbers": (lambda p: save_tiff(p, np.full((20, 30), 2**24 + 1, np.uint32)), "8 or 16 bits"),
    "complex": (lambda p: save_tiff(p, np.ones((20, 30), np.complex64)), "pixels of type complex64"),
    "a stack": (lambda p: save_tiff(p, texture(5, 20, 30)), "stack of 5 pages"),
    "a time series": (
        lambda p: save_tiff(p, texture(5, 2, 20, 30), imagej=True, metadata={"axes": "TCYX"}),
        "stack of 10 pages",
    ),
    "pages of two sizes": (
        lambda p: save_tiff(p, texture(20, 30)) and tifffile.imwrite(p, texture(40, 30), append=True),
        "holds 2 images",
    ),
    "an animation": (
        lambda p: PillowImage.fromarray(texture(20, 30)).save(
            p, format="PNG", save_all=True, append_images=[PillowImage.fromarray(texture(20, 30, seed=1))]
        ),
        "holds 2 images",
    ),
    "CMYK": (lambda p: PillowImage.new("CMYK", (20, 30)).save(p, format="JPEG"), "colour mode CMYK"),
    "CMYK TIFF": (lambda p: save_tiff(p, texture(20, 30, 4), photometric="separated"), "colour mode SEPARATED"),
    "a bomb": (lambda p: png_claiming(p, 50_000, 50_000), "more than the 2,147,483,648 pixels"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_images_that_cannot_be_used_are_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    make, message = UNUSABLE[case]
    path = tmp_path / "a.img"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tiff_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="zero-size"):
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((0, 20), np.uint8))
    with pytest.raises(InputError, match=r"a\.tif "):
        read_image(tmp_path / "a.tif")


def test_a_large_image_within_the_limit_is_no_bomb(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", texture(200, 300))
    with pytest.raises(InputError, match="more than the 1,000 pixels"):
        read_image(path, max_pixels=1000)
    # Pillow alone would warn from 89 million pixels on and refuse from 179 million on.
    with pytest.raises(UnreadableImageError, match="truncated"):
        read_image(png_claiming(tmp_path / "b.png", 14_000, 14_000))


FORMATS: dict[str, dict[str, Any]] = {
    "a.png": {},
    "a.bmp": {},
    "a.jpg": {"quality": 90},
    "b.jpg": {"progressive": True},
    "a.webp": {},
    "a.tif": {},
    "b.tif": {"compression": "tiff_deflate"},
    "c.tif": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("name", [*FORMATS, "16 bit.png", "pages.tif"])
def test_a_file_that_was_cut_off_is_never_read_as_something_else(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if name == "16 bit.png":
        path.write_bytes(imagecodecs.png_encode(texture(40, 50, 3, dtype="uint16")))
    elif name == "pages.tif":
        save_tiff(path, texture(5, 40, 50, dtype="uint16"), imagej=True, metadata={"axes": "CYX"})
    else:
        save(path, texture(40, 50, 3), **FORMATS[name])
    whole, data = read_image(path).pixels, path.read_bytes()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as some libraries do
    n_refused = 0
    for size in [*range(1, len(data), max(1, len(data) // 40)), *range(len(data) - 24, len(data))]:
        path.write_bytes(data[:size])
        try:
            np.testing.assert_array_equal(read_image(path).pixels, whole)  # only what follows the pixels is missing
        except UnreadableImageError as error:
            assert str(path) in str(error)
            n_refused += 1
    assert n_refused >= 40
    assert ImageFile.LOAD_TRUNCATED_IMAGES
    assert capsys.readouterr() == ("", "")


def test_threads_read_at_the_same_time_and_leave_pillow_as_it_was(tmp_path: Path) -> None:
    limit = PillowImage.MAX_IMAGE_PIXELS
    paths = [save(tmp_path / f"{i}.png", texture(300, 300, 3, seed=i)) for i in range(8)]
    results: dict[Path, np.ndarray] = {}
    threads = [threading.Thread(target=lambda p=p: results.update({p: read_image(p).pixels})) for p in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, path in enumerate(paths):
        np.testing.assert_array_equal(results[path], texture(300, 300, 3, seed=i))
    assert limit == PillowImage.MAX_IMAGE_PIXELS


def test_the_signature_changes_with_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", texture(20, 30))
    before = image_signature(path)
    assert image_signature(path) == before
    save(path, texture(20, 31))
    assert image_signature(path) != before
    with pytest.raises(UnreadableImageError, match="does not exist"):
        image_signature(tmp_path / "b.png")


def test_a_folder_lists_its_images_by_name_and_passes_over_the_rest(tmp_path: Path) -> None:
    for name in ["b.PNG", "a.tif", "c.jpeg", ".hidden.png", "meta.csv", "readme.txt", "noend"]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub.png").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.png").write_bytes(b"x")
    assert [p.name for p in list_images([tmp_path])] == ["a.tif", "b.PNG", "c.jpeg"]


def test_files_keep_the_order_they_are_given_in(tmp_path: Path) -> None:
    for name in ["a.png", "b.png", "c.png"]:
        (tmp_path / name).write_bytes(b"x")
    given = [str(tmp_path / "c.png"), tmp_path / "a.png", tmp_path]
    assert [p.name for p in list_images(given)] == ["c.png", "a.png", "b.png"]
    assert [p.name for p in list_images(str(tmp_path))] == ["a.png", "b.png", "c.png"]  # one path, not its letters
    (tmp_path / "link.png").symlink_to("a.png")
    assert {p.name for p in list_images([tmp_path])} == {"a.png", "b.png", "c.png", "link.png"}


def test_equal_stems_are_refused_naming_both(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for name in ["a.png", "a.jpg", "other/b.png"]:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png would both be called 'a'"):
        list_images([tmp_path])
    (tmp_path / "a.jpg").rename(tmp_path / "b.jpg")
    with pytest.raises(InputError, match=r"b\.jpg and .*other.b\.png would both be called 'b'"):
        list_images([tmp_path, tmp_path / "other"])


def test_what_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no image \(no file at all\)"):
        list_images([tmp_path])
    (tmp_path / "meta.csv").write_text("name\n")
    with pytest.raises(InputError, match=r"holds no image \(only other files, such as meta\.csv\)"):
        list_images([tmp_path])
    with pytest.raises(InputError, match=r"meta\.csv does not look like an image; images end in \.bmp"):
        list_images([tmp_path / "meta.csv"])
    with pytest.raises(UnreadableImageError, match=r"b\.png does not exist"):
        list_images([tmp_path / "b.png"])
