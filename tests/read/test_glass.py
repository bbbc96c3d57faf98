"""Background is found where a slide is empty, and only there."""

import numpy as np
import pytest

from crosslight.read.glass import empty_windows, find_background


def make_slide(background: float, tissue: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    overview = np.full((100, 120, 3), background, np.float32) + rng.normal(0, 0.6, (100, 120, 3))
    overview[40:60, 30:70] = tissue + rng.normal(0, 12, (20, 40, 3)) + np.array([20, -20, 10])
    return overview.astype(np.float32)


@pytest.mark.parametrize(("background", "tissue"), [(240, 170), (3, 150)])
def test_glass_and_dark_fields_are_background(background: float, tissue: float) -> None:
    found = find_background(make_slide(background, tissue))
    assert not found[38:62, 28:72].any()
    assert found[:30].mean() > 0.95 and found[70:].mean() > 0.95


def test_a_flat_image_and_a_grey_field_are_kept() -> None:
    assert not find_background(np.full((50, 50, 1), 7, np.float32)).any()
    ramp = np.linspace(0, 255, 50, dtype=np.float32)[:, None, None] * np.ones((50, 50, 1), np.float32)
    ramp[20:30] = 128
    assert not find_background(ramp)[20:30].any()


def test_windows_are_empty_only_where_all_is_background() -> None:
    background = np.ones((10, 20), np.bool_)
    background[4, 13] = False
    empty = empty_windows(background, 1000, 2000, 300)
    assert empty.shape == (4, 7)
    assert not empty[1, 4] and empty.sum() == 27
