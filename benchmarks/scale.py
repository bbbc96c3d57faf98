"""How the store grows with the number of windows, and what could be shrunk: size, memory, time, recall.

    python benchmarks/scale.py                     10,000 windows, about two minutes
    python benchmarks/scale.py --windows 100000    about half an hour and 4 GB

The histograms are made up, but as uneven as words are: Zipf's law, with a few dozen kinds of place that share words. A
query holds few words of its window, the rest from the same kind of place: recall@k is the share of queries whose window
is among the first k. Every ratio is measured in one run; every memory in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from crosslight.store.edge import EdgeStore
from crosslight.types import Entry, Histogram

N_WORDS, N_KINDS, TOKENS, QUERY_TOKENS, OWN_SHARE = 20_000, 20, 1300, 400, 0.1
N_QUERIES, N_TIMED, N_HITS, BATCH, CHUNK = 200, 100, 100, 200, 10_000
Hits = NDArray[np.intp]


@dataclass(frozen=True)
class Vectors:
    """Rows of a sparse matrix in three arrays, so that a file can be mapped by several processes."""

    starts: NDArray[np.int32]
    words: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, i: int) -> Histogram:
        """Return one vector."""
        part = slice(self.starts[i], self.starts[i + 1])
        return Histogram(words=self.words[part], counts=self.weights[part])

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """Return all of them, one a row."""
        return sparse.csr_array((self.weights, self.words, self.starts), shape=(len(self), N_WORDS))

    def save(self, folder: Path) -> None:
        """Write the three arrays."""
        folder.mkdir()
        for name in ("starts", "words", "weights"):
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> Vectors:
        """Map the three arrays."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("starts", "words", "weights")))


class World:
    """Kinds of place, and how to draw words from one."""

    def __init__(self) -> None:
        share = 1 / (np.arange(1, N_WORDS + 1) + 20.0)
        self._cdf = np.cumsum(share / share.sum())
        rng = np.random.default_rng(7)
        self._kinds = np.stack([rng.permutation(N_WORDS) for _ in range(N_KINDS)]).astype(np.int32)

    def draw(self, rng: np.random.Generator, kind: int, n: int) -> NDArray[np.int64]:
        """Return n words: half as everywhere, half as in this kind of place."""
        words = np.searchsorted(self._cdf, rng.random(n)).clip(0, N_WORDS - 1)
        half = rng.binomial(n, 0.5)
        words[:half] = self._kinds[kind][words[:half]]
        return words


