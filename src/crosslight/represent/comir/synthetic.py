"""Made-up changes of modality: one scene, two pictures with different tones, textures and blemishes.

A network that brings such pictures together has learnt what stays when everything else changes: outlines and their
arrangement. The weights shipped as a start were trained on these (`tools/make_start.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.represent.comir.scenes import (
    DRAWINGS,
    Noise,
    Rng,
    Scene,
    cut_scene,
    join_scenes,
    paint_scene,
    stretch,
    strew,
    write_labels,
)  # fmt: skip
from crosslight.types import Float32


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """What scenes are made from: `photographs` are (H, W, C) uint8 arrays; the rest is drawn."""

    photographs: Sequence[NDArray[np.uint8]]
    size_px: int = 128
    drawn_share: float = 0.5
    seed: int = 0
    noise: Noise = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", Noise(self.size_px, self.seed))

    def scene(self, rng: Rng) -> Scene:
        """Return one scene, joined from two at times: two float32 pictures in about [0, 1]."""
        scene = self._plain_scene(rng)
        if rng.random() < 0.2:
            scene = join_scenes(scene, self._plain_scene(rng), self.noise, rng)
        if rng.random() < 0.3:
            strew(scene, rng)
        return scene

    def _plain_scene(self, rng: Rng) -> Scene:
        if rng.random() < self.drawn_share:
            return DRAWINGS[int(rng.integers(len(DRAWINGS)))](self.size_px, self.noise, rng)
        if rng.random() < 0.35:
            return paint_scene(self.photographs, self.size_px, rng)
        return cut_scene(self.photographs, self.size_px, rng)


def synthetic_batch(scenery: Scenery, n: int, rng: Rng) -> tuple[Float32, Float32]:
    """Return two (n, size, size, 1) float32 arrays in [0, 1]: row i of both shows the same made-up place."""
    views: tuple[list[Float32], list[Float32]] = ([], [])
    for _ in range(n):
        pictures = scenery.scene(rng)
        if rng.random() < 0.4:
            pictures = (pictures[0], bend(pictures[1], scenery.noise, rng))
        for picture, out in zip(pictures, views, strict=True):
            out.append(change_modality(picture, scenery, rng))
    return np.stack(views[0])[..., None], np.stack(views[1])[..., None]


def bend(picture: Float32, noise: Noise, rng: Rng) -> Float32:
    """Move everything by up to about three pixels, smoothly: pairs are never aligned perfectly."""
    rows, cols = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    reach = rng.uniform(0.3, 1.6)
    x, y = cols + reach * noise.cut(9, 30, rng), rows + reach * noise.cut(9, 30, rng)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def change_modality(picture: Float32, scenery: Scenery, rng: Rng) -> Float32:
    """Show a picture in another made-up modality: tones, texture, edges, shading, blur, blemishes, noise."""
    noise = scenery.noise
    x = change_tone(picture, rng) if rng.random() < 0.85 else picture
    if rng.random() < 0.25:  # what lies here differs from what lies there
        share = np.clip(0.5 + rng.uniform(0.5, 3) * noise.cut(9, 30, rng), 0, 1)
        x = share * x + (1 - share) * change_tone(picture, rng)
    if rng.random() < 0.5:  # a texture whose strength depends on the tone below it
        strength = rng.uniform(0, 0.25) * np.interp(x, np.linspace(0, 1, 5), rng.random(5))
        x = np.asarray(x + noise.cut(0.5, 3.5, rng) * strength, np.float32)
    x = show_edges(np.asarray(x, np.float32), rng)
    if rng.random() < 0.4:
        x = x * np.exp(0.3 * noise.cut(15, 30, rng))
    if rng.random() < 0.4:
        x = np.asarray(cv2.GaussianBlur(x.astype(np.float32), (0, 0), math.exp(rng.uniform(-1, 1.1))))
    if rng.random() < 0.1:  # clouds, glare, blank parts of a map
        x = np.where(noise.cut(9, 30, rng) > rng.uniform(0.7, 1.7), rng.random(), x)
    if rng.random() < 0.25:
        share = rng.uniform(0.1, 0.45)
        x = (1 - share) * x + share * scenery.scene(rng)[0]
    if rng.random() < 0.15:
        x = write_labels(np.asarray(x, np.float32), rng)
    if rng.random() < 0.1:
        x = coarsen(np.asarray(x, np.float32), rng)
    grain = np.asarray(rng.standard_normal(x.shape, np.float32))
    x = stretch(x + grain * np.float32(rng.uniform(0, 0.06)))
    return np.asarray(x ** math.exp(rng.uniform(-0.7, 0.7)) if rng.random() < 0.5 else x, np.float32)


def show_edges(x: Float32, rng: Rng) -> Float32:
    """Leave most pictures as they are; of some show the strength of edges, the shading of slopes or what is local."""
    chosen = rng.random()
    if chosen < 0.18:
        right, down = cv2.Sobel(x, cv2.CV_32F, 1, 0), cv2.Sobel(x, cv2.CV_32F, 0, 1)
        angle = rng.uniform(0, 2 * math.pi)
        return stretch(np.hypot(right, down) if chosen < 0.1 else right * math.cos(angle) + down * math.sin(angle))
    if chosen < 0.32:
        side = 2 * int(rng.uniform(4, 24)) + 1
        return stretch(x - cv2.blur(cv2.blur(x, (side, side)), (side, side)))
    return x


def coarsen(x: Float32, rng: Rng) -> Float32:
    """Show a picture as a camera with larger pixels does."""
    side = round(x.shape[0] / rng.uniform(1.5, 3.5))
    small = cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA)
    kind = cv2.INTER_NEAREST if rng.random() < 0.3 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, x.shape[::-1], interpolation=kind))


def change_tone(x: Float32, rng: Rng) -> Float32:
    """Map tones through a random curve: rising, falling, or neither."""
    heights = rng.random(int(rng.integers(3, 8)))
    kind = rng.random()
    if kind < 0.35:
        heights = np.sort(heights)
    elif kind < 0.6:
        heights = np.sort(heights)[::-1]
    if np.ptp(heights) <= 0.1:
        return x
    return stretch(np.interp(x, np.linspace(0, 1, len(heights)), heights))
