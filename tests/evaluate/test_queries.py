import numpy as np
import pytest

from crosslight.errors import ConfigError
from crosslight.evaluate.queries import (
    PATCH_SHARE,
    QueryConfig,
    QueryKind,
    Size,
    Turn,
    cut_query,
    draw_turn,
    fitting_share,
    place_window,
    window_size,
)
from crosslight.geometry import cut_window, window_corners
from crosslight.types import Image, Placement

CONFIG = QueryConfig()


def noise(height: int, width: int) -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint8)
    return Image(pixels=pixels, name="noise")


def kind(*, transformed: bool, size: str) -> QueryKind:
    return QueryKind(modality="A", transformed=transformed, size=size)


@pytest.mark.parametrize(("height", "width"), [(200, 200), (160, 300), (417, 203)])
@pytest.mark.parametrize("size", ["full", "patch"])
def test_no_invented_pixel_enters_a_transformed_query(height: int, width: int, size: str) -> None:
    # Inside a frame of other values the same windows must come out as from the image alone, where cutting mirrors.
    image, frame = noise(height, width), 60
    framed = np.random.default_rng(1).integers(0, 256, (height + 2 * frame, width + 2 * frame, 1), dtype=np.uint8)
    framed[frame:-frame, frame:-frame] = image.pixels
    for i in range(12):
        turn = draw_turn(f"name{i}", CONFIG)
        query = cut_query(image, kind(transformed=True, size=size), turn, CONFIG)
        short = min(height, width)
        center = ((width - 1) / 2 + turn.shift_x * short, (height - 1) / 2 + turn.shift_y * short)
        place = Placement(
            center_xy=(center[0] + frame, center[1] + frame), angle_deg=turn.angle_deg, scale=1.0, similarity=1.0
        )
        expected = cut_window(Image(pixels=framed, name="framed"), place, query.height_px, query.width_px, "w")
        assert np.abs(query.pixels.astype(int) - expected.pixels).max() <= 1


def test_transformed_full_query_is_the_largest_that_fits() -> None:
    turn = Turn(angle_deg=-21.0, shift_x=0.1, shift_y=-0.05)
    share = fitting_share(300, 420, turn)
    center = ((420 - 1) / 2 + turn.shift_x * 300, (300 - 1) / 2 + turn.shift_y * 300)
    place = Placement(center_xy=center, angle_deg=turn.angle_deg, scale=1.0, similarity=1.0)
    corners = window_corners(place, int(300 * share), int(420 * share))
    assert corners.min() >= 1.5 and corners[:, 0].max() <= 417.5 and corners[:, 1].max() <= 297.5
    larger = window_corners(place, int(300 * share) + 6, int(420 * share) + 8)
    assert larger.min() < 2 or larger[:, 0].max() > 417 or larger[:, 1].max() > 297


def test_untransformed_queries_are_untouched_pixels() -> None:
    image = noise(834, 834)
    assert cut_query(image, kind(transformed=False, size="full"), draw_turn("x", CONFIG), CONFIG) is image
    patch = cut_query(image, kind(transformed=False, size="patch"), draw_turn("x", CONFIG), CONFIG)
    assert patch.pixels.shape == (256, 256, 1) and patch.name == "noise"
    assert np.array_equal(patch.pixels, image.pixels[289:545, 289:545])


def test_transformed_patch_has_the_papers_size_and_keeps_its_centre() -> None:
    image = noise(834, 834)
    for i in range(20):
        query = cut_query(image, kind(transformed=True, size="patch"), draw_turn(str(i), CONFIG), CONFIG)
        assert query.pixels.shape == (256, 256, 1)
    still = cut_query(image, kind(transformed=True, size="patch"), Turn(angle_deg=0, shift_x=0, shift_y=0), CONFIG)
    assert np.array_equal(still.pixels, image.pixels[289:545, 289:545])


@pytest.mark.parametrize("size", ["full", "patch"])
@pytest.mark.parametrize("transformed", [False, True])
def test_the_place_of_a_window_is_where_it_was_cut(size: Size, transformed: bool) -> None:
    image, turn = noise(201, 300), Turn(angle_deg=-17, shift_x=0.05, shift_y=-0.1)
    what = kind(transformed=transformed, size=size)
    place = (image.height_px, image.width_px, what, turn, CONFIG)
    cut = window_size(*place)
    query = cut_query(image, what, turn, CONFIG)
    assert (query.height_px, query.width_px) == cut
    again = cut_window(image, place_window(*place), *cut, image.name)
    assert np.abs(again.pixels.astype(int) - query.pixels.astype(int)).max() <= 1


def test_turns_fill_their_range_and_depend_on_name_and_seed_alone() -> None:
    turns = [draw_turn(f"image{i}", CONFIG) for i in range(300)]
    angles, shifts = [t.angle_deg for t in turns], [abs(t.shift_x) for t in turns]
    assert -30 <= min(angles) < -25 and 25 < max(angles) <= 30 and 0.1 < max(shifts) <= 0.12
    assert draw_turn("image7", CONFIG) == turns[7]
    assert draw_turn("image7", QueryConfig(seed=1)) != turns[7]


def test_patch_share_is_the_papers() -> None:
    assert CONFIG.patch_share == PATCH_SHARE == 256 / 834


@pytest.mark.parametrize("wrong", [{"rotation_deg": 181.0}, {"shift": 0.5}, {"patch_share": 0.0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        QueryConfig(**wrong)
