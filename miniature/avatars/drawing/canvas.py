"""The canvas of an avatar: antialiased shapes, lines and glows in units of the picture's side."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.shapes import Array, Points

Box = tuple[slice, slice]
SHIFT = 4


class Canvas:
    """A square float32 picture, and the pose that is applied to shapes when they are drawn.

    Args:
        pixels: side of the picture.

    ``pose`` is a (2, 3) affine map of the unit square. The argument ``clip`` of methods is a mask of the whole canvas
    that limits where they paint.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self.image = np.zeros((pixels, pixels, 3), np.float32)
        self.pose = np.eye(2, 3)

    def place(self, points: Points) -> Array:
        """Points of the unit square in pixels; the centre of the first pixel is at 0."""
        return (np.asarray(points, float) @ self.pose[:, :2].T + self.pose[:, 2]) * self.pixels - 0.5

    def box(self, placed: Array, margin: float) -> Box:
        low = np.clip(np.floor(placed.min(0) - margin), 0, self.pixels).astype(int)
        high = np.clip(np.ceil(placed.max(0) + margin) + 1, 0, self.pixels).astype(int)
        return slice(low[1], max(low[1], high[1])), slice(low[0], max(low[0], high[0]))

    def raster(self, *shapes: Points, width: float = 0.0, closed: bool = True, soft: float = 0.0) -> tuple[Box, Array]:
        """Bounding box and mask in [0, 1] of the shapes, or of their outlines if a width is given."""
        placed = [self.place(points) for points in shapes]
        blur, pen = soft * self.pixels, width * self.pixels
        box = self.box(np.concatenate(placed), 2 + 2.5 * blur + pen)
        corner = np.array([box[1].start, box[0].start])
        mask = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), np.uint8)
        if mask.size == 0:
            return box, mask.astype(np.float32)
        for points in placed:
            whole = np.round((points - corner) * 2**SHIFT).astype(np.int32)
            if width:
                cv2.polylines(mask, [whole], closed, 255, max(1, round(pen)), cv2.LINE_AA, SHIFT)
            else:
                cv2.fillPoly(mask, [whole], 255, cv2.LINE_AA, SHIFT)
        out = mask.astype(np.float32) / 255
        if blur > 0.3:
            out = cv2.GaussianBlur(out, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
        return box, out

    def area(self, *shapes: Points, soft: float = 0.0) -> Array:
        """A mask of the whole canvas, for clipping."""
        out = np.zeros((self.pixels, self.pixels), np.float32)
        box, mask = self.raster(*shapes, soft=soft)
        out[box] = mask
        return out

    def lay(self, box: Box, mask: Array, paint: Array, opacity: float = 1.0, clip: Array | None = None) -> None:
        """Blend paint, one colour or a picture as large as the mask, into the box."""
        mask = mask if clip is None else mask * clip[box]
        part = self.image[box]
        part += (opacity * mask)[..., None] * (paint - part)

    def fill(
        self, points: Points | list[Array], paint: Array, opacity: float = 1.0, *, soft: float = 0.0,
        clip: Array | None = None,
    ) -> None:  # fmt: skip
        """Fill a shape, or a list of shapes."""
        shapes = points if isinstance(points, list) and np.ndim(points[0]) == 2 else [points]
        self.lay(*self.raster(*shapes, soft=soft), paint, opacity, clip)

    def ring(
        self, points: Points, width: float, paint: Array, opacity: float = 1.0, *, closed: bool = True,
        soft: float = 0.0, clip: Array | None = None,
    ) -> None:  # fmt: skip
        """Draw a line of constant width."""
        self.lay(*self.raster(points, width=width, closed=closed, soft=soft), paint, opacity, clip)

    def stroke(
        self, points: Points, widths: tuple[float, ...], paint: Array, opacity: float = 1.0, *, soft: float = 0.0,
        clip: Array | None = None,
    ) -> None:  # fmt: skip
        """Draw a line whose width is interpolated between the given ones."""
        self.fill(swell(points, widths), paint, opacity, soft=soft, clip=clip)

    def fade(self, points: Points, top: Array, low: Array, opacity: float = 1.0, *, clip: Array | None = None) -> None:
        """Fill a shape with a vertical gradient from ``top`` to ``low``."""
        box, mask = self.raster(points)
        share = np.linspace(0, 1, max(1, mask.shape[0]), dtype=np.float32)[:, None, None]
        self.lay(box, mask, top + share * (low - top), opacity, clip)

    def glow(
        self, x: float, y: float, rx: float, ry: float, paint: Array, opacity: float = 1.0, clip: Array | None = None
    ) -> None:
        """Blend a Gaussian spot of colour; the radii are standard deviations."""
        middle, reach = self.place([(x, y)]), 2.6 * max(rx, ry) * self.pixels
        box = self.box(middle, reach)
        yy = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None] - np.float32(middle[0, 1])
        xx = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None] - np.float32(middle[0, 0])
        mask = np.exp(-0.5 * ((yy / (ry * self.pixels)) ** 2 + (xx / (rx * self.pixels)) ** 2))
        self.lay(box, mask, paint, opacity, clip)


def swell(points: Points, widths: tuple[float, ...]) -> Array:
    """The outline of a line whose width is interpolated between the given ones, with round ends."""
    path = np.asarray(points, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    side = np.stack([-along[:, 1], along[:, 0]], 1)
    half = 0.5 * np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(widths)), widths)[:, None]
    turn = np.linspace(0, np.pi, 7)[1:-1, None]
    last = path[-1] + half[-1] * (np.cos(turn) * side[-1] + np.sin(turn) * along[-1])
    first = path[0] - half[0] * (np.cos(turn) * side[0] + np.sin(turn) * along[0])
    return np.concatenate([path + half * side, last, (path - half * side)[::-1], first])


def moved(points: Points, right: float, down: float) -> Array:
    return np.asarray(points, float) + np.array([right, down])


def mirror(points: Points, middle: float = 0.5) -> Array:
    """The points mirrored horizontally, in reverse order."""
    out = np.asarray(points, float)[::-1].copy()
    out[:, 0] = 2 * middle - out[:, 0]
    return out


def both(right: Points) -> Array:
    """A closed symmetric outline from its right half, given from top to bottom."""
    return np.concatenate([np.asarray(right, float), mirror(right)])
