"""The second look cuts places out as the query was, and tells them apart."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from crosslight.config import AlignConfig
from crosslight.errors import InputError
from crosslight.geometry import cut_window
from crosslight.rerank.align import Aligner, Candidate, Query
from crosslight.rerank.second_look import MAX_SIDE_PX, SecondLook
from crosslight.types import Image, Placement, Representation

STRIDE = 2
PLACE = Placement(center_xy=(120.0, 90.0), angle_deg=25.0, scale=1.2, similarity=0.5, flipped=True)


def _texture(seed: int, name: str) -> Image:
    noise = np.random.default_rng(seed).standard_normal((200, 240, 3)).astype(np.float32)
    return Image(pixels=(cv2.GaussianBlur(noise, (0, 0), 3) * 300 + 128).clip(0, 255).astype(np.uint8), name=name)


def _represent(image: Image) -> Representation:
    """Average the pixels over cells: what is the same picture has the same representation."""
    h, w = (n // STRIDE for n in image.pixels.shape[:2])
    cells = image.pixels[: h * STRIDE, : w * STRIDE].reshape(h, STRIDE, w, STRIDE, -1).mean(axis=(1, 3))
    return Representation.rounded((cells / 64 - 2).transpose(2, 0, 1).astype(np.float32), STRIDE)


def _invert(image: Image) -> Representation:
    """Represent the negative of an image: the other modality of these tests."""
    return _represent(replace(image, pixels=255 - image.pixels))


@pytest.fixture(scope="module")
def images() -> dict[str, Image]:
    return {name: _texture(seed, name) for seed, name in enumerate(("one", "two", "three"))}


@pytest.fixture(scope="module")
def query(images: dict[str, Image]) -> Image:
    window = cut_window(images["two"], PLACE, 60, 72, "query")
    return replace(window, pixels=255 - window.pixels)


def _look(images: dict[str, Image]) -> SecondLook:
    return SecondLook(represent_query=_invert, represent_there=_represent, read=images.__getitem__)


def test_the_right_place_at_any_turn_scale_and_flip_is_nearly_the_same(images: dict[str, Image], query: Image) -> None:
    near = replace(PLACE, center_xy=(126.0, 90.0))
    turned = replace(PLACE, angle_deg=40.0)
    right, *wrong = _look(images).compare(
        query, [("two", PLACE), ("two", near), ("two", turned), ("two", replace(PLACE, flipped=False)), ("one", PLACE)]
    )
    assert right > 0.95
    assert max(wrong) < right - 0.15


def test_what_lies_outside_the_image_does_not_count(images: dict[str, Image]) -> None:
    corner = replace(PLACE, center_xy=(225.0, 90.0), angle_deg=0.0, scale=1.0, flipped=False)
    whole = cut_window(images["two"], corner, 60, 60, "query")
    pixels = 255 - whole.pixels
    pixels[:, 45:] = np.random.default_rng(0).integers(0, 255, (60, 15, 3))  # seen by the query alone
    [found] = _look(images).compare(replace(whole, pixels=pixels), [("two", corner)])
    assert found > 0.85


def test_a_large_query_needs_none(images: dict[str, Image]) -> None:
    large = Image(pixels=np.zeros((60, MAX_SIDE_PX + 1, 3), np.uint8), name="large")
    assert _look(images).compare(large, [("two", PLACE)]) is None


def test_an_image_that_cannot_be_read_leaves_all_as_they_were(images: dict[str, Image], query: Image) -> None:
    def read(name: str) -> Image:
        if name == "one":
            raise InputError("gone")
        return images[name]

    look = SecondLook(represent_query=_invert, represent_there=_represent, read=read)
    assert look.compare(query, [("two", PLACE), ("one", PLACE)]) is None
    assert list(look.unread) == ["one"]
    assert look.compare(query, [("two", PLACE)]) is not None


def test_a_window_that_is_no_image_of_its_kind_fits_not_at_all(images: dict[str, Image], query: Image) -> None:
    def refuse(image: Image) -> Representation:
        if image.name == "one":
            raise InputError("dark")
        return _represent(image)

    look = replace(_look(images), represent_there=refuse)
    right, dark = look.compare(query, [("two", PLACE), ("one", PLACE)])
    assert right > 0.95 and dark == 0 and not look.unread


def test_alignment_puts_first_what_the_second_look_prefers(images: dict[str, Image], query: Image) -> None:
    """The representations that are aligned do not tell the images apart; the pixels do."""
    blurred = {
        name: replace(image, pixels=cv2.addWeighted(image.pixels, 0.02, images["two"].pixels, 0.98, 0))
        for name, image in images.items()
        if name != "two"
    }
    alike = {name: _represent(image) for name, image in blurred.items()} | {"two": _represent(images["two"])}
    alike["two"] = Representation.rounded(alike["two"].values + _noise(alike["two"].values.shape), STRIDE)
    candidates = [Candidate(name=n, height_px=200, width_px=240) for n in images]
    config = AlignConfig(flip=True, scale=(1.0, 1.25))
    asked = Query(representation=_invert(query), height_px=60, width_px=72, image=query)
    plain = Aligner(alike.__getitem__, config).align([asked], candidates)[0]
    again = Aligner(alike.__getitem__, config, _look(images)).align([asked], candidates)[0]
    assert plain[0][0] != "two"
    assert again[0][0] == "two"
    assert again[0][1].center_xy == pytest.approx(PLACE.center_xy, abs=1)
    assert [p.similarity for _, p in again] == sorted((p.similarity for _, p in again), reverse=True)


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(9).standard_normal(shape).astype(np.float32) * 0.2
