"""The quick look by discs against the coarse pass of alignment: the same made-up images and queries, in one run.

Prints milliseconds per thousand images of 400 px for a query that may lie at any angle, and what an image takes on
disk. Both find a query among images that have nothing in common with each other.
"""

from __future__ import annotations

import time

import cv2
import numpy as np

from crosslight.config import AlignConfig
from crosslight.describe.discs import describe_discs
from crosslight.encode.disc_codes import compare_discs, learn_codes
from crosslight.geometry import rotation_matrix
from crosslight.pipeline.shortlist import turn_discs
from crosslight.rerank.align import Candidate, Query
from crosslight.rerank.scan import Scanner
from crosslight.rerank.threads import one_thread
from crosslight.types import Representation

N_IMAGES, SIDE_PX, STRIDE, CHANNELS = 200, 400, 3, 8
N_COPIES = 25  # of the images' discs, so that thousands are compared
QUERY_PX, ANGLE = (124, 180, 280), 40.0


def make_images() -> list[Representation]:
    """Return smooth random representations, as different from each other as can be."""
    rng, side = np.random.default_rng(0), SIDE_PX // STRIDE
    images = []
    for _ in range(N_IMAGES):
        noise = rng.standard_normal((side, side, CHANNELS)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2) * 6
        images.append(Representation.rounded(smooth.transpose(2, 0, 1).copy(), STRIDE))
    return images


def cut_query(image: Representation, side_px: int) -> Query:
    """Return the turned middle of an image."""
    n = side_px // STRIDE
    linear = rotation_matrix(ANGLE)
    offset = (np.array(image.values.shape[:0:-1]) - 1) / 2 - linear @ np.full(2, (n - 1) / 2)
    matrix = np.hstack([linear, offset[:, None]])
    turned = [cv2.warpAffine(v, matrix, (n, n), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) for v in image.values]
    return Query(representation=Representation(values=np.stack(turned), stride=STRIDE),
                 height_px=n * STRIDE, width_px=n * STRIDE)  # fmt: skip


@one_thread()
def main() -> None:
    """Print a line per size of query."""
    images = make_images()
    described = [describe_discs(image) for image in images]
    codes = learn_codes(described)
    stored = [codes.encode(values) for values in described]
    many = stored * N_COPIES
    print(f"discs: {stored[0].nbytes:,} bytes an image; its representation: {images[0].values.size:,}")
    config = AlignConfig(rotation_deg=180)
    names = {f"image{i}": image for i, image in enumerate(images)}
    candidates = [Candidate(name=name, height_px=SIDE_PX, width_px=SIDE_PX) for name in names]
    for side in QUERY_PX:
        query = cut_query(images[77], side)
        scanner = Scanner(names.__getitem__, config)
        scanner.scan([query], candidates)  # spectra are computed once for all queries
        start = time.perf_counter()
        placed = scanner.scan([query], candidates)[0]
        coarse_ms = (time.perf_counter() - start) / len(candidates) * 1e6
        start = time.perf_counter()
        turned = turn_discs(query, codes, config)[0]
        prepare_ms = (time.perf_counter() - start) * 1e3
        start = time.perf_counter()
        similarities = compare_discs(*turned, many)
        discs_ms = (time.perf_counter() - start) / len(many) * 1e6
        best = max(placed, key=lambda name: placed[name][0].similarity)
        right = "both right" if best == "image77" and similarities[:N_IMAGES].argmax() == 77 else "WRONG"
        print(
            f"query of {side} px: discs {discs_ms:.0f} ms per 1000 images, {prepare_ms:.0f} ms for the query itself; "
            f"coarse pass {coarse_ms:.0f} ms, {coarse_ms / discs_ms:.0f} times as long; {right}"
        )


if __name__ == "__main__":
    main()