def make_windows(n: int, n_kept: int = N_WORDS) -> tuple[Vectors, Vectors, NDArray[np.intp]]:
    """Return the tf-idf vectors of n windows and of the queries, and which window each query is from.

    How rare a word is is counted over the first 10,000 windows, as in an index that was added to.
    """
    world, rng = World(), np.random.default_rng(n)
    kinds = rng.integers(N_KINDS, size=n)
    truth = np.sort(rng.choice(n, N_QUERIES, replace=False))
    asked, chunks, idf = [], [], np.ones(N_WORDS, np.float32)
    for start in range(0, n, CHUNK):
        rows = []
        for i in range(start, min(n, start + CHUNK)):
            drawn = world.draw(rng, int(kinds[i]), int(rng.integers(TOKENS // 2, TOKENS * 3 // 2)))
            rows.append(count(drawn))
            if i in truth:
                own = rng.choice(drawn, int(QUERY_TOKENS * OWN_SHARE), replace=False)
                asked.append(count(np.r_[own, world.draw(rng, int(kinds[i]), QUERY_TOKENS - len(own))]))
        if start == 0:
            n_with = np.bincount(np.concatenate([words for words, _ in rows]), minlength=N_WORDS)
            idf = np.log1p(len(rows) / (1 + n_with)).astype(np.float32)
        chunks.append(keep_strongest(weigh(rows, idf), n_kept))
    return join(chunks), weigh(asked, idf), truth


def count(drawn: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    words, counts = np.unique(drawn, return_counts=True)
    return words.astype(np.int32), counts.astype(np.float32)


def weigh(rows: list[tuple[NDArray[np.int32], NDArray[np.float32]]], idf: NDArray[np.float32]) -> Vectors:
    weights = [counts * idf[words] for words, counts in rows]
    return Vectors(
        np.cumsum([0, *(len(words) for words, _ in rows)]).astype(np.int32),
        np.concatenate([words for words, _ in rows]),
        np.concatenate([w / np.linalg.norm(w) for w in weights]),
    )


def join(parts: list[Vectors]) -> Vectors:
    """Return the rows of all parts; `parts` is emptied on the way."""
    sizes = np.concatenate([np.diff(part.starts) for part in parts])
    words = np.concatenate([part.words for part in parts])
    weights = np.concatenate([part.weights for part in parts])
    parts.clear()
    return Vectors(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32), words, weights)


def best(similarities: NDArray[np.float32]) -> Hits:
    top = np.argpartition(-similarities, N_HITS)[:N_HITS]
    return top[np.argsort(-similarities[top], kind="stable")]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return milliseconds on the clock and of all processors together: the second is what a busy machine leaves."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def percentiles(times: list[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = np.array(times).T
    return {"p50_ms": np.median(wall), "p99_ms": np.percentile(wall, 99), "cpu_p50_ms": np.median(cpu)}


def recall(hits: list[Hits], truth: NDArray[np.intp]) -> dict[str, float]:
    return {f"recall@{k}": float(np.mean([t in h[:k] for t, h in zip(truth, hits, strict=True)])) for k in (30, 100)}


def resident_mb() -> float:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def peak_mb() -> float:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def build_store(folder: Path, rows: Path) -> dict[str, float]:
    """Fill an embedded store; runs in a process of its own."""
    vectors, before = Vectors.load(rows), resident_mb()
    start = time.perf_counter()
    store = EdgeStore(folder)
    for first in range(0, len(vectors), BATCH):
        numbers = range(first, min(first + BATCH, len(vectors)))
        entries = [
            Entry(name=f"{i:08d}", path=f"/slides/{i // 5000:04d}.svs", height_px=512, width_px=512, signature="0-0")
            for i in numbers
        ]
        store.add(entries, [vectors.row(i) for i in numbers])
    store.close()
    size = sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())
    return {"build_s": time.perf_counter() - start, "disk_mb": size / 1e6, "build_peak_mb": peak_mb() - before}


def ask_store(folder: Path, queries: Path, rows: Path) -> dict[str, object]:
    """Open a store and ask it; then again, in turns with a CSR matrix. Runs in a process of its own."""
    asked, before = Vectors.load(queries), resident_mb()
    store = EdgeStore(folder)
    answers = [as_numbers(store.search(asked.row(i), N_HITS)) for i in range(len(asked))]
    result: dict[str, object] = {"memory_mb": resident_mb() - before, "hits": answers}
    matrix, dense = Vectors.load(rows).matrix, asked.matrix.toarray()
    matrix.sum()  # read in, before anything is timed
    by_matrix, by_store = [], []
    for i in range(N_TIMED):  # in turns, so that what else the machine does hits both alike
        by_matrix.append(timed(lambda i=i: best(matrix @ dense[i])))
        by_store.append(timed(lambda i=i: store.search(asked.row(i), N_HITS)))
    result["csr"], result["store"] = percentiles(by_matrix), percentiles(by_store)
    store.close()
    return result


def as_numbers(hits: list[tuple[str, float]]) -> Hits:
    return np.array([int(name) for name, _ in hits], np.intp)


def alone(function: Callable[..., dict[str, object]], *arguments: object) -> dict[str, object]:
    """Run a function in a new process, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def keep_strongest(vectors: Vectors, n_kept: int) -> Vectors:
    """Return the vectors with their heaviest words only, as they were weighted before."""
    if n_kept >= N_WORDS:
        return vectors
    kept, sizes = [], []
    for start, end in zip(vectors.starts[:-1], vectors.starts[1:], strict=True):
        weights = vectors.weights[start:end]
        strongest = np.argpartition(-weights, n_kept)[:n_kept] if len(weights) > n_kept else np.arange(len(weights))
        kept.append(start + np.sort(strongest))
        sizes.append(len(strongest))
    chosen = np.concatenate(kept)
    return Vectors(np.cumsum([0, *sizes]).astype(np.int32), vectors.words[chosen], vectors.weights[chosen])


def quantise(vectors: Vectors, n_levels: int) -> Vectors:
    """Return the vectors with weights on `n_levels` equal steps of each row's largest weight, none below the first."""
    top = np.maximum.reduceat(vectors.weights, vectors.starts[:-1])
    step = np.repeat(top / n_levels, np.diff(vectors.starts))
    return Vectors(
        vectors.starts, vectors.words, np.maximum(1, np.rint(vectors.weights / step)).astype(np.float32) * step
    )


def project(vectors: Vectors, n_axes: int, *, learnt: bool) -> NDArray[np.float32]:
    """Return the axes (N_WORDS, n_axes) of a compact embedding: main axes of 5,000 windows, or random signs."""
    if learnt:
        sample = vectors.matrix[: min(5000, len(vectors) // 2)]
        return svds(sample.astype(np.float32), k=n_axes, random_state=0)[2].T.astype(np.float32)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (N_WORDS, n_axes)).astype(np.float32)
    return signs / np.sqrt(n_axes, dtype=np.float32)


def normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def measure_sparse(vectors: Vectors, queries: Vectors, truth: NDArray[np.intp], n_bytes: float) -> dict[str, float]:
    similarities = (vectors.matrix @ queries.matrix.T.toarray()).T
    return {"bytes": n_bytes, **recall(list(map(best, similarities)), truth)}


def measure_dense(
    vectors: Vectors, queries: Vectors, truth: NDArray[np.intp], axes: NDArray[np.float32], n_bits: int
) -> dict[str, float]:
    rows, asked = normalise(vectors.matrix @ axes), normalise(queries.matrix @ axes)
    if n_bits == 8:
        rows = normalise(np.rint(rows * (127 / np.abs(rows).max(axis=1, keepdims=True))))
    if n_bits == 1:
        rows = normalise(np.where(rows >= 0, 1, -1).astype(np.float32))
    return {"bytes": axes.shape[1] * n_bits / 8, **recall([best(rows @ row) for row in asked], truth)}


def shrink(vectors: Vectors, queries: Vectors, truth: NDArray[np.intp]) -> None:
    """Print what recall and size each way of shrinking leaves; 4 bytes for a word, 4, 2, 1 or half for a weight."""
    n_mean = len(vectors.words) / len(vectors)
    show("all words, 32 bits", measure_sparse(vectors, queries, truth, n_mean * 8))
    for n_kept in (500, 250, 125, 64):
        kept = keep_strongest(vectors, n_kept)
        n_words = len(kept.words) / len(kept)
        show(f"strongest {n_kept} words", measure_sparse(kept, queries, truth, n_words * 8))
        if n_kept in (250, 125):
            show(f"strongest {n_kept}, 8 bits", measure_sparse(quantise(kept, 255), queries, truth, n_words * 5))
    for bits in (8, 4, 2, 1):
        rounded = quantise(vectors, 2**bits - 1)
        show(f"all words, {bits} bits", measure_sparse(rounded, queries, truth, n_mean * (4 + bits / 8)))
    for learnt in (True, False):
        name = "main axes" if learnt else "random signs"
        axes = project(vectors, 512, learnt=learnt)
        for n_axes in (512, 256, 128):
            chosen = axes[:, -n_axes:]  # svds gives the largest last
            for bits in (32, 8, 1):
                show(f"{n_axes} {name}, {bits} bits", measure_dense(vectors, queries, truth, chosen, bits))


def show(label: str, values: dict[str, float]) -> None:
    text = ", ".join(f"{k} {v:.3f}" if "recall" in k else f"{k} {v:,.1f}" for k, v in values.items())
    print(f"{label:>28}: {text}", flush=True)


def study(n: int, folder: Path, *, n_kept: int, shrinking: bool) -> None:
    """Print the figures of n windows."""
    vectors, queries, truth = make_windows(n, n_kept)
    print(f"\n{n:,} windows of {len(vectors.words) / n:.0f} words, queries of {len(queries.words) / N_QUERIES:.0f}")
    vectors.save(folder / "rows")
    queries.save(folder / "queries")
    show("embedded store, build", alone(build_store, folder / "store", folder / "rows"))
    result = alone(ask_store, folder / "store", folder / "queries", folder / "rows")
    hits, csr, store = result.pop("hits"), result.pop("csr"), result.pop("store")
    show("embedded store, open", {**result, **recall(hits, truth)})
    show("embedded store, query", store)
    show("scipy CSR, same process", csr)
    exact = map(best, (vectors.matrix @ queries.matrix.T.toarray()).T)
    same = np.mean([len({*h.tolist()} & {*e.tolist()}) / N_HITS for h, e in zip(hits, exact, strict=True)])
    print(
        f"{'':>28}  ratio of the medians {csr['p50_ms'] / store['p50_ms']:.1f}, of processor time "
        f"{csr['cpu_p50_ms'] / store['cpu_p50_ms']:.1f}; same hits {same:.4f}",
        flush=True,
    )
    if shrinking:
        shrink(vectors, queries, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, nargs="+", default=[10_000])
    parser.add_argument("--kept", type=int, default=N_WORDS, help="strongest words kept per window; all by default")
    parser.add_argument("--no-shrinking", action="store_true", help="the store only")
    options = parser.parse_args()
    for n in options.windows:
        folder = Path(tempfile.mkdtemp(prefix="crosslight-scale-"))
        try:
            study(n, folder, n_kept=options.kept, shrinking=not options.no_shrinking)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
