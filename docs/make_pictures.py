"""Make the pictures of the README out of what `crosslight demo` wrote: make_pictures.py [FOLDER]."""

from __future__ import annotations

import sys
from pathlib import Path

from crosslight.read.image import read_image
from crosslight.show.canvas import save_picture
from crosslight.show.raster import to_rgb

PICTURES = {"world.png": "demo.jpg", "closer.png": "answer.jpg"}
WIDTH_PX = 1600

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "crosslight-demo")
    for made, shown in PICTURES.items():
        save_picture(to_rgb(read_image(folder / made), max_px=WIDTH_PX), Path(__file__).parent / "images" / shown)
