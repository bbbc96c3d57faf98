"""What cannot be used stops the work, unless somebody wants to be told; then it is named and listed."""

import csv
from pathlib import Path

import pytest

from crosslight.errors import ConfigError, InputError
from crosslight.pipeline.unusable import Unusable


def test_the_first_error_stops_work_that_nobody_watches() -> None:
    with pytest.raises(InputError, match="is broken"), Unusable().skip("a", "a.png"):
        raise InputError("a.png is broken.")


def test_others_go_on_and_each_is_told_and_listed(tmp_path: Path) -> None:
    told: dict[str, InputError] = {}
    skipped = Unusable(told.__setitem__)
    for name in "abc":
        with skipped.skip(name, f"{name}.png"):
            if name != "b":
                raise InputError(f'{name}.png is "broken", see there.')
    assert len(skipped) == 2 and list(told) == ["a.png", "c.png"]
    skipped.save(tmp_path / "skipped.csv")
    rows = list(csv.DictReader((tmp_path / "skipped.csv").read_text().splitlines()))
    assert rows == [{"name": n, "file": f"{n}.png", "reason": f'{n}.png is "broken", see there.'} for n in "ac"]
    Unusable().save(tmp_path / "skipped.csv")  # of a run in which everything could be used
    assert not (tmp_path / "skipped.csv").exists()


def test_only_what_is_wrong_with_an_input_is_passed_over() -> None:
    skipped = Unusable(lambda file, error: None)
    with pytest.raises(ConfigError), skipped.skip("a", "a.png"):
        raise ConfigError("mpp is -1.")
    assert not skipped
