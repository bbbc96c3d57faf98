"""Make a large pyramidal OME-TIFF or OME-Zarr out of the two images of the Earth, to try slides of any size with.

The plane is a square of blocks. Each shows the Earth from a place of its own, turned, stretched, mirrored and bent
differently, so that no place looks like another one; relief patches are cut through the same bends. Everything goes
block by block, in bounded memory:

    python tools/make_slide.py slide.ome.tif --side 10000 --queries queries
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from crosslight.demo.earth import HEIGHT_PX, WIDTH_PX, Earth, load_earth
from crosslight.geometry import cut_window, rotation_matrix
from crosslight.types import Image, Placement

BLOCK_PX, CHUNK_PX, TILE_PX = 2000, 500, 512
ENLARGED = 1.25  # pixels of the plane per pixel of the Earth, about
STRETCHED = 1.3  # at most, along either axis
BEND_PX, BEND_STEP_PX = 70, 250  # how far the plane is bent, and the distance of the points it is bent at
MAX_LEVELS = 4  # a block halves so often
MPP, QUERY_PX, MIN_SHARE = 0.5, 256, 0.2
Pixels = NDArray[np.uint8]


def make_map(row: int, col: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the x and y on the Earth of every pixel of a block."""
    rng = np.random.default_rng([seed, row, col])
    linear = rotation_matrix(float(rng.uniform(-180, 180))) @ np.diag(
        np.exp(rng.uniform(-1, 1, 2) * math.log(STRETCHED)) * (1, rng.choice([-1, 1])) / ENLARGED
    )
    n = BLOCK_PX // BEND_STEP_PX + 3
    bends = rng.uniform(-BEND_PX, BEND_PX, (2, n, n)).astype(np.float32)
    dx, dy = (cv2.resize(b, (BLOCK_PX, BLOCK_PX), interpolation=cv2.INTER_CUBIC) for b in bends)
    line = np.arange(BLOCK_PX, dtype=np.float32) - (BLOCK_PX - 1) / 2
    x, y = line[None, :] + dx, line[:, None] + dy
    center = rng.uniform(0, WIDTH_PX), HEIGHT_PX * rng.uniform(0.4, 0.55)
    on_x = (linear[0, 0] * x + linear[0, 1] * y + center[0]) % WIDTH_PX
    return on_x.astype(np.float32), (linear[1, 0] * x + linear[1, 1] * y + center[1]).astype(np.float32)


