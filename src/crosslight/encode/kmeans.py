"""Learn from a sample of descriptors: the axes along which they differ most, and the centres they gather around."""

from __future__ import annotations

import faiss
import numpy as np

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


def find_centres(rows: Float32, n_centres: int, iterations: int, seed: int, progress: Progress) -> Float32:
    """Return k-means centres, (n_centres, P) float32, starting from the first rows of (N, P), N >= n_centres."""
    centres = rows[:n_centres]
    kmeans = faiss.Kmeans(
        rows.shape[1], n_centres, niter=1, seed=seed, min_points_per_centroid=1, max_points_per_centroid=len(rows)
    )
    for done in range(iterations):
        kmeans.train(rows, init_centroids=centres)
        centres = np.array(kmeans.centroids, np.float32)
        progress(done + 1, iterations, "learning words")
    return centres
