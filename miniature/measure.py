"""Three quick measures to steer the training by; the toolkit has the ones that are reported."""

from __future__ import annotations

import cv2
import numpy as np

Array = np.ndarray


def _patches(image: Array, size: int, count: int, rng: np.random.Generator) -> Array:
    h, w = image.shape[:2]
    ys, xs = rng.integers(0, h - size + 1, count), rng.integers(0, w - size + 1, count)
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    return windows[ys, xs].reshape(count, -1)


def sliced_wasserstein(a: Array, b: Array, size: int, *, center: bool, count: int = 2048, slices: int = 256) -> float:
    """Mean distance of sorted projections of patches, over the scales 1, 1/2 and 1/4; float32 pictures in [0, 1]."""
    rng, total = np.random.default_rng(0), 0.0
    for scale in (1.0, 0.5, 0.25):
        small = [cv2.resize(x, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for x in (a, b)]
        one, two = (_patches(x, size, count, np.random.default_rng(1)) for x in small)
        if center:
            one, two = one - one.mean(1, keepdims=True), two - two.mean(1, keepdims=True)
        axes = rng.standard_normal((one.shape[1], slices)).astype(np.float32)
        axes /= np.linalg.norm(axes, axis=0)
        total += float(np.abs(np.sort(one @ axes, 0) - np.sort(two @ axes, 0)).mean())
    return total / 3


def colour_distance(a: Array, b: Array) -> float:
    """7×7 RGB patches of two uint8 pictures."""
    return sliced_wasserstein(a.astype(np.float32) / 255, b.astype(np.float32) / 255, 7, center=False)


def stroke_distance(a: Array, b: Array) -> float:
    """5×5 patches of histogram-equalised luminance, means removed: blind to colour and contrast."""
    one, two = (cv2.equalizeHist(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)).astype(np.float32) / 255 for x in (a, b))
    return sliced_wasserstein(one, two, 5, center=True)


def structure_distance(a: Array, b: Array) -> float:
    """1 − mean correlation of gradient-magnitude maps at 64 and 128 px."""
    total = 0.0
    for size in (64, 128):
        maps = []
        for x in (a, b):
            grey = cv2.cvtColor(cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(
                np.float32
            )
            maps.append(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)).ravel())
        total += float(np.corrcoef(*maps)[0, 1])
    return 1 - total / 2
