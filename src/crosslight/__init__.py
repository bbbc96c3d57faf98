"""Find the same place in images of different kinds.

>>> import crosslight
>>> sorted(crosslight.__all__)[:3]
['CrosslightError', 'Hit', 'Image']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from crosslight.errors import CrosslightError
    from crosslight.evaluate.compare import evaluate_pairs
    from crosslight.pipeline.fit import fit, fit_pairs
    from crosslight.pipeline.index import Index
    from crosslight.pipeline.ranking_reader import read_rankings
    from crosslight.read.image import read_image
    from crosslight.read.pairs import find_pairs
    from crosslight.represent.comir.model import ComirModel as Model
    from crosslight.types import Hit, Image, Pair, Placement, Ranking, Representation

_HOMES = {
    "CrosslightError": "crosslight.errors:CrosslightError",
    "Hit": "crosslight.types:Hit",
    "Image": "crosslight.types:Image",
    "Index": "crosslight.pipeline.index:Index",
    "Model": "crosslight.represent.comir.model:ComirModel",
    "Pair": "crosslight.types:Pair",
    "Placement": "crosslight.types:Placement",
    "Ranking": "crosslight.types:Ranking",
    "Representation": "crosslight.types:Representation",
    "evaluate_pairs": "crosslight.evaluate.compare:evaluate_pairs",
    "find_pairs": "crosslight.read.pairs:find_pairs",
    "fit": "crosslight.pipeline.fit:fit",
    "fit_pairs": "crosslight.pipeline.fit:fit_pairs",
    "read_image": "crosslight.read.image:read_image",
    "read_rankings": "crosslight.pipeline.ranking_reader:read_rankings",
}

__all__ = [
    "CrosslightError",
    "Hit",
    "Image",
    "Index",
    "Model",
    "Pair",
    "Placement",
    "Ranking",
    "Representation",
    "evaluate_pairs",
    "find_pairs",
    "fit",
    "fit_pairs",
    "read_image",
    "read_rankings",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name].split(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
