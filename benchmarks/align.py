"""Alignment against cv2.matchTemplate: the same representations, angles and places, in one run.

    align.py [--device cpu]

cv2.matchTemplate with TM_CCOEFF_NORMED and no mask is the fastest the library offers; it compares an upright box, so
the image is turned instead of the query. Both sides search all images at all angles for the best place.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
import torch

from crosslight.config import AlignConfig
from crosslight.rerank.align import Aligner, Candidate, Query, plan_query
from crosslight.rerank.refine import pool
from crosslight.types import Representation

N_IMAGES, SIDE_PX, QUERY_PX, STRIDE, CHANNELS = 200, 400, 124, 4, 4


def make_images() -> dict[str, Representation]:
    """Return smooth random representations, as different from each other as can be."""
    rng, side = np.random.default_rng(0), SIDE_PX // STRIDE
    images = {}
    for i in range(N_IMAGES):
        noise = rng.standard_normal((side, side, CHANNELS)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 1.5) * 5
        images[f"image{i}"] = Representation.rounded(smooth.transpose(2, 0, 1).copy(), STRIDE)
    return images


def search_by_opencv(query: np.ndarray, images: list[np.ndarray], angles: list[float]) -> tuple[int, float]:
    """Turn every image by every angle and slide the query over it: (image, similarity)."""
    best = (-1, -1.0)
    for i, image in enumerate(images):
        h, w = image.shape[:2]
        for angle in angles:
            matrix = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), -angle, 1.0)
            turned = cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR)
            peak = float(cv2.matchTemplate(turned, query, cv2.TM_CCOEFF_NORMED).max())
            if peak > best[1]:
                best = (i, peak)
    return best


def main() -> None:
    """Print seconds per query and the ratio, for the coarse pass and for the whole search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="of our alignment")
    options = parser.parse_args()
    images = make_images()
    truth = images["image77"].values[:, 30 : 30 + QUERY_PX // STRIDE, 40 : 40 + QUERY_PX // STRIDE]
    query = Query(representation=Representation(values=truth, stride=STRIDE), height_px=QUERY_PX, width_px=QUERY_PX)
    config = AlignConfig(device=options.device)
    plan = plan_query(query, config)
    angles = [float(a) for a in plan.angles_deg]
    factor = plan.coarse_px // STRIDE
    pooled = [pool(torch.from_numpy(r.values), factor).numpy().transpose(1, 2, 0).copy() for r in images.values()]
    template = pool(torch.from_numpy(truth.copy()), factor).numpy().transpose(1, 2, 0).copy()
    start = time.perf_counter()
    found, peak = search_by_opencv(template, pooled, angles)
    opencv_s = time.perf_counter() - start
    candidates = [Candidate(name=n, height_px=SIDE_PX, width_px=SIDE_PX) for n in images]
    aligner = Aligner(images.__getitem__, config)
    aligner.align([query], candidates)  # spectra are computed once for all queries
    times = []
    for _ in range(5):
        start = time.perf_counter()
        hits = aligner.align([query], candidates)[0]
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    aligner.align([query] * 100, candidates)
    hundred_s = (time.perf_counter() - start) / 100
    ours_s = float(np.median(times))
    print(f"{N_IMAGES} images of {SIDE_PX} px, query of {QUERY_PX} px, {len(angles)} angles, {CHANNELS} channels")
    print(f"cv2.matchTemplate, coarse cells only: {opencv_s:.3f} s a query, found image{found} ({peak:.3f})")
    print(f"ours, with refinement:                {ours_s:.3f} s a query, found {hits[0][0]}")
    print(f"ours, 100 queries in one call:        {hundred_s:.3f} s a query")
    print(f"ratio {opencv_s / ours_s:.1f}; in a call of 100 queries {opencv_s / hundred_s:.1f}")


if __name__ == "__main__":
    main()
