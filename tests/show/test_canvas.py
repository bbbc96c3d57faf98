from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from crosslight.errors import InputError
from crosslight.show.canvas import ELLIPSIS, Canvas, fit, save_picture, shorten, text_width


def test_short_name_stays() -> None:
    assert shorten("tile_7", 400, 20) == "tile_7"


def test_long_name_keeps_both_ends_and_fits() -> None:
    name = "slide_2026-11-23_section_" + "x" * 200 + "_0042"
    shortened = shorten(name, 220, 20)
    assert text_width(shortened, 20) <= 220
    assert shortened.startswith("slide")
    assert shortened.endswith("0042")
    assert ELLIPSIS in shortened


def test_picture_fits_its_box_and_keeps_its_shape() -> None:
    assert fit(np.zeros((30, 90, 3), np.uint8), 60, 60).shape == (20, 60, 3)
    assert fit(np.zeros((3, 1, 3), np.uint8), 60, 60).shape == (60, 20, 3)
    assert fit(np.zeros((1, 5000, 3), np.uint8), 60, 60).shape == (1, 60, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp", ".tif"])
def test_picture_is_written_in_the_format_of_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"picture{suffix}"
    Canvas(40, 30).save(path)
    with PillowImage.open(path) as picture:
        assert picture.size == (40, 30)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_unknown_format_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hits\.docx.*\.png"):
        save_picture(np.zeros((2, 2, 3), np.uint8), tmp_path / "hits.docx")


def test_name_with_line_breaks_is_one_line() -> None:
    canvas = Canvas(300, 40)
    canvas.text(0, 0, "a\nb\tc", 20)
    other = Canvas(300, 40)
    other.text(0, 0, "a b c", 20)
    np.testing.assert_array_equal(canvas.to_rgb(), other.to_rgb())
