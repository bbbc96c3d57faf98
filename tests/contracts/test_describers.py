"""Every describer of the registry returns what the stages after it rely on."""

from pathlib import Path

import numpy as np
import pytest

from crosslight.config import DescribeConfig
from crosslight.describe.base import Describer
from crosslight.registry import load, names
from crosslight.types import Descriptors, Representation


@pytest.fixture(params=sorted(names("describer")))
def describer(request: pytest.FixtureRequest, tiny_resnet: Path) -> Describer:
    config = DescribeConfig(name=request.param, step_px=8, sizes_px=(32, 48), weights=str(tiny_resnet))
    return load("describer", request.param)(config)


def textured(height: int, width: int, n_channels: int = 1, stride: int = 1) -> Representation:
    rng = np.random.default_rng(3)
    small = rng.normal(size=(n_channels, height // 4 + 1, width // 4 + 1)).astype(np.float32)
    values = np.kron(small, np.ones((1, 4, 4), np.float32))[:, :height, :width]
    return Representation.rounded(values, stride)


def check(found: Descriptors, n_values: int) -> None:
    n = len(found)
    assert found.values.shape == (n, n_values)
    assert (found.xy.shape, found.size_px.shape, found.strength.shape) == ((n, 2), (n,), (n,))
    for array in (found.values, found.xy, found.size_px, found.strength):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


@pytest.mark.parametrize(("n_channels", "stride"), [(1, 1), (3, 1), (4, 2)])
def test_shapes_and_dtypes_hold_for_any_channels_and_stride(describer: Describer, n_channels: int, stride: int) -> None:
    found = describer.describe(textured(70, 90, n_channels, stride))
    check(found, describer.n_values(n_channels))
    assert len(found) > 5
    lengths = np.linalg.norm(found.values, axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-4)
    assert found.xy.min() >= -0.5
    assert (found.xy.max(axis=0) <= [90 * stride, 70 * stride]).all()


def test_the_same_image_gives_the_same_descriptors(describer: Describer) -> None:
    first, second = (describer.describe(textured(64, 64)) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.xy, second.xy)


def test_a_tiny_image_gives_well_formed_descriptors_or_none(describer: Describer) -> None:
    for side in (1, 5, 16):
        check(describer.describe(textured(side, side, 2)), describer.n_values(2))


def test_a_flat_image_gives_well_formed_descriptors_or_none(describer: Describer) -> None:
    flat = Representation(values=np.zeros((1, 64, 64), np.float32), stride=1)
    check(describer.describe(flat), describer.n_values(1))
