"""Hard negatives: wrong places that look right are found, the same place imaged twice is not taken for one."""

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.config import AugmentConfig
from crosslight.represent.comir.augment import sample_batch
from crosslight.represent.comir.intensity import Intensity, measure_intensity
from crosslight.represent.comir.mining import Confusion, mine_confusions
from crosslight.represent.comir.moves import draw_free_moves
from crosslight.types import Image, Pair

SIDE = 192


def _texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    return smooth / smooth.std()


def _image(values: np.ndarray, name: str) -> Image:
    return Image(pixels=np.clip(127 + 40 * values, 0, 255).astype(np.uint8)[:, :, None], name=name)


def _pairs(likeness: float) -> list[Pair]:
    """Return two pairs: A of the second is that of the first, turned; their B have a correlation."""
    one, turned, other = _texture(0), np.rot90(_texture(0)), _texture(1)
    mixed = likeness * turned + np.sqrt(1 - likeness**2) * other
    return [
        Pair(name="0", a=_image(one, "0"), b=_image(one, "0")),
        Pair(name="1", a=_image(turned, "1"), b=_image(mixed, "1")),
    ]


def _represent(side: int, images: Tensor) -> Tensor:
    return functional.avg_pool2d(images, 4)


def _mine(pairs: list[Pair]) -> list[Confusion]:
    return mine_confusions(_represent, 64, pairs, _intensities(pairs), 1, np.random.default_rng(0))


def _intensities(pairs: list[Pair]) -> tuple[Intensity, Intensity]:
    return measure_intensity([p.a for p in pairs], "off"), measure_intensity([p.b for p in pairs], "off")


def test_a_wrong_place_that_looks_right_is_found_with_its_turn() -> None:
    confusions = _mine(_pairs(likeness=0.7))
    assert len(confusions) == 4  # half of the windows
    for found in confusions:
        assert (found.pair, found.rival) in {(0, 1), (1, 0)}
        there = (found.y, SIDE - 1 - found.x) if found.pair == 0 else (SIDE - 1 - found.y, found.x)
        assert found.quarters == (1 if found.pair == 0 else 3)
        assert abs(found.rival_x - there[0]) <= 8 and abs(found.rival_y - there[1]) <= 8


def test_the_same_place_imaged_twice_is_not_taken_for_a_wrong_one() -> None:
    assert _mine(_pairs(likeness=0.95)) == []


def test_images_smaller_than_a_window_are_left_out() -> None:
    small = [Pair(name=p.name, a=_cut(p.a), b=_cut(p.b)) for p in _pairs(likeness=0.7)]
    assert _mine(small) == []


def _cut(image: Image) -> Image:
    return Image(pixels=image.pixels[:100, :100], name=image.name)


def test_a_batch_shows_a_window_and_its_rival_in_the_same_place() -> None:
    pairs = _pairs(likeness=0.7)
    confusion = Confusion(pair=0, x=90.0, y=100.0, rival=1, rival_x=100.0, rival_y=101.0, quarters=1)
    rng = np.random.default_rng(0)
    moves, config = draw_free_moves(4, 64, 8, rng), AugmentConfig(crop_px=64)
    a, _ = sample_batch(pairs, moves, _intensities(pairs), config, rng, [confusion])
    like = [float(torch.corrcoef(torch.stack([a[0].flatten(), other.flatten()]))[0, 1]) for other in a[1:]]
    assert like[0] > 0.99 and max(like[1:]) < 0.9
