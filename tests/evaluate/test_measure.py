import sys

import numpy as np
import pytest

from crosslight.evaluate.measure import peak_bytes, reset_peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
def test_what_a_piece_of_work_adds_is_measured_even_when_it_is_freed() -> None:
    before = reset_peak()
    held = np.ones(8_000_000)
    del held
    assert 60e6 < peak_bytes() - before < 80e6
    assert abs(reset_peak() - before) < 10e6
