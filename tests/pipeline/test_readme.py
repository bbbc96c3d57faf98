"""The Python of the README does what the README says."""

import re
import shutil
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def test_the_ten_lines_of_the_readme_find_a_query(
    folders: Path, query_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folders, tmp_path, dirs_exist_ok=True)
    shutil.copy(query_file, tmp_path / "query.png")
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert "minutes=5" in block
    lines = [line for line in block.splitlines() if line.strip() and not line.startswith("import")]
    assert len(lines) <= 10
    exec(compile(block.replace("minutes=5", "steps=3"), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("image9 ")
    assert len(printed.splitlines()) == 5  # the hit, and four corners
