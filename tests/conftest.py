"""What several test files share."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the developers' folder of image sets beside the checkout, or skip where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the developers' image sets are not beside this checkout")
    return SHARED_DATA
