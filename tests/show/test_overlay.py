from __future__ import annotations

import numpy as np

from crosslight.show.overlay import (
    SMALL_WINDOW_PX,
    checkerboard,
    compose,
    draw_window,
    mix,
    show_part,
    warp_into,
    zoom_matrix,
)
from crosslight.show.palette import FOUND, PANEL

SQUARE = np.array([[30.0, 30], [90, 30], [90, 90], [30, 90]])


def make_blob(height: int, width: int, x: int, y: int, radius: int) -> np.ndarray:
    rows, cols = np.mgrid[0:height, 0:width]
    inside = (cols - x) ** 2 + (rows - y) ** 2 <= radius**2
    return np.repeat((inside * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def center_of(rgb: np.ndarray) -> tuple[float, float]:
    weights = rgb.mean(axis=2)
    rows, cols = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    return float((weights * cols).sum() / weights.sum()), float((weights * rows).sum() / weights.sum())


def test_zoom_maps_edges_to_edges() -> None:
    matrix = zoom_matrix(10, 20, 4)
    np.testing.assert_allclose(matrix @ (10 - 0.5, 20 - 0.5, 1), (-0.5, -0.5))
    np.testing.assert_allclose(matrix @ (10, 20, 1), (1.5, 1.5))


def test_shrunken_view_keeps_things_in_place() -> None:
    rgb = make_blob(400, 600, 450, 100, 30)
    for zoom in (0.1, 0.37, 1.0, 1.6):
        view, _ = warp_into(rgb, zoom_matrix(0, 0, zoom), round(400 * zoom), round(600 * zoom))
        np.testing.assert_allclose(center_of(view), ((450.5 * zoom - 0.5), (100.5 * zoom - 0.5)), atol=0.2)


def test_composed_matrix_does_the_first_then_the_second() -> None:
    first, second = zoom_matrix(3, 5, 2), np.array([[0.0, 1, 7], [-1, 0, 9]])
    point = (11.0, 13.0, 1.0)
    np.testing.assert_allclose(compose(second, first) @ point, second @ (*(first @ point), 1.0))


def test_beside_the_picture_there_is_background() -> None:
    view = show_part(np.zeros((10, 10, 3), np.uint8), zoom_matrix(-10, -10, 1), 30, 30)
    assert tuple(view[2, 2]) == PANEL
    assert tuple(view[15, 15]) == (0, 0, 0)


def test_mix_is_a_weighted_mean() -> None:
    below, above = np.full((2, 2, 3), 100, np.uint8), np.full((2, 2, 3), 200, np.uint8)
    assert (mix(below, above, np.full((2, 2), 0.25, np.float32)) == 125).all()


def test_checkerboard_turns_with_the_query() -> None:
    turned = np.array([[0.0, 1, 0], [-1, 0, 59]])  # a quarter turn of a 60 px query
    plain = checkerboard(np.eye(2, 3), (60, 60), 60, 60)
    assert plain.mean() == 0.5
    np.testing.assert_array_equal(checkerboard(turned, (60, 60), 60, 60), np.rot90(plain))


def test_window_is_drawn_where_it_lies_and_marks_its_top() -> None:
    ground = np.zeros((120, 120, 3), np.uint8)
    drawn = draw_window(ground, SQUARE, FOUND)
    assert ground.max() == 0
    assert tuple(drawn[90, 60]) == FOUND
    assert tuple(drawn[22, 60]) == FOUND  # the dart stands out over the top side
    assert tuple(drawn[98, 60]) == (0, 0, 0)
    assert tuple(drawn[60, 60]) == (0, 0, 0)


def test_dart_points_along_the_turned_query() -> None:
    upside_down = np.roll(SQUARE, 2, axis=0)
    drawn = draw_window(np.zeros((120, 120, 3), np.uint8), upside_down, FOUND)
    assert tuple(drawn[98, 60]) == FOUND


def test_dashed_window_has_gaps() -> None:
    ground = np.zeros((120, 120, 3), np.uint8)
    whole = draw_window(ground, SQUARE, FOUND, top=False)
    dashed = draw_window(ground, SQUARE, FOUND, top=False, dashed=True)
    assert 0.3 < (dashed > 0).sum() / (whole > 0).sum() < 0.9


def test_tiny_window_gets_a_ring() -> None:
    tiny = np.array([[60.0, 60], [62, 60], [62, 62], [60, 62]])
    drawn = draw_window(np.zeros((120, 120, 3), np.uint8), tiny, FOUND)
    assert tuple(drawn[61, 61 + round(SMALL_WINDOW_PX)]) == FOUND


def test_window_far_outside_draws_nothing() -> None:
    drawn = draw_window(np.zeros((20, 20, 3), np.uint8), SQUARE * 1e8, FOUND)
    assert drawn.max() == 0
