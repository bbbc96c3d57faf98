"""Who may import whom: the layers of src/crosslight, read from its syntax trees."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crosslight

SOURCE = Path(crosslight.__file__).parent
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"types", "errors"}),
    frozenset({"config", "settings", "kinds", "registry", "progress", "geometry"}),
    frozenset({"read", "represent", "describe", "encode", "store", "rerank", "show"}),
    frozenset({"pipeline", "baselines"}),
    frozenset({"evaluate", "demo"}),
    frozenset({"web", "napari_plugin"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
LAYER_OF = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}
SOCIABLE = (0, 1)  # layers whose rooms may also use each other
HEAVY = {
    "torch",
    "cv2",
    "faiss",
    "zarr",
    "fastapi",
    "uvicorn",
    "openslide",
    "qdrant_edge",
    "qdrant_client",
    "distributed",
    "matplotlib",
    "PIL",
}
ONLY_IN = {"tifffile": {"read"}, "openslide": {"read"}, "fastapi": {"web"}, "uvicorn": {"web"}}


def module_names() -> list[str]:
    """Return every module of the package, such as "crosslight.read.image"."""
    paths = sorted(SOURCE.rglob("*.py"))
    return [".".join(("crosslight", *path.relative_to(SOURCE).with_suffix("").parts)) for path in paths]


def read_source(module: str) -> str:
    return SOURCE.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")


def imported_modules(source: str) -> Iterator[str]:
    """Yield the full name of everything a module imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def home_of(name: str) -> str:
    """Return where a public name such as "crosslight.fit" lives; any other name is returned as it is."""
    library, _, rest = name.partition(".")
    return crosslight._HOMES.get(rest, name).replace(":", ".") if library == "crosslight" else name


def find_faults(module: str, source: str) -> list[str]:
    """Return one sentence for each import that the layers forbid."""
    faults = []
    room = module.split(".")[1]
    if room != "__init__" and room not in LAYER_OF:
        return [f"{module} has no layer; add {room!r} to LAYERS in {Path(__file__).name}"]
    is_init = module.endswith("__init__")
    for name in imported_modules(source):
        library, *rest = home_of(name).split(".")
        if is_init and library in HEAVY:
            faults.append(f"{module} imports {library}; an __init__ stays light")
        if room == "__init__":
            continue
        if library in ONLY_IN and room not in ONLY_IN[library]:
            faults.append(f"{module} imports {library}, which only {', '.join(ONLY_IN[library])} may")
        if library == "crosslight":
            faults += check_room(module, room, rest)
        elif LAYER_OF[room] == 0 and library != "numpy" and library not in sys.stdlib_module_names:
            faults.append(f"{module} imports {library}; layer 0 uses numpy only")
    return faults


def check_room(module: str, room: str, imported: list[str]) -> list[str]:
    """Return why `room` may not import this part of crosslight, or nothing."""
    if imported == ["__version__"]:
        return []
    if not imported:  # a plain `import crosslight` reaches everything
        return [] if LAYER_OF[room] >= LAYER_OF["evaluate"] else [f"{module} imports the whole of crosslight"]
    other = imported[0]
    if other not in LAYER_OF:
        return [f"{module} imports {other!r}, which has no layer"]
    mine, theirs = LAYER_OF[room], LAYER_OF[other]
    if other == room or theirs < mine or (theirs == mine and mine in SOCIABLE):
        return []
    return [f"{module} (layer {mine}) imports {other} (layer {theirs})"]


@pytest.mark.parametrize("module", module_names())
def test_module_imports_only_what_its_layer_may_use(module: str) -> None:
    assert find_faults(module, read_source(module)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crosslight.types", "import torch"),
        ("crosslight.geometry", "from crosslight.read.image import read_image"),
        ("crosslight.read.image", "from crosslight.show import raster"),
        ("crosslight.rerank.align", "def f():\n    import crosslight.store.exact"),
        ("crosslight.store.edge", "from crosslight import read_image"),
        ("crosslight.describe.surf", "import crosslight"),
        ("crosslight.pipeline.fit", "from crosslight.cli.console import err"),
        ("crosslight.web.app", "from crosslight.cli import main"),
        ("crosslight.store.archive", "import tifffile"),
        ("crosslight.read.__init__", "import cv2"),
        ("crosslight.__init__", "import torch.nn"),
        ("crosslight.utils", "import numpy"),
    ],
)
def test_forbidden_import_is_caught(module: str, source: str) -> None:
    assert len(find_faults(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crosslight.types", "import math\nimport numpy as np"),
        ("crosslight.registry", "from crosslight.errors import unknown_name"),
        ("crosslight.show.page", "from PIL import Image"),
        ("crosslight.read.image", "import tifffile\nfrom crosslight.types import Image"),
        ("crosslight.pipeline.fit", "from crosslight import __version__\nfrom crosslight.read.pairs import find_pairs"),
        ("crosslight.cli.fit", "import crosslight"),
    ],
)
def test_allowed_import_passes(module: str, source: str) -> None:
    assert find_faults(module, source) == []


@pytest.mark.parametrize("module", ["crosslight", "crosslight.cli.main"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    script = f"import sys, {module}; print(*({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
