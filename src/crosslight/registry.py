"""All alternatives by name, one line each. A string, so that nothing heavy loads before it is chosen."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from crosslight.errors import ConfigError, unknown_name

NETWORKS = {
    "unet": "crosslight.represent.comir.network:UNet",
    "c4unet": "crosslight.represent.comir.c4unet:C4UNet",
    "denseunet": "crosslight.represent.comir.denseunet:DenseUNet",
}
REPRESENTERS = {
    "identity": "crosslight.represent.identity:IdentityModel",
    "comir": "crosslight.represent.comir.model:ComirModel",
    "pix2pix": "crosslight.represent.pix2pix:Pix2PixModel",
    "cyclegan": "crosslight.represent.cyclegan:CycleGanModel",
}
TRANSLATIONS = {
    "pix2pix": "crosslight.represent.pix2pix:Pix2PixTraining",
    "cyclegan": "crosslight.represent.cyclegan:CycleGanTraining",
}
DESCRIBERS = {
    "surf": "crosslight.describe.surf:Surf",
    "oriented-surf": "crosslight.describe.oriented_surf:OrientedSurf",
    "sift": "crosslight.describe.sift:Sift",
    "rootsift": "crosslight.describe.sift:RootSift",
    "detected-sift": "crosslight.describe.detected_sift:DetectedSift",
    "resnet": "crosslight.describe.resnet:ResNet",
}
STORES = {
    "exact": "crosslight.store.exact:ExactStore",
    "edge": "crosslight.store.edge:EdgeStore",
    "qdrant": "crosslight.store.qdrant:QdrantStore",
}
BASELINES = {
    "2dkd": "crosslight.baselines.krawtchouk:Krawtchouk",
    "2dkd-places": "crosslight.baselines.krawtchouk:KrawtchoukPlaces",
    "tcnet": "crosslight.baselines.tcnet:TcNet",
    "imtdf": "crosslight.baselines.imtdf:Imtdf",
}
KINDS = {
    "network": NETWORKS,
    "representer": REPRESENTERS,
    "translation": TRANSLATIONS,
    "describer": DESCRIBERS,
    "store": STORES,
    "baseline": BASELINES,
}


def names(kind: str) -> dict[str, str]:
    """Return every known name of `kind` with where it lives; outside packages add theirs by entry point."""
    outside = {e.name: e.value for e in entry_points(group=f"crosslight.{kind}s")}
    return {**outside, **KINDS[kind]}


def load(kind: str, name: str) -> Any:
    """Import and return the class called `name`; raises ConfigError for an unknown one."""
    known = names(kind)
    if name not in known:
        raise ConfigError(unknown_name(kind, name, known))
    module, attribute = known[name].split(":")
    return getattr(import_module(module), attribute)
