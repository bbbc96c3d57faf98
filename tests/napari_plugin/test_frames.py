"""What a drawn shape means, and transforms in napari's order."""

import math

import numpy as np
import pytest

from crosslight.errors import InputError
from crosslight.geometry import apply_matrix, query_to_repository
from crosslight.napari_plugin.frames import frame_shape, to_affine
from crosslight.types import Placement


def turned_rectangle(angle_deg: float) -> np.ndarray:
    """Return the outer corners of a 60 x 40 px window around (100, 80), counter-clockwise by an angle."""
    place = Placement(center_xy=(100, 80), angle_deg=angle_deg, scale=1, similarity=1)
    corners = np.array([[-0.5, -0.5], [59.5, -0.5], [59.5, 39.5], [-0.5, 39.5]])
    return apply_matrix(query_to_repository(place, 40, 60), corners)


@pytest.mark.parametrize("angle_deg", [0, 20, -40])
@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("direction", [1, -1])
def test_a_rectangle_is_the_same_window_from_whatever_corner_it_was_drawn(
    angle_deg: float, first: int, direction: int
) -> None:
    corners = np.roll(turned_rectangle(angle_deg), first, axis=0)[::direction]
    matrix, height, width = frame_shape(corners)
    assert (height, width) == (40, 60)
    expected = query_to_repository(Placement(center_xy=(100, 80), angle_deg=angle_deg, scale=1, similarity=1), 40, 60)
    np.testing.assert_allclose(matrix, expected, atol=1e-9)


def test_any_other_shape_is_its_box() -> None:
    circle = np.array([(50 + 20 * math.cos(t), 30 + 10 * math.sin(t)) for t in np.linspace(0, 2 * math.pi, 41)])
    matrix, height, width = frame_shape(circle)
    assert (height, width) == (20, 40)
    np.testing.assert_allclose(matrix, [[1, 0, 30.5], [0, 1, 20.5]], atol=1e-9)


def test_a_line_is_refused() -> None:
    with pytest.raises(InputError, match="draw a rectangle"):
        frame_shape(np.array([[1.0, 2], [30, 2]]))


def test_an_affine_maps_rows_and_columns_as_the_matrix_maps_x_and_y() -> None:
    matrix = query_to_repository(Placement(center_xy=(7, -3), angle_deg=33, scale=1.5, similarity=1), 20, 30)
    x, y = apply_matrix(matrix, np.array([[4.0, 9.0]]))[0]
    np.testing.assert_allclose(to_affine(matrix) @ [9.0, 4.0, 1.0], [y, x, 1.0])
