from __future__ import annotations

from pathlib import Path

import pytest

from crosslight.demo.run import run_demo


@pytest.mark.slow
def test_demo_makes_a_page_and_the_second_run_uses_what_is_there(tmp_path: Path) -> None:
    shown = run_demo(tmp_path, minutes=0.1, n_patches=2)
    assert shown.page.stat().st_size > 100_000
    assert shown.world.exists()
    assert len(shown.answers) == len(shown.rankings) == 2
    trained = (tmp_path / "model" / "model.json").read_bytes()
    again = run_demo(tmp_path, minutes=0.1, n_patches=2)
    assert (tmp_path / "model" / "model.json").read_bytes() == trained
    assert [a.center_xy for a in again.answers] == [a.center_xy for a in shown.answers]
