"""The Python client of docs/how-to/serve.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"


def test_the_client_of_the_documentation_prints_the_hits(
    server: str, relief: bytes, tiles: tuple[str, ...], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    (tmp_path / "query.png").write_bytes(relief)
    monkeypatch.chdir(tmp_path)
    exec(block[1].replace("http://127.0.0.1:8000", server), {})
    rank, image, confidence, *_ = capsys.readouterr().out.splitlines()[0].split()
    assert (rank, image) == ("1", tiles[0])
    assert float(confidence) > 0.5
