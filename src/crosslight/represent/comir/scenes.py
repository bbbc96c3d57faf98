"""Made-up scenes, each as two grey pictures of the same place whose tones are unrelated: cuts of photographs, drawings.

What stays between the two pictures is what a representation has to find: outlines and their arrangement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32

Rng = np.random.Generator
Scene = tuple[Float32, Float32]


class Noise:
    """Smooth random fields of unit spread, drawn once and cut from: texture, shading, outlines of regions."""

    SIGMAS_PX = (0.6, 1.0, 1.7, 3.0, 5.0, 9.0, 16.0, 30.0)

    def __init__(self, size_px: int, seed: int, per_sigma: int = 6) -> None:
        rng = np.random.default_rng([seed, 99])
        side = 3 * size_px
        self.size_px = size_px
        self._fields: dict[float, list[Float32]] = {s: [] for s in self.SIGMAS_PX}
        for sigma, fields in self._fields.items():
            for _ in range(per_sigma):
                field = cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), sigma)
                fields.append(np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32))

    def cut(self, low_px: float, high_px: float, rng: Rng) -> Float32:
        """Return (size, size) float32 of about zero mean and unit spread with structures of that size."""
        known = [s for s in self.SIGMAS_PX if low_px <= s <= high_px]
        fields = self._fields[known[int(rng.integers(len(known)))]]
        field = fields[int(rng.integers(len(fields)))]
        top, left = (int(v) for v in rng.integers(0, field.shape[0] - self.size_px, 2))
        part = field[top : top + self.size_px, left : left + self.size_px]
        if rng.random() < 0.5:
            part = part.T
        flips = rng.integers(0, 2, 2) * 2 - 1
        return np.ascontiguousarray(part[:: int(flips[0]), :: int(flips[1])])


def stretch(x: NDArray[np.floating]) -> Float32:
    """Bring the 1 to 99 percentile of a picture to [0, 1], as float32; the percentiles are those of every third row."""
    some = np.sort(x[::3, ::3], axis=None)
    low, high = float(some[len(some) // 100]), float(some[-1 - len(some) // 100])
    return np.asarray(np.clip((x - low) / max(high - low, 1e-3), 0, 1), np.float32)


def cut_scene(photographs: Sequence[NDArray[np.uint8]], size_px: int, rng: Rng) -> Scene:
    """Cut a turned, scaled window of a photograph (H, W, C) and weigh its channels in two ways."""
    photograph = photographs[int(rng.integers(len(photographs)))]
    zoom = math.exp(rng.uniform(math.log(0.5), math.log(2.2)))
    zoom = max(zoom, size_px * 1.45 / (min(photograph.shape[:2]) - 2))
    side = int(size_px / zoom * 1.45)
    for _ in range(20):  # not the open sea
        top, left = (int(rng.integers(0, n - side)) for n in photograph.shape[:2])
        part = photograph[top : top + side, left : left + side]
        if part[::4, ::4].std() > 8:
            break
    turn = np.asarray(cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0, 360), zoom), np.float64)
    turn[:, 2] += (size_px - side) / 2
    flags = cv2.INTER_LINEAR if zoom > 0.8 else cv2.INTER_AREA
    window = cv2.warpAffine(part, turn, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    weights = rng.dirichlet(np.ones(photograph.shape[2]), size=2).astype(np.float32)
    window = window.reshape(size_px, size_px, -1)
    return stretch(window @ weights[0]), stretch(window @ weights[1])


def paint_scene(photographs: Sequence[NDArray[np.uint8]], size_px: int, rng: Rng) -> Scene:
    """Cut a window of a photograph and paint one of its pictures over in flat tones, as maps are."""
    shown, painted = cut_scene(photographs, size_px, rng)
    smooth = cv2.GaussianBlur(painted, (0, 0), rng.uniform(0.8, 4))
    labels: NDArray[np.integer] = np.digitize(
        smooth, np.quantile(smooth[::4, ::4], np.sort(rng.random(int(rng.integers(1, 6)))))
    )
    if rng.random() < 0.6:  # what is busy gets other tones than what is smooth
        busy = cv2.GaussianBlur(np.abs(painted - smooth), (0, 0), rng.uniform(1.5, 5))
        labels = 2 * labels + (busy > np.quantile(busy[::4, ::4], rng.uniform(0.3, 0.9)))
    labels = np.asarray(cv2.medianBlur(labels.astype(np.uint8), 2 * int(rng.integers(1, 4)) + 1))
    flat = rng.random(int(labels.max()) + 1).astype(np.float32)[labels]
    if rng.random() < 0.3:
        flat[cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0] = rng.random()
    return (shown, flat) if rng.random() < 0.5 else (flat, shown)


def join_scenes(first: Scene, second: Scene, noise: Noise, rng: Rng) -> Scene:
    """Show the second scene in some regions of the first."""
    inside = noise.cut(9, 30, rng) > rng.normal(0, 0.7)
    a, b = (np.where(inside, over, under) for under, over in zip(first, second, strict=True))
    return a, b


def strew(pictures: Scene, rng: Rng) -> None:
    """Draw many small things of one kind, most of them in one picture alone: cars, trees, nuclei, specks."""
    size_px = pictures[0].shape[0]
    kind, radius, turn = int(rng.choice((0, 3))), math.exp(rng.uniform(0.3, 2)), rng.uniform(0, math.pi)
    tones, spread, both = rng.random(2), rng.uniform(0, 0.3), rng.uniform(0, 0.6)
    for _ in range(int(math.exp(rng.uniform(1.5, 5)))):
        own = radius * rng.uniform(0.7, 1.3)
        outline, _ = _make_outline(size_px, rng, kind=kind, radius_px=own, turn=turn + rng.normal(0, spread))
        shown = range(2) if rng.random() < both else (int(rng.integers(2)),)
        for number in shown:
            tone = float(tones[number] + rng.normal(0, spread))
            cv2.fillPoly(pictures[number], [outline], min(max(tone, 0.0), 1.0), cv2.LINE_AA)


def draw_shapes(size_px: int, noise: Noise, rng: Rng) -> Scene:
    """Draw pieces whose tones are unrelated in the two pictures; some are missing in one of them."""
    pictures = _plain(size_px, rng)
    for _ in range(int(rng.integers(8, 50))):
        outline, closed = _make_outline(size_px, rng)
        thickness = int(rng.integers(1, 6))
        missing = int(rng.choice(3, p=(0.15, 0.13, 0.72)))
        for number, picture in enumerate(pictures):
            if number == missing:
                continue
            if closed:
                cv2.fillPoly(picture, [outline], float(rng.random()), cv2.LINE_AA)
            else:
                cv2.polylines(picture, [outline], False, float(rng.random()), thickness, cv2.LINE_AA)
    return pictures


def draw_regions(size_px: int, noise: Noise, rng: Rng) -> Scene:
    """Draw regions with rough outlines, each with a tone and a texture of its own in either picture."""
    n_regions = int(rng.integers(3, 14))
    fields = [noise.cut(5, 30, rng) + 0.35 * noise.cut(1.5, 4, rng) for _ in range(min(n_regions, 5))]
    if rng.random() < 0.5:  # nested contours of one field, else the strongest of several
        labels = np.clip(np.digitize(fields[0], np.linspace(-1.6, 1.6, n_regions)), 0, n_regions)
    else:
        labels = np.argmax(fields, axis=0) + len(fields) * (noise.cut(9, 30, rng) > 0)
    pictures = []
    for _ in range(2):
        count = int(labels.max()) + 1
        tones, strength = rng.random(count), rng.random(count) * rng.choice((0.0, 0.25))
        texture = noise.cut(0.5, 3.5, rng)
        pictures.append(np.asarray(tones[labels] + strength[labels] * texture, np.float32))
    return pictures[0], pictures[1]


def draw_streets(size_px: int, noise: Noise, rng: Rng) -> Scene:
    """Draw crossing lines of several widths over blocks, with casings in one picture and small buildings in either."""
    pictures = _plain(size_px, rng)
    main = rng.uniform(0, math.pi)
    lines = [_make_street(size_px, main, rng) for _ in range(int(rng.integers(4, 16)))]
    for _ in range(int(rng.integers(0, 60))):
        outline, _ = _make_outline(size_px, rng, kind=3, radius_px=float(rng.uniform(2, 9)), turn=main)
        for number in range(2):
            if rng.random() < 0.75:
                cv2.fillPoly(pictures[number], [outline], float(rng.random()), cv2.LINE_AA)
    tones = rng.random((2, 3))
    cased = rng.random(2) < 0.4
    for points, width in lines:
        kind = int(width > 4)
        for number, picture in enumerate(pictures):
            if rng.random() < 0.06:
                continue
            own = max(1, round(width * rng.uniform(0.7, 1.4)))
            if cased[number]:
                cv2.polylines(picture, [points], False, float(tones[number, 2]), own + 2, cv2.LINE_AA)
            cv2.polylines(picture, [points], False, float(tones[number, kind]), own, cv2.LINE_AA)
    return pictures


def draw_fibres(size_px: int, noise: Noise, rng: Rng) -> Scene:
    """Draw wavy strands along a smooth field of directions: bright threads in one picture, toned bands in the other."""
    base = noise.cut(9, 30, rng)
    pictures = (stretch(base * rng.normal() + 0.3 * noise.cut(1, 5, rng)), np.zeros((size_px, size_px), np.float32))
    direction = rng.uniform(0, math.pi) + rng.uniform(0.2, 1.2) * noise.cut(9, 30, rng)
    where = noise.cut(9, 30, rng) + rng.normal(0, 0.5)
    tone = float(rng.random())
    for _ in range(int(rng.integers(30, 160))):
        x, y = rng.uniform(0, size_px, 2)
        if where[int(y), int(x)] < 0:
            continue
        points = []
        for _ in range(int(rng.integers(4, 14))):
            points.append((x, y))
            angle = float(direction[min(max(int(y), 0), size_px - 1), min(max(int(x), 0), size_px - 1)])
            x, y = x + 4 * math.cos(angle), y + 4 * math.sin(angle)
        line = np.array(points).astype(np.int32)
        cv2.polylines(pictures[1], [line], False, float(rng.uniform(0.4, 1)), int(rng.integers(1, 3)), cv2.LINE_AA)
        if rng.random() < 0.8:
            cv2.polylines(pictures[0], [line], False, tone, int(rng.integers(1, 6)), cv2.LINE_AA)
    return pictures if rng.random() < 0.5 else (pictures[1], pictures[0])


def draw_grains(size_px: int, noise: Noise, rng: Rng) -> Scene:
    """Draw grains that lie dense in some regions: each one in one picture, tones by density in the other."""
    field = noise.cut(5, 30, rng)
    density = stretch(field)
    steps = np.sort(rng.random(int(rng.integers(1, 5))))
    labels = np.digitize(density, steps)
    toned, ground = (rng.random(len(steps) + 1).astype(np.float32)[labels] for _ in range(2))
    if rng.random() < 0.4:
        toned = stretch(toned + density * rng.normal(0, 0.5))
    rough = noise.cut(5, 30, rng) * rng.uniform(0, 0.5)
    grainy = stretch(ground * rng.uniform(0, 2) + rough + density * rng.normal(0, 0.7))
    tone, radius = float(rng.random()), rng.uniform(0.8, 3)
    sharpness = rng.uniform(1, 4)
    for x, y, chance in rng.uniform(0, size_px, (int(rng.integers(100, 900)), 3)):
        if chance < size_px * density[int(y), int(x)] ** sharpness:
            own = tone + rng.normal(0, 0.1)
            cv2.circle(grainy, (int(x), int(y)), max(1, round(radius * rng.uniform(0.6, 1.5))), own, -1, cv2.LINE_AA)
    return (grainy, toned) if rng.random() < 0.5 else (toned, grainy)


DRAWINGS: tuple[Callable[[int, Noise, Rng], Scene], ...] = (
    draw_shapes, draw_regions, draw_streets, draw_fibres, draw_grains,
)  # fmt: skip


def write_labels(picture: Float32, rng: Rng) -> Float32:
    """Write a few words over a picture, as maps and microscopes do."""
    size = picture.shape[0]
    ink = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        text = "".join(chr(int(c)) for c in rng.integers(65, 122, int(rng.integers(2, 9))))
        origin = (int(rng.integers(-10, size - 20)), int(rng.integers(8, size)))
        cv2.putText(ink, text, origin, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.25, 0.6)), 255)
    share = ink.astype(np.float32) / 255
    return np.asarray(picture * (1 - share) + float(rng.random()) * share, np.float32)


def _plain(size_px: int, rng: Rng) -> Scene:
    a, b = (np.full((size_px, size_px), rng.random(), np.float32) for _ in range(2))
    return a, b


def _make_street(size_px: int, main: float, rng: Rng) -> tuple[NDArray[np.int32], float]:
    """Return the points of a line through the picture, mostly along or across the main direction, and its width."""
    angle = main + (math.pi / 2 if rng.random() < 0.5 else 0) + rng.normal(0, 0.06 if rng.random() < 0.8 else 0.6)
    center = rng.uniform(0, size_px, 2)
    reach = np.linspace(-1, 1, 9) * size_px * float(rng.choice((0.3, 1.5)))
    bend = np.cumsum(rng.normal(0, 0.05, 9)) + angle
    points = center + np.stack([np.cos(bend), np.sin(bend)], axis=1) * reach[:, None]
    return points.astype(np.int32), float(np.exp(rng.uniform(0, math.log(11))))


def _make_outline(
    size_px: int, rng: Rng, *, kind: int | None = None, radius_px: float | None = None, turn: float | None = None
) -> tuple[NDArray[np.int32], bool]:
    """Return the (N, 2) points of an ellipse, a polygon, a winding line or a rectangle, and if it is closed."""
    center = rng.uniform(0, size_px, 2)
    radius = radius_px if radius_px is not None else math.exp(rng.uniform(math.log(3), math.log(40)))
    flatness, turn = rng.uniform(0.3, 1), rng.uniform(0, 2 * math.pi) if turn is None else turn
    along = np.array([math.cos(turn), math.sin(turn)]) * radius
    across = np.array([-along[1], along[0]]) * flatness
    kind = int(rng.integers(4)) if kind is None else kind
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
        corners = (along + across, along - across, -along - across, across - along)
        points = center + np.stack(corners)
    return points.astype(np.int32), kind != 2
