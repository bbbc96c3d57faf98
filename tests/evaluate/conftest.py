"""A report made by the whole command, as a user types it."""

import subprocess
import sys
from pathlib import Path

import pytest


def run_evaluate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crosslight", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


@pytest.fixture(scope="session")
def evaluate():  # type: ignore[no-untyped-def]
    """Return the function that runs `crosslight evaluate` with some arguments."""
    return run_evaluate


@pytest.fixture(scope="session")
def report(folders: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of a report and what was printed."""
    out = tmp_path_factory.mktemp("reports") / "report"
    done = run_evaluate(
        folders / "A", folders / "B", "--split", folders / "split.csv", "--out", out, "--model", model_folder,
        "--methods", "originals+surf,comir+surf,comir+surf+patches2", "--methods", "comir+align,originals+resnet",
        "--labels", "light & dark", "<inverse>", "--repository", "all", "--words", 200, "--patch-words", 50,
        "--device", "cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out, done.stdout + done.stderr
