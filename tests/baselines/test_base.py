"""What baselines share."""

import numpy as np
import pytest

from crosslight.baselines.base import check_distinct, rank_names
from crosslight.errors import InputError


def test_ties_go_by_name_and_what_cannot_be_compared_comes_last():
    found = rank_names(["d", "c", "b", "a"], np.array([0.5, np.nan, 0.9, 0.5]))
    assert [name for name, _ in found] == ["b", "a", "d", "c"]
    assert found[-1][1] == -np.inf


def test_an_empty_repository_and_a_name_twice_are_refused():
    with pytest.raises(InputError, match="no image to search among"):
        check_distinct([])
    with pytest.raises(InputError, match="called 'a'"):
        check_distinct(["a", "b", "a"])
