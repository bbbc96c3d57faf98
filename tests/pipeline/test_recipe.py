"""What all kinds of model share in their making."""

import numpy as np
import pytest

from crosslight.pipeline.recipe import common_mpp, spread
from crosslight.types import Image, Pair


def make_pairs(*sizes: float | None) -> list[Pair]:
    image = Image(pixels=np.zeros((8, 8, 1), np.uint8), name="image")
    return [Pair(name=str(i), a=Image(pixels=image.pixels, name="a", mpp=mpp), b=image) for i, mpp in enumerate(sizes)]


@pytest.mark.parametrize(
    ("n", "most", "names"),
    [(0, 4, ""), (1, 4, "0"), (2, 4, "01"), (4, 4, "0123"), (6, 40, "012345"), (10, 4, "0369"), (5, 1, "0")],
)
def test_a_few_pairs_are_all_taken_and_many_evenly(n: int, most: int, names: str) -> None:
    assert "".join(p.name for p in spread(make_pairs(*[None] * n), most)) == names


def test_the_pixel_size_is_known_where_all_images_agree() -> None:
    assert common_mpp(make_pairs(0.5, 0.5)) == 0.5
    assert common_mpp(make_pairs(0.5, 0.25)) is None
    assert common_mpp(make_pairs(None, None)) is None
