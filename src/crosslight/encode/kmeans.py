"""Learn from a sample of descriptors: the axes along which they differ most, and the centres they gather around."""

from __future__ import annotations

import faiss
import numpy as np

from crosslight.config import VocabularyConfig
from crosslight.encode.sample import DescriptorSample
from crosslight.types import Float32, Progress


def find_axes(sample: DescriptorSample, n_axes: int) -> Float32:
    """Return the main axes of the sample as orthonormal columns, (D, min(D, n_axes)) float32.

    They are the eigenvectors of the second moments about zero, not about the mean, so that a product with them is all
    it takes; the identity when nothing is to be dropped.
    """
    size = sample.n_values
    if size <= n_axes:
        return np.eye(size, dtype=np.float32)
    moments = np.zeros((size, size))
    for chunk in sample.chunks():
        moments += chunk.T @ chunk
    return np.ascontiguousarray(np.linalg.eigh(moments)[1][:, : -n_axes - 1 : -1], np.float32)


def find_centres(rows: Float32, n_centres: int, config: VocabularyConfig, progress: Progress) -> Float32:
    """Return k-means centres, (n_centres, P) float32, starting from the first rows of (N, P), N >= n_centres."""
    if config.kmeans == "mini-batch":
        return _find_in_batches(rows, n_centres, config, progress)
    centres = rows[:n_centres]
    kmeans = faiss.Kmeans(
        rows.shape[1], n_centres, niter=1, seed=config.seed, min_points_per_centroid=1,
        max_points_per_centroid=len(rows),
    )  # fmt: skip
    for done in range(config.iterations):
        kmeans.train(rows, init_centroids=centres)
        centres = np.array(kmeans.centroids, np.float32)
        progress(done + 1, config.iterations, "learning words")
    return centres


def _find_in_batches(rows: Float32, n_centres: int, config: VocabularyConfig, progress: Progress) -> Float32:
    """Move each centre to the running mean of what was nearest to it (Sculley 2010, doi 10.1145/1772690.1772862).

    The rows come in another order in every round. A centre that nothing is nearest to stays where it is.
    """
    centres: Float32 = np.array(rows[:n_centres], np.float32)
    counts = np.zeros(n_centres)
    rng = np.random.default_rng(config.seed)
    for done in range(config.iterations):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), config.batch):
            some = np.ascontiguousarray(rows[order[start : start + config.batch]])
            index = faiss.IndexFlatL2(rows.shape[1])
            index.add(centres)
            nearest = index.search(some, 1)[1].ravel()
            hit, n_new = np.unique(nearest, return_counts=True)
            sums = np.zeros((len(hit), rows.shape[1]))
            np.add.at(sums, np.searchsorted(hit, nearest), some)
            counts[hit] += n_new
            share = n_new / counts[hit]
            moved = centres[hit] + share[:, None] * (sums / n_new[:, None] - centres[hit])
            centres[hit] = moved.astype(np.float32)
        progress(done + 1, config.iterations, "learning words")
    return centres
