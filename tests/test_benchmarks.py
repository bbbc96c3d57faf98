"""The benchmarks that `make bench` runs ask for nothing, and the tables of searches say what was found."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
ASKS = re.compile(r'add_argument\("\w|import .*\bbuild_parser\b')

SEARCHES = """seed,asked,kind,name,rank,error_px,error_deg,confidence,without
0,B,patch,one,1,2.0,0.5,0.9,0.1
0,A,patch,one,1,4.0,0.5,0.9,0.1
0,B,patch,two,1,3.0,0.5,0.9,0.1
0,A,patch,two,7,nan,nan,0.4,0.1
"""


def run(name: str, *args: str) -> str:
    """Return what a benchmark prints."""
    command = [sys.executable, str(BENCHMARKS / name), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_make_bench_leaves_out_exactly_the_benchmarks_that_ask_for_something() -> None:
    asking = {path.stem for path in BENCHMARKS.glob("*.py") if ASKS.search(path.read_text(encoding="utf-8"))}
    named = re.search(r"^OWN_IMAGES := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert named is not None
    assert asking == set(named[1].split())


def test_the_table_of_searches_counts_ranks_and_directions(tmp_path: Path) -> None:
    searches = tmp_path / "map-0.csv"
    searches.write_text(SEARCHES, encoding="utf-8")
    cells = run("intervals.py", str(searches)).splitlines()[-1].strip("| ").split(" | ")
    assert [cell.split(" [")[0] for cell in cells[:5]] == ["patch", "75", "75", "100", "100"]
    assert cells[5:] == ["100 / 50", "3.0 px", "1.000", "0.029", "100"]


def test_the_picture_of_reliability_counts_every_query_twice(tmp_path: Path) -> None:
    searches, picture = tmp_path / "map-0.csv", tmp_path / "reliability.jpg"
    searches.write_text(SEARCHES, encoding="utf-8")
    # 3 at 0.9 are right, 1 at 0.4 and 4 at 0.1 are wrong: (3 x 0.1 + 0.4 + 4 x 0.1) / 8
    assert (
        run("reliability.py", f"Map={searches}", "--out", str(picture)).splitlines()[-1]
        == "| Map | 4 | 0.029 | 0.138 |"
    )
    assert picture.stat().st_size > 10_000
