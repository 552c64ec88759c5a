"""Filters shared by the styles: directions, streaks along them, paper, relief. Float32 (h, w[, 3]) in [0, 1]."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

Array = np.ndarray
Rng = np.random.Generator


def grey(rgb: Array) -> Array:
    return cv2.cvtColor(np.ascontiguousarray(rgb, dtype=np.float32), cv2.COLOR_RGB2GRAY)


def stretch(tone: Array) -> Array:
    """The tone with its contrast stretched to [0, 1]."""
    low, high = np.percentile(tone, (2, 98))
    return np.clip((tone - low) / max(high - low, 0.05), 0, 1).astype(np.float32)


def blur(x: Array, sigma: float) -> Array:
    return cv2.GaussianBlur(x, (0, 0), sigma) if sigma > 0 else x


def smooth_noise(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Array:
    """Noise with zero mean and unit standard deviation whose features are about ``scale`` pixels wide."""
    h, w = shape
    small = rng.standard_normal((max(2, int(h / scale) + 2), max(2, int(w / scale) + 2))).astype(np.float32)
    big = cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
    return (big - big.mean()) / (big.std() + 1e-6)


def axes(shape: tuple[int, int], angle: float) -> tuple[Array, Array]:
    """Coordinates along and across a direction."""
    yy, xx = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    return xx * np.cos(angle) + yy * np.sin(angle), -xx * np.sin(angle) + yy * np.cos(angle)


def warp(x: Array, amount: float, scale: float, rng: np.random.Generator) -> Array:
    """The picture displaced by about ``amount`` pixels in waves of ``scale`` pixels."""
    h, w = x.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    dx, dy = smooth_noise((h, w), scale, rng) * amount, smooth_noise((h, w), scale, rng) * amount
    return cv2.remap(x, xx + dx, yy + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def edge_angle(tone: Array, sigma: float = 4.0) -> tuple[Array, Array]:
    """Angle along the edges (radians) and its relative strength, from the smoothed structure tensor."""
    gx, gy = cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1)
    jxx, jyy, jxy = blur(gx * gx, sigma), blur(gy * gy, sigma), blur(gx * gy, sigma)
    angle = 0.5 * np.arctan2(2 * jxy, jxx - jyy) + np.pi / 2
    strength = np.sqrt((jxx - jyy) ** 2 + 4 * jxy**2)
    return angle, strength / (strength.mean() + 1e-6)


def flow(tone: Array, rng: np.random.Generator, *, own: float, scale: float, base: float) -> Array:
    """A direction for every pixel: along the edges, mixed with swirls of ``scale`` pixels around ``base``.

    Args:
        own: weight of the swirls; 0 follows the edges only.
    """
    angle, strength = edge_angle(tone)
    swirl = base + smooth_noise(tone.shape, scale, rng) * 1.2
    weight = np.clip(strength, 0, 2)
    c = weight * np.cos(2 * angle) + own * np.cos(2 * swirl)
    s = weight * np.sin(2 * angle) + own * np.sin(2 * swirl)
    return 0.5 * np.arctan2(s, c)


def streaks(x: Array, angle: Array, length: int) -> Array:
    """Smear ``x`` along ``angle`` over about ``length`` pixels (line integral convolution by doubling)."""
    h, w = x.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    dx, dy = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    step = 1.0
    while step < length:
        ahead = cv2.remap(x, xx + step * dx, yy + step * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        back = cv2.remap(x, xx - step * dx, yy - step * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        x = 0.4 * x + 0.3 * (ahead + back)
        step *= 2
    return x


def bristles(angle: Array, length: int, rng: np.random.Generator, width: float = 1.0) -> Array:
    """Streaky noise along ``angle`` with zero mean and unit standard deviation."""
    noise = blur(rng.standard_normal(angle.shape).astype(np.float32), 0.6 * width)
    out = streaks(noise, angle, length)
    return (out - out.mean()) / (out.std() + 1e-6)


def paper(shape: tuple[int, int], rng: np.random.Generator, grain: float = 1.5) -> Array:
    """Paper texture with zero mean and unit standard deviation."""
    x = blur(rng.standard_normal(shape).astype(np.float32), 0.5 * grain)
    x = x / x.std() + 0.5 * smooth_noise(shape, 4 * grain, rng)
    return x / x.std()


def relief(rgb: Array, height: Array, amount: float, angle: float = -2.2) -> Array:
    """Shade the picture with a height map lit from the side."""
    height = height.astype(np.float32)
    gx, gy = cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)
    shade = np.tanh((gx * np.cos(angle) + gy * np.sin(angle)) * 2.0) * amount
    return np.clip(rgb + shade[..., None], 0, 1)


def kuwahara(rgb: Array, radius: int) -> Array:
    """Edge-preserving smoothing: the mean of the window with the lowest variance of eight around each pixel."""
    tone = grey(rgb)
    size = radius + 1
    mean = cv2.blur(rgb, (size, size))
    m1 = cv2.blur(tone, (size, size))
    var = cv2.blur(tone * tone, (size, size)) - m1 * m1
    best, out = np.full(tone.shape, np.inf, np.float32), rgb.copy()
    r = radius // 2 + 1
    for dx, dy in ((r, r), (-r, r), (r, -r), (-r, -r), (r, 0), (-r, 0), (0, r), (0, -r)):
        matrix = np.float32([[1, 0, dx], [0, 1, dy]])
        h, w = tone.shape
        v = cv2.warpAffine(var, matrix, (w, h), borderMode=cv2.BORDER_REFLECT)
        c = cv2.warpAffine(mean, matrix, (w, h), borderMode=cv2.BORDER_REFLECT)
        take = v < best
        best[take], out[take] = v[take], c[take]
    return out


def quantise(rgb: Array, colours: int, rng: np.random.Generator) -> Array:
    """The picture reduced to ``colours`` colours (k-means in Lab)."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, dtype=np.float32), cv2.COLOR_RGB2LAB)
    flat = lab.reshape(-1, 3)
    sample = flat[rng.integers(0, len(flat), 1500)]
    cv2.setRNGSeed(int(rng.integers(1, 2**31 - 1)))
    _, _, centres = cv2.kmeans(sample, colours, None, (3, 12, 0.5), 1, cv2.KMEANS_PP_CENTERS)
    distance = ((flat[:, None] - centres[None]) ** 2).sum(-1)
    out = centres[distance.argmin(1)].reshape(lab.shape)
    return np.clip(cv2.cvtColor(out.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1)


def inks(rgb: Array, ink: float, paper: float) -> tuple[Array, Array]:
    """Ink and paper colour of a two-colour print: the darkest and lightest of the picture, with more contrast."""
    flat = rgb.reshape(-1, 3)
    order = np.argsort(flat.sum(1))
    n = len(order) // 12
    dark, light = flat[order[:n]].mean(0), flat[order[-n:]].mean(0)
    return dark * ink, light + (1 - light) * paper


def ink_lines(tone: Array, sigma: float, amount: float) -> Array:
    """Contours as darkness in [0, 1]: extended difference of Gaussians with a soft threshold."""
    dog = blur(tone, sigma) - 0.985 * blur(tone, sigma * 1.6)
    return np.clip(1 - (1 + np.tanh(np.minimum(dog * 100 * amount, 0) + 0.0)), 0, 1)


def pick(x: Array, points: Array) -> Array:
    """Values of ``x`` at integer (n, 2) points given as x, y."""
    h, w = x.shape[:2]
    return x[np.clip(points[:, 1], 0, h - 1), np.clip(points[:, 0], 0, w - 1)]


def scatter(shape: tuple[int, int], spacing: float, rng: np.random.Generator, jitter: float = 0.5) -> Array:
    """(n, 2) points (x, y) of a jittered grid in random order."""
    h, w = shape
    yy, xx = np.mgrid[-spacing / 2 : h + spacing : spacing, -spacing / 2 : w + spacing : spacing]
    points = np.stack([xx.ravel(), yy.ravel()], 1)
    points = points + rng.uniform(-jitter, jitter, points.shape) * spacing
    return points[rng.permutation(len(points))]


def thinned(points: Array, share: Array | None, rng: np.random.Generator) -> Array:
    """Points at which ``share`` (h, w) exceeds a uniform random number; all points if it is ``None``."""
    return points if share is None else points[rng.random(len(points)) < pick(share, points.astype(int))]


def cells(rgb: Array, spacing: float, jitter: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Voronoi cells of a jittered grid: (h, w) cell index, distance to the cell's border, (n, 3) mean colours."""
    h, w = rgb.shape[:2]
    points = scatter((h, w), spacing, rng, jitter)
    yy, xx = np.mgrid[0:h, 0:w]
    near, index = cKDTree(points).query(np.stack([xx.ravel(), yy.ravel()], 1), k=2)
    rim = (near[:, 1] - near[:, 0]).reshape(h, w).astype(np.float32)
    index = index[:, 0]
    count = np.bincount(index, minlength=len(points))[:, None] + 1e-6
    mean = np.stack([np.bincount(index, rgb[..., i].ravel(), len(points)) for i in range(3)], 1) / count
    return index.reshape(h, w), rim, mean


def circles(canvas: Array, centres: Array, radii: Array | float, colours: Array) -> None:
    """Draw filled circles with (n, c) colours in order, with 1/8 pixel precision; antialiased on a uint8 canvas."""
    line = cv2.LINE_AA if canvas.dtype == np.uint8 else cv2.LINE_8
    eighths = np.round(np.broadcast_to(radii, len(centres)) * 8).astype(int).tolist()
    for (x, y), r, c in zip(np.round(centres * 8).astype(int).tolist(), eighths, colours.tolist(), strict=True):
        cv2.circle(canvas, (x, y), r, c, -1, line, 3)


def threads(canvas: Array, lines: Array, thick: Array | int, colours: Array) -> None:
    """Draw lines (n, k, 2) with (n,) integer thickness and (n, c) colours in order; antialiased on a uint8 canvas."""
    line = cv2.LINE_AA if canvas.dtype == np.uint8 else cv2.LINE_8
    wide = np.broadcast_to(thick, len(lines)).tolist()
    for points, t, c in zip(np.round(lines * 8).astype(np.int32), wide, colours.tolist(), strict=True):
        cv2.polylines(canvas, [points], False, c, t, line, 3)


def polygons(canvas: Array, corners: Array, colours: Array) -> None:
    """Fill convex polygons (n, k, 2) with (n, c) colours in order."""
    for points, c in zip(np.round(corners).astype(np.int32), colours.tolist(), strict=True):
        cv2.fillConvexPoly(canvas, points, c)
