"""Thirty uploads that mean no good: all are refused with one sentence, and the service goes on."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

from crosslight.web.problems import RequestError

SCRIPT = b"<script>alert(1)</script>"


def picture(kind: str, size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    PillowImage.fromarray(noise).convert(mode).save(file, kind)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tiff(**tags: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((32, 32), np.uint8), **tags)  # type: ignore[arg-type]
    return file.getvalue()


def tiff_claiming(width: int, height: int) -> bytes:
    """Return a TIFF whose tags for width and height were changed."""
    data = bytearray(tiff())
    offset = struct.unpack_from("<I", data, 4)[0]
    for i in range(struct.unpack_from("<H", data, offset)[0]):
        at = offset + 2 + 12 * i
        tag, _ = struct.unpack_from("<HH", data, at)
        if tag in (256, 257):
            struct.pack_into("<HHII", data, at, tag, 4, 1, width if tag == 256 else height)
    return bytes(data)


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("evil.sh", "echo")
    return file.getvalue()


def animated() -> bytes:
    file = io.BytesIO()
    frames = [PillowImage.new("L", (32, 32), v) for v in (0, 128)]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


def uploads() -> Iterator[tuple[str, str, bytes]]:
    """Yield what it is, the file name, and the bytes."""
    png, jpeg, bmp, webp = picture("PNG"), picture("JPEG"), picture("BMP"), picture("WEBP")
    zeros = zlib.compress(bytes(60_000_000))
    yield "claims four billion pixels", "a.png", png_claiming(65_000, 65_000)
    yield "unpacks to sixty megabytes that it doesn't claim", "a.png", png_claiming(10, 10, zeros)
    yield "a billion pixels in a megabyte", "a.png", png_claiming(31_000, 31_000, zeros)
    yield "100,000 px wide", "a.png", png_claiming(100_000, 20, zlib.compress(bytes(100_001 * 20)))
    yield "100,000 px high", "a.png", png_claiming(20, 100_000, zlib.compress(bytes(21 * 100_000)))
    yield "a TIFF that claims 100,000 px a side", "a.tif", tiff_claiming(100_000, 100_000)
    yield "a TIFF that claims more than it holds", "a.tif", tiff_claiming(2_000, 2_000)
    yield "zero pixels", "a.png", png_claiming(0, 0)
    yield "one pixel", "a.png", picture("PNG", (1, 1))
    yield "SVG", "a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>"
    yield "SVG called PNG", "a.png", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"
    yield "HTML called PNG", "a.png", b"<!doctype html>" + SCRIPT
    yield "PDF called JPEG", "a.jpg", b"%PDF-1.7\n%%EOF"
    yield "a ZIP called PNG", "a.png", archive()
    yield "an ELF program", "a.png", b"\x7fELF\x02\x01\x01" + bytes(200)
    yield "GIF", "a.gif", picture("GIF", mode="P")
    yield "PNG and ZIP", "a.png", png + archive()
    yield "JPEG and script", "a.jpg", jpeg + SCRIPT
    yield "JPEG with a script in its comment", "a.jpg", jpeg[:2] + b"\xff\xfe\x00\x1b" + SCRIPT + jpeg[2:]
    yield "BMP and script", "a.bmp", bmp + SCRIPT
    yield "WebP and ZIP", "a.webp", webp + archive()
    yield "TIFF and PHP", "a.tif", tiff(description="<?php system('id'); ?>")
    yield "PNG cut off", "a.png", png[: len(png) // 2]
    yield "JPEG cut off", "a.jpg", jpeg[: len(jpeg) // 2]
    yield "TIFF cut off", "a.tif", tiff()[:-600]
    yield "nothing", "a.png", b""
    yield "a header alone", "a.png", png[:8]
    yield "several images at once", "a.png", animated()
    yield "a name that climbs", "../../../etc/cron.d/a.png", png
    yield "a name from the root", "/etc/passwd.png", png
    yield "a name from Windows", "..\\..\\a.png", png
    yield "a hidden name", ".bashrc.png", png
    yield "a name with a line break", "a\nSet-Cookie: x.png", png
    yield "an endless name", "a" * 5000 + ".png", png


@pytest.mark.parametrize(("name", "data"), [(n, d) for _, n, d in uploads()], ids=[what for what, _, _ in uploads()])
def test_hostile_upload_is_refused(client: TestClient, name: str, data: bytes) -> None:
    for path, field in (("/api/searches", "image"), ("/api/images", "images")):
        response = client.post(path, files={field: (name, data)})
        assert response.status_code in (400, 413, 422), response.text
        assert response.headers["content-type"] == "application/problem+json"
        detail = response.json()["detail"]
        assert "/tmp" not in detail and "Traceback" not in detail and len(detail) < 600
    assert client.get("/api/health").json()["status"] == "ok"


def test_nothing_of_them_stays(client: TestClient, make_png: Callable[..., bytes]) -> None:
    bench = client.app.state.bench  # type: ignore[attr-defined]
    before = set(Path(bench.receiver._folder).iterdir())
    for _, name, data in uploads():
        client.post("/api/searches", files={"image": (name, data)})
    assert set(Path(bench.receiver._folder).iterdir()) <= before
    assert not bench.uploads.exists() or list(bench.uploads.iterdir()) == []
    sent = client.post("/api/searches", files={"image": ("good.png", picture("PNG", mode="L"))})
    assert sent.status_code == 202


def test_a_decoder_that_dies_is_replaced(client: TestClient) -> None:
    decoder = client.app.state.bench._decoder  # type: ignore[attr-defined]
    decoder.start()
    decoder._process.kill()
    decoder._process.wait()
    assert client.post("/api/searches", files={"image": ("a.png", picture("PNG", mode="L"))}).status_code == 202


def test_one_visitor_may_not_keep_the_decoder_busy(client: TestClient) -> None:
    receiver = client.app.state.bench.receiver  # type: ignore[attr-defined]
    with receiver.turn("x"), receiver.turn("x"), receiver.turn("x"):
        with pytest.raises(RequestError, match="still being decoded"), receiver.turn("x"):
            pass
        with receiver.turn("y"):
            pass
    with receiver.turn("x"):
        pass
