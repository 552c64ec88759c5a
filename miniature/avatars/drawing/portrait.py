"""Drawing of one avatar, from back to front."""

from __future__ import annotations

import math

import cv2
import numpy as np

from miniature.avatars.data.attributes import Attributes, Rng
from miniature.avatars.drawing import accessories, clothes, features, hats, skin
from miniature.avatars.drawing.anatomy import Anatomy
from miniature.avatars.drawing.canvas import Canvas
from miniature.avatars.drawing.colours import BACKGROUNDS, SKINS, WHITE, hair_table, mix
from miniature.avatars.drawing.hair import beards, cuts
from miniature.avatars.drawing.hair.head import Head
from miniature.painting.shapes import Array, rgb

SIZES = (64, 256)
CENTRE = np.array([0.5, 0.56])


def pose(a: Attributes, *, roll: bool = True) -> Array:
    """The (2, 3) affine map of the upright face to the pose given by the attributes."""
    angle = math.radians(5.0 * a.roll) if roll else 0.0
    scale = 1 + 0.035 * a.zoom
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = CENTRE + np.array([0.018 * a.shift_x, 0.014 * a.shift_y])
    return np.concatenate([turn, (middle - turn @ CENTRE)[:, None]], 1)


def landmarks(attributes: Attributes, size: int) -> Array:
    """The 68 landmarks in iBUG's order, (68, 2) x and y in pixels; the centre of the first pixel is at 0."""
    affine = pose(attributes)
    return ((Anatomy.of(attributes).landmarks() @ affine[:, :2].T + affine[:, 2]) * size - 0.5).astype(np.float32)


def draw(attributes: Attributes, rng: Rng | int, size: int = 64) -> tuple[Array, Array]:
    """An avatar, (size, size, 3) float32 RGB in [0, 1], and its `landmarks`.

    ``rng`` (or a seed) determines strands, curls and freckles. Each part has its own generator derived from it, so two
    avatars drawn with the same seed differ only where their attributes do.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise ValueError(f"size is {size}; avatars can be drawn at {SIZES[0]} to {SIZES[1]} pixels")
    seed = int(rng if isinstance(rng, int | np.integer) else rng.integers(2**62))
    canvas = Canvas(size * max(2, math.ceil(192 / size)))
    _paint(canvas, attributes, seed)
    picture = cv2.resize(canvas.image, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(picture, 0, 1), landmarks(attributes, size)


def _paint(canvas: Canvas, a: Attributes, seed: int) -> None:
    def part_rng(part: int) -> Rng:
        return np.random.default_rng([seed, part])

    body, tones, table = Anatomy.of(a), SKINS[a.skin], hair_table(a.hair)
    _background(canvas, a)
    canvas.pose = pose(a)
    clip = hats.below_hat(canvas, a)
    if a.cut in cuts.BEHIND:
        cuts.BEHIND[a.cut](Head.of(canvas, body, a, part_rng(0), clip))
    canvas.pose = pose(a, roll=False)
    clothes.behind(canvas, a)
    skin.neck(canvas, body, tones, a.figure)
    clothes.clothes(canvas, tones, a)
    canvas.pose = pose(a)
    skin.ears(canvas, body, tones)
    face = skin.head(canvas, body, tones, a)
    skin.marks(canvas, body, tones, a, face, part_rng(1))
    features.eyes(canvas, body, tones, a)
    skin.nose(canvas, body, tones, a)
    beards.beard(canvas, body, a, table, part_rng(2), face)
    features.mouth(canvas, body, tones, a)
    beards.moustache(canvas, body, a, table, part_rng(3))
    features.brows(canvas, body, a, part_rng(4))
    accessories.temples(canvas, body, a)
    if a.cut in cuts.OVER:
        cuts.OVER[a.cut](Head.of(canvas, body, a, part_rng(5), clip, face))
    accessories.glasses(canvas, body, a)
    accessories.earrings(canvas, body, a)
    hats.hat(canvas, body, a)


def _background(canvas: Canvas, a: Attributes) -> None:
    """A soft gradient that is lightest in the direction of the light."""
    near, far = (rgb(code) for code in BACKGROUNDS[a.background])
    steps = np.linspace(0, 1, 48, dtype=np.float32)
    away = np.hypot(steps[None] - (0.5 + 0.4 * a.light), steps[:, None] - 0.2)
    ground = mix(near, WHITE, 0.15) + np.clip(away / 0.95, 0, 1)[..., None] * (far - near)
    canvas.image[:] = cv2.resize(ground, (canvas.pixels, canvas.pixels), interpolation=cv2.INTER_LINEAR)
