"""The process that decodes uploads: `python -m crosslight.web.decoding`, one JSON line in and one out per image.

A damaged or hostile file can at worst end this process, never the application.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from crosslight.errors import CrosslightError
from crosslight.read.image import read_image

MEMORY_BYTES = 6 * 2**30  # beyond what the process takes when it starts


def limit_memory() -> None:
    """Let this process ask for so much memory and no more, where the system can be told."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def decode(order: dict[str, Any]) -> dict[str, Any]:
    """Decode the file `path` and write its pixels to `out` if it is named; return what the image is."""
    try:
        image = read_image(Path(order["path"]), max_pixels=int(order["max_pixels"]))
        if max(image.height_px, image.width_px) > int(order["max_side_px"]):
            sentence = (
                f"{order['path']} is {image.width_px} x {image.height_px} px; no side may be longer than "
                f"{order['max_side_px']} px. Cut it into smaller images."
            )
            return {"error": sentence}
        if order["out"]:
            np.save(order["out"], image.pixels, allow_pickle=False)
    except CrosslightError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"{order['path']} needs too much memory to be decoded; cut it into smaller images."}
    shape = list(image.pixels.shape)
    return {"shape": shape, "mpp": image.mpp}


def main() -> None:
    """Answer line by line until there is no more."""
    limit_memory()
    for line in sys.stdin:
        print(json.dumps(decode(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
