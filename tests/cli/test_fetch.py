"""crosslight fetch: what it prints, and its refusals."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crosslight", *arguments]
    environment = {"CROSSLIGHT_CACHE": str(cache), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    result = run("fetch", "resnet151", cache=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("crosslight: There is no set of weights called 'resnet151'")
    assert "resnet50" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["resnet50", "resnet152"])
def test_weights_that_are_there_are_not_downloaded_again(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.safetensors").write_bytes(b"there")
    result = run("fetch", name, cache=tmp_path)
    assert result.returncode == 0
    assert result.stdout.strip() == str(tmp_path / f"{name}.safetensors")
