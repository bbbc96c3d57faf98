"""Made-up changes of modality: one scene, two pictures with different tones, textures and blemishes.

A network that brings such pictures together has learnt what stays when everything else changes: outlines and their
arrangement. The weights shipped as a start were trained on these (`tools/make_start.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """What scenes are made from: `photographs` are (H, W, C) uint8 arrays; the rest is drawn."""

    photographs: Sequence[NDArray[np.uint8]]
    size_px: int = 128
    drawn_share: float = 0.4


def synthetic_batch(scenery: Scenery, n: int, rng: Rng) -> tuple[Float32, Float32]:
    """Return two (n, size, size, 1) float32 arrays in [0, 1]: row i of both shows the same made-up place."""
    views: tuple[list[Float32], list[Float32]] = ([], [])
    for _ in range(n):
        drawn = rng.random() < scenery.drawn_share
        scene = draw_scene(scenery.size_px, rng) if drawn else cut_scene(scenery, rng)
        for picture, out in zip(scene, views, strict=True):
            out.append(change_modality(picture, scenery, rng))
    return np.stack(views[0])[..., None], np.stack(views[1])[..., None]


def cut_scene(scenery: Scenery, rng: Rng) -> tuple[Float32, Float32]:
    """Cut a turned, scaled window of a photograph and weigh its channels in two ways."""
    size = scenery.size_px
    photograph = scenery.photographs[int(rng.integers(len(scenery.photographs)))]
    zoom = math.exp(rng.uniform(math.log(0.5), math.log(2.2)))
    side = int(size / zoom * 1.45)
    for _ in range(20):  # not the open sea
        top, left = (int(rng.integers(0, n - side)) for n in photograph.shape[:2])
        part = photograph[top : top + side, left : left + side]
        if part.std() > 8:
            break
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0, 360), zoom)
    to_window = turn + np.array([[0, 0, (size - side) / 2], [0, 0, (size - side) / 2]])
    whole = (size, size)
    window = cv2.warpAffine(part / np.float32(255), to_window, whole, borderMode=cv2.BORDER_REFLECT_101)
    weights = rng.dirichlet(np.ones(photograph.shape[2]), size=2)
    return stretch(window @ weights[0]), stretch(window @ weights[1])


def draw_scene(size_px: int, rng: Rng) -> tuple[Float32, Float32]:
    """Draw pieces whose tones are unrelated in the two pictures; some are missing in one of them."""
    pictures = tuple(np.full((size_px, size_px), rng.random(), np.float32) for _ in range(2))
    for _ in range(int(rng.integers(8, 50))):
        outline, closed = _make_outline(size_px, rng)
        thickness = int(rng.integers(1, 6))
        missing = int(rng.choice(3, p=(0.15, 0.13, 0.72)))
        for number, picture in enumerate(pictures):
            tone = float(rng.random())
            if number == missing:
                continue
            if closed:
                cv2.fillPoly(picture, [outline], tone, cv2.LINE_AA)
            else:
                cv2.polylines(picture, [outline], False, tone, thickness, cv2.LINE_AA)
    return pictures[0], pictures[1]


def _make_outline(size_px: int, rng: Rng) -> tuple[NDArray[Any], bool]:
    """Return the (N, 2) int32 points of an ellipse, a polygon, a winding line or a rectangle, and if it is closed."""
    center = rng.uniform(0, size_px, 2)
    radius = math.exp(rng.uniform(math.log(3), math.log(40)))
    flatness, turn = rng.uniform(0.3, 1), rng.uniform(0, 2 * math.pi)
    along = np.array([math.cos(turn), math.sin(turn)]) * radius
    across = np.array([-along[1], along[0]]) * flatness
    kind = int(rng.integers(4))
    if kind == 0:
        t = np.linspace(0, 2 * math.pi, 24, endpoint=False)[:, None]
        points = center + np.cos(t) * along + np.sin(t) * across
    elif kind == 1:
        t = np.sort(rng.uniform(0, 2 * math.pi, int(rng.integers(3, 8))))
        reach = radius * rng.uniform(0.5, 1.2, len(t))
        points = center + np.stack([np.cos(t) * reach, np.sin(t) * reach], axis=1)
    elif kind == 2:
        t = turn + rng.normal(0, 0.3, 8).cumsum()
        points = center + np.cumsum(np.stack([np.cos(t), np.sin(t)], axis=1) * radius * 0.7, axis=0)
    else:
        points = np.stack(
            [center + along + across, center + along - across, center - along - across, center - along + across]
        )
    return points.astype(np.int32), kind != 2


def change_modality(picture: Float32, scenery: Scenery, rng: Rng) -> Float32:
    """Show a picture in another made-up modality: tones, texture, edges, shading, blur, blemishes, noise."""
    x = change_tone(picture, rng) if rng.random() < 0.85 else picture
    if rng.random() < 0.5:
        x = _add_texture(x, rng)
    chosen = rng.random()
    if chosen < 0.1:
        x = stretch(np.hypot(cv2.Sobel(x, cv2.CV_32F, 1, 0), cv2.Sobel(x, cv2.CV_32F, 0, 1)))
    elif chosen < 0.25:
        x = stretch(x - _smooth(x, rng.uniform(4, 20)))
    if rng.random() < 0.4:
        x = x * np.exp(0.3 * _field(x.shape, rng.uniform(15, 50), rng))
    if rng.random() < 0.4:
        x = _smooth(x, rng.uniform(0.4, 2))
    if rng.random() < 0.25:
        other = draw_scene(scenery.size_px, rng)[0] if rng.random() < 0.5 else cut_scene(scenery, rng)[0]
        share = rng.uniform(0.1, 0.45)
        x = (1 - share) * x + share * other
    x = stretch(x + rng.standard_normal(x.shape) * rng.uniform(0, 0.06))
    return np.asarray(x ** math.exp(rng.uniform(-0.7, 0.7)) if rng.random() < 0.5 else x, np.float32)


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


def stretch(x: NDArray[Any]) -> Float32:
    """Bring the 1 to 99 percentile of a picture to [0, 1], as float32."""
    low, high = np.percentile(x, (1, 99))
    stretched: Float32 = np.clip((x - low) / max(high - low, 1e-3), 0, 1).astype(np.float32)
    return stretched


def _smooth(x: NDArray[Any], sigma_px: float) -> Float32:
    return np.asarray(cv2.GaussianBlur(x.astype(np.float32), (0, 0), sigma_px))


def _field(shape: tuple[int, ...], sigma_px: float, rng: Rng) -> Float32:
    """Return smooth noise of unit spread."""
    field = _smooth(rng.standard_normal(shape), sigma_px)
    return np.asarray(field / (field.std() + 1e-6), np.float32)


def _add_texture(x: Float32, rng: Rng) -> Float32:
    """Add a texture whose strength depends on the tone below it."""
    strength = rng.uniform(0, 0.25) * np.interp(x, np.linspace(0, 1, 5), rng.random(5))
    return np.asarray(x + _field(x.shape, rng.uniform(0.6, 3), rng) * strength, np.float32)