def make_block(image: Image, row: int, col: int, seed: int) -> Pixels:
    """Return a block of the plane as one image of the Earth shows it: (BLOCK_PX, BLOCK_PX, C)."""
    x, y = make_map(row, col, seed)
    block = cv2.remap(image.pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.atleast_3d(np.asarray(block, np.uint8))


def shrink(block: Pixels, level: int) -> Pixels:
    """Return a block at a coarser level."""
    side = BLOCK_PX >> level
    return np.asarray(cv2.resize(block, (side, side), interpolation=cv2.INTER_AREA)) if level else block


def write_zarr(path: Path, side_px: int, n_levels: int, seed: int, earth: Earth) -> None:
    """Write an OME-Zarr 0.5 image."""
    import zarr

    group = zarr.create_group(store=str(path), zarr_format=3, overwrite=True)
    arrays, datasets = [], []
    for level in range(n_levels):
        side = side_px >> level
        chunks = (3, CHUNK_PX >> min(level, 2), CHUNK_PX >> min(level, 2))
        arrays.append(group.create_array(str(level), shape=(3, side, side), chunks=chunks, dtype="uint8"))
        steps = [{"type": "scale", "scale": [1.0, MPP * 2**level, MPP * 2**level]}]
        datasets.append({"path": str(level), "coordinateTransformations": steps})
    for row, col in np.ndindex(side_px // BLOCK_PX, side_px // BLOCK_PX):
        block = make_block(earth.a, row, col, seed)
        for level, array in enumerate(arrays):
            step = BLOCK_PX >> level
            rows, cols = (slice(k * step, (k + 1) * step) for k in (row, col))
            array[:, rows, cols] = np.moveaxis(shrink(block, level), 2, 0)
    space = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    scales = {"axes": [{"name": "c", "type": "channel"}, *space], "datasets": datasets}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [scales]}


def write_tiff(path: Path, side_px: int, n_levels: int, seed: int, earth: Earth) -> None:
    """Write an OME-TIFF with JPEG tiles and its levels as sub-images, by way of an OME-Zarr."""
    import zarr

    temporary = path.with_suffix(".zarr")
    write_zarr(temporary, side_px, n_levels, seed, earth)
    group: Any = zarr.open_group(str(temporary), mode="r")
    options: dict[str, Any] = {
        "photometric": "rgb", "tile": (TILE_PX, TILE_PX), "compression": "jpeg", "compressionargs": {"level": 85},
    }  # fmt: skip
    pixel = {"PhysicalSizeX": MPP, "PhysicalSizeY": MPP, "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
    with closing(tifffile.TiffWriter(path, ome=True, bigtiff=True)) as file:
        for level in range(n_levels):
            side = side_px >> level
            extra: dict[str, Any] = {"subfiletype": 1}
            if level == 0:
                extra = {"subifds": n_levels - 1, "metadata": {"axes": "YXS", **pixel}}
            file.write(read_tiles(group[str(level)]), shape=(side, side, 3), dtype=np.uint8, **extra, **options)
    shutil.rmtree(temporary)


def read_tiles(array: Any) -> Iterator[Pixels]:
    """Yield the tiles of a (3, side, side) array row by row, those at the ends filled up."""
    side = array.shape[1]
    for top in range(0, side, TILE_PX):
        strip = np.moveaxis(np.asarray(array[:, top : top + TILE_PX]), 0, 2)
        for left in range(0, side, TILE_PX):
            part = strip[:, left : left + TILE_PX]
            yield np.pad(part, ((0, TILE_PX - part.shape[0]), (0, TILE_PX - part.shape[1]), (0, 0)), mode="edge")


def cut_query(earth: Earth, side_px: int, seed: int, rng: np.random.Generator) -> tuple[Image, Placement]:
    """Cut a relief patch, turned by any angle, wholly inside one block and with a piece of coast."""
    reach = QUERY_PX / math.sqrt(2) + 4
    masks = [Image(pixels=mask[:, :, None].astype(np.uint8), name="mask") for mask in (earth.land, earth.sea)]
    while True:
        row, col = (int(v) for v in rng.integers(0, side_px // BLOCK_PX, 2))
        x, y = (float(v) for v in rng.uniform(reach, BLOCK_PX - reach, 2))
        inside = Placement(center_xy=(x, y), angle_deg=float(rng.uniform(-180, 180)), scale=1.0, similarity=1.0)

        def cut(image: Image, row: int = row, col: int = col, inside: Placement = inside) -> Pixels:
            block = Image(pixels=make_block(image, row, col, seed), name="block")
            return cut_window(block, inside, QUERY_PX, QUERY_PX, "query").pixels

        if min(float(cut(mask).mean()) for mask in masks) < MIN_SHARE:
            continue
        center = (inside.center_xy[0] + col * BLOCK_PX, inside.center_xy[1] + row * BLOCK_PX)
        place = Placement(center_xy=center, angle_deg=inside.angle_deg, scale=1.0, similarity=1.0)
        return Image(pixels=cut(earth.b), name="query", mpp=MPP), place


def write_queries(folder: Path, earth: Earth, side_px: int, n: int, seed: int) -> None:
    """Write relief patches, and where they lie as truth.json."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 1])
    truth = {}
    for i in range(n):
        image, place = cut_query(earth, side_px, seed, rng)
        cv2.imwrite(str(folder / f"query{i}.png"), image.pixels)
        truth[f"query{i}"] = {"center_xy": place.center_xy, "angle_deg": place.angle_deg}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1))


def make_slide(path: Path, side_px: int, seed: int = 0) -> int:
    """Write a slide of about `side_px` a side and return its side, a multiple of a block."""
    side = max(1, side_px // BLOCK_PX) * BLOCK_PX
    n_levels = min(MAX_LEVELS, max(1, math.ceil(math.log2(side / 1000))))
    (write_zarr if path.suffix == ".zarr" else write_tiff)(path, side, n_levels, seed, load_earth())
    return side


def main() -> None:
    """Write a slide, and queries with their places."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="A file that ends in .ome.tif, or a folder that ends in .zarr.")
    parser.add_argument("--side", type=int, default=10_000, help="Pixels a side.")
    parser.add_argument("--queries", type=Path, help="Folder for relief patches.")
    parser.add_argument("--n", type=int, default=10, help="How many patches.")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    side = make_slide(arguments.out, arguments.side, arguments.seed)
    if arguments.queries:
        write_queries(arguments.queries, load_earth(), side, arguments.n, arguments.seed)


if __name__ == "__main__":
    main()
