"""Palettes: extracted from paintings and applied to photos. Pictures are float32 RGB in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

Array = np.ndarray


def to_lab(rgb: Array) -> Array:
    """(h, w, 3) RGB in [0, 1] to CIE Lab with L in [0, 100]."""
    return cv2.cvtColor(np.ascontiguousarray(rgb, dtype=np.float32), cv2.COLOR_RGB2LAB)


def to_rgb(lab: Array) -> Array:
    return np.clip(cv2.cvtColor(np.ascontiguousarray(lab, dtype=np.float32), cv2.COLOR_LAB2RGB), 0, 1)


def _root(matrix: Array, power: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 1e-2) ** power) @ vectors.T


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The palette of a style variant.

    Args:
        kind: ``keep`` (the photo's own colours), ``cov`` (transfer of mean and covariance in Lab) or ``ramp`` (tone to
            colour).
        mean, cov: (3,) and (3, 3) in Lab.
        ramp: (k, 3) Lab colours from dark to light.
        amount: interpolation between the photo's colours (0) and the palette (1).
    """

    kind: str = "keep"
    mean: list[float] = field(default_factory=lambda: [60.0, 0.0, 0.0])
    cov: list[list[float]] = field(default_factory=lambda: np.diag([400.0, 80.0, 80.0]).tolist())
    ramp: list[list[float]] = field(default_factory=list)
    amount: float = 1.0

    def apply(self, rgb: Array) -> Array:
        """The picture with this palette."""
        if self.kind == "keep":
            return rgb
        lab = to_lab(rgb)
        new = self._ramp(lab) if self.kind == "ramp" else self._transfer(lab)
        return to_rgb(lab + self.amount * (new - lab))

    def _transfer(self, lab: Array) -> Array:
        """The optimal linear map between the two Gaussians (Pitié and Kokaram, 2007)."""
        flat = lab.reshape(-1, 3)
        own = np.cov(flat.T) + np.eye(3)
        half, inverse = _root(own, 0.5), _root(own, -0.5)
        matrix = inverse @ _root(half @ np.array(self.cov) @ half, 0.5) @ inverse
        moved = (flat - flat.mean(0)) @ matrix.T.astype(np.float32) + np.array(self.mean, dtype=np.float32)
        return moved.reshape(lab.shape).astype(np.float32)

    def _ramp(self, lab: Array) -> Array:
        """Map the tone, stretched to the picture's range, to the ramp; part of the photo's chroma is kept."""
        low, high = np.percentile(lab[..., 0], (2, 98))
        tone = np.clip((lab[..., 0] - low) / max(high - low, 5.0), 0, 1)
        stops = np.linspace(0, 1, len(self.ramp))
        table = np.array(self.ramp, dtype=np.float32)
        out = np.stack([np.interp(tone, stops, table[:, i]) for i in range(3)], -1).astype(np.float32)
        out[..., 1:] += 0.25 * lab[..., 1:]
        return out

    def swatches(self, count: int = 4) -> Array:
        """(count, 3) RGB colours that represent the palette, dark to light."""
        if self.kind == "ramp":
            stops = np.linspace(0, 1, len(self.ramp))
            table = np.array(self.ramp)
            lab = np.stack([np.interp(np.linspace(0, 1, count), stops, table[:, i]) for i in range(3)], -1)
        else:
            values, vectors = np.linalg.eigh(np.array(self.cov))
            axis = vectors[:, -1] * np.sqrt(values[-1]) * (1 if vectors[0, -1] >= 0 else -1)
            lab = np.array(self.mean) + np.linspace(-1.3, 1.3, count)[:, None] * axis
        return to_rgb(lab[None].astype(np.float32))[0]


def palette_of(rgb: Array, rng: np.random.Generator, kind: str) -> Palette:
    """The palette of a painting with random changes of hue and chroma, so that no two variants have the same one."""
    lab = to_lab(rgb).reshape(-1, 3).astype(np.float64)
    angle = rng.normal(0, 0.25) if rng.random() < 0.6 else rng.uniform(-np.pi, np.pi)
    chroma = rng.uniform(0.9, 1.9)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    lab = lab @ turn.T * np.array([1, chroma, chroma])
    lab[:, 0] = (
        50 + (lab[:, 0] - lab[:, 0].mean()) * rng.uniform(0.9, 1.4) + (lab[:, 0].mean() - 50) * 0.8 + rng.normal(0, 7)
    )
    order = lab[np.argsort(lab[:, 0])]
    ramp = [chunk.mean(0).tolist() for chunk in np.array_split(order, 6)]
    return Palette(
        kind=kind,
        mean=lab.mean(0).tolist(),
        cov=np.cov(lab.T).tolist(),
        ramp=ramp,
        amount=float(rng.uniform(0.75, 1.0)),
    )


HUES = ("red", "orange", "golden", "green", "teal", "blue", "violet", "pink")


def colour_words(rgb: Array) -> str:
    """Two or three words that describe the colours of a picture, such as "dark muted blue"."""
    lab = to_lab(rgb).reshape(-1, 3)
    light, a, b = lab.mean(0)
    chroma = float(np.hypot(lab[:, 1], lab[:, 2]).mean())
    words = ["dark"] if light < 38 else ["pale"] if light > 70 else []
    if chroma < 9:
        return " ".join([*words, "grey"])
    hue = np.degrees(np.arctan2(b, a)) % 360
    edges = (
        (35, "red"),
        (65, "orange"),
        (105, "golden"),
        (165, "green"),
        (220, "teal"),
        (290, "blue"),
        (330, "violet"),
    )
    name = next((word for edge, word in edges if hue < edge), "pink")
    words.append("vivid" if chroma > 32 else "muted" if chroma < 18 else "warm" if b > 5 else "cool")
    return " ".join([*words, name])


def as_dict(palette: Palette) -> dict[str, Any]:
    return {k: getattr(palette, k) for k in ("kind", "mean", "cov", "ramp", "amount")}
