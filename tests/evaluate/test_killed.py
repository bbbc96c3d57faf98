"""A comparison that is killed, wherever it stands, goes on as if nothing had happened."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import crosslight.evaluate.spaces as spaces
from crosslight.config import NetworkConfig, VocabularyConfig
from crosslight.evaluate.compare import evaluate_pairs
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.represent.gan.training import TranslationTraining
from crosslight.represent.training import ResumableTraining

folders, out, methods, fatal = Path(sys.argv[1]), *sys.argv[2:]
ResumableTraining.checkpoint_every_s = TranslationTraining.checkpoint_every_s = 0.0  # in earnest once a minute or so
preset = spaces.preset
spaces.preset = lambda name: replace(
    preset(name), start="random", network=NetworkConfig(kind="unet", n_channels=2, widths=(8, 16), stride=4)
)
words = VocabularyConfig(n_words=60, descriptors_per_word=1, max_descriptors=4000, iterations=2)
config = EvaluateConfig(repository="all", sizes=("full",), words=words, patches=words, steps=6, device="cpu")
plain = Path.replace

seen = iter(range(1, 10**6))

def die_at(count):
    if next(seen) == count:
        os.kill(os.getpid(), signal.SIGKILL)

def report(done, total, label):
    print(label, flush=True)
    text, _, count = fatal.partition("@")
    if count and text in label:
        die_at(int(count))

def rename(self, target):
    if fatal == "rename" and self.name.endswith(".part"):
        die_at(3)
    return plain(self, target)

Path.replace = rename
evaluate_pairs(
    folders / "A", folders / "B", out=out, split=folders / "split.csv", methods=[methods], config=config,
    progress=report,
)
"""
QUICK = (  # while training, from its start and from a checkpoint; in the middle of a cell
    "originals+surf,comir+surf,tcnet", 20,
    (
        "training comir@3", "training comir@2", "evaluating: comir+surf full B in A@1",
        "training: TC-Net@3", "evaluating: tcnet full B in A@1",
    ),
)  # fmt: skip
FULL = (  # in the writing of a cell, too, and with another kind of network
    "originals+surf,comir+surf,comir+surf+align2,pix2pix+surf,tcnet", 40,
    (
        *QUICK[2][:3], "rename", "training pix2pix@4", "evaluating: pix2pix+surf full A(T) in A as B@2", *QUICK[2][3:],
    ),
)  # fmt: skip


def run(folders: Path, out: Path, methods: str, fatal: str = "") -> tuple[int, str]:
    command = [sys.executable, "-c", CHILD, str(folders), str(out), methods, fatal]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout


def read_ranks(out: Path) -> dict[str, list[int]]:
    cells = [json.loads(p.read_text()) for p in (out / "cells").glob("*.json")]
    return {json.dumps(c["cell"], sort_keys=True): c["ranks"] for c in cells}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(("methods", "n_cells", "deaths"), [QUICK, pytest.param(*FULL, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_like_one_left_alone(
    folders: Path, tmp_path: Path, methods: str, n_cells: int, deaths: tuple[str, ...]
) -> None:
    out, told = tmp_path / "killed", ""
    kept: dict[str, int] = {}
    for fatal in deaths:
        code, said = run(folders, out, methods, fatal)
        told += said
        assert code == -signal.SIGKILL, fatal
        states = {p.name: p.stat().st_mtime_ns for p in (out / "cells").glob("*.json")}
        assert kept.items() <= states.items(), fatal  # nothing that was finished is made anew
        kept = states
    assert len(kept) >= 8
    code, said = run(folders, out, methods)
    assert code == 0 and (out / "report.html").exists()
    assert "training comir" not in said and "originals+surf" not in said
    run(folders, tmp_path / "alone", methods)
    told += said
    assert told.count("training comir: loss") == 6 and told.count("training: TC-Net") == 2 * 6  # no step twice
    assert read_ranks(out) == read_ranks(tmp_path / "alone") and len(read_ranks(out)) == n_cells
    tables = [(folder / "tables" / "queries.csv").read_text() for folder in (out, tmp_path / "alone")]
    assert tables[0] == tables[1]
