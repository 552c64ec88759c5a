"""The attributes of an avatar: named choices, proportions, pose and expression."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

Rng = np.random.Generator

CHOICES: dict[str, dict[str, float]] = {
    "figure": {"woman": 50, "man": 50},
    "age": {"young": 42, "adult": 38, "old": 20},
    "skin": {"pale": 16, "fair": 22, "olive": 17, "tan": 16, "brown": 16, "dark": 13},
    "face": {"oval": 28, "round": 22, "square": 18, "heart": 18, "long": 14},
    "cut": {
        "short": 15, "bowl": 9, "bob": 11, "long": 15, "curly": 11, "afro": 9, "mohawk": 9, "bun": 9, "ponytail": 9,
        "bald": 9,
    },
    "hair": {
        "black": 15, "brown": 16, "blond": 14, "ginger": 8, "grey": 5, "white": 3, "red": 8, "blue": 9, "green": 8,
        "pink": 8, "purple": 8,
    },
    "eyes": {"brown": 38, "blue": 24, "green": 22, "grey": 16},
    "nose": {"small": 28, "button": 26, "straight": 24, "broad": 22},
    "lips": {"natural": 66, "red": 22, "pink": 12},
    "beard": {"none": 48, "stubble": 10, "moustache": 14, "goatee": 12, "full": 16},
    "glasses": {"none": 64, "round": 13, "square": 13, "sunglasses": 10},
    "hat": {"none": 62, "cap": 10, "beanie": 10, "straw hat": 9, "crown": 9},
    "earrings": {"none": 72, "hoops": 14, "pearls": 14},
    "clothes": {"t-shirt": 24, "hoodie": 20, "suit": 18, "dress": 18, "striped shirt": 20},
    "cloth": {"red": 14, "orange": 12, "yellow": 12, "green": 14, "blue": 18, "purple": 12, "black": 10, "white": 8},
    "freckles": {"no": 82, "yes": 18},
    "blush": {"no": 70, "yes": 30},
    "background": {"sky": 1, "mint": 1, "peach": 1, "lilac": 1, "lemon": 1, "rose": 1, "sand": 1, "slate": 1},
    "mouth": {"smile": 28, "grin": 14, "neutral": 24, "open": 12, "sad": 12, "surprised": 10},
    "lids": {"open": 66, "half": 10, "closed": 12, "wide": 12},
    "brows": {"level": 46, "raised": 20, "frowning": 17, "worried": 17},
}  # fmt: skip
"""The values of every named attribute and their sampling weights, before figure and age modify them."""

PROPORTIONS = (
    "face_width", "face_length", "eye_size", "eye_gap", "eye_tilt", "nose_size", "mouth_width", "lip_fullness",
    "brow_height", "brow_weight", "volume", "parting",
)  # fmt: skip
POSE = ("gaze_x", "gaze_y", "shift_x", "shift_y", "zoom", "roll", "turn", "light")
EXPRESSION = ("mouth", "lids", "brows", *POSE)
"""Fields that are not part of the identity."""

MENS = {"long": 0.5, "bob": 0.4, "bun": 0.6, "ponytail": 0.6, "short": 1.4, "bald": 1.3, "mohawk": 1.2}
HIDDEN_BY_HATS = ("mohawk", "bun")


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """One avatar, except for fine details (strands, freckles) that `draw` samples.

    Args:
        figure ... brows: one of the values in `CHOICES` each.
        face_width ... parting: proportions in [-1, 1]; 0 is the average.
        gaze_x ... light: gaze, pose and light in [-1, 1].
    """

    figure: str = "woman"
    age: str = "adult"
    skin: str = "fair"
    face: str = "oval"
    cut: str = "short"
    hair: str = "brown"
    eyes: str = "brown"
    nose: str = "small"
    lips: str = "natural"
    beard: str = "none"
    glasses: str = "none"
    hat: str = "none"
    earrings: str = "none"
    clothes: str = "t-shirt"
    cloth: str = "blue"
    freckles: str = "no"
    blush: str = "no"
    background: str = "sky"
    mouth: str = "neutral"
    lids: str = "open"
    brows: str = "level"
    face_width: float = 0.0
    face_length: float = 0.0
    eye_size: float = 0.0
    eye_gap: float = 0.0
    eye_tilt: float = 0.0
    nose_size: float = 0.0
    mouth_width: float = 0.0
    lip_fullness: float = 0.0
    brow_height: float = 0.0
    brow_weight: float = 0.0
    volume: float = 0.0
    parting: float = 0.5
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    zoom: float = 0.0
    roll: float = 0.0
    turn: float = 0.0
    light: float = -0.5

    def __post_init__(self) -> None:
        for name, options in CHOICES.items():
            if getattr(self, name) not in options:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(options)}")
        for name in (*PROPORTIONS, *POSE):
            if not -1 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be in [-1, 1]")

    def identity(self) -> dict[str, Any]:
        """All fields except those of the expression."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in EXPRESSION}


def _choose(rng: Rng, weights: dict[str, float]) -> str:
    share = np.array(list(weights.values()), float)
    return list(weights)[int(rng.choice(len(share), p=share / share.sum()))]


def _expression(rng: Rng) -> dict[str, Any]:
    return (
        {name: _choose(rng, CHOICES[name]) for name in ("mouth", "lids", "brows")}
        | {name: round(float(rng.triangular(-1, 0, 1)), 3) for name in POSE if name != "light"}
        | {"light": round(float(rng.uniform(-1, 1)), 3)}
    )


def sample(rng: Rng) -> Attributes:
    """Sample an avatar. Attributes are independent, but hair depends on age, and beard, lips and cut on figure."""
    sampled = {name: _choose(rng, weights) for name, weights in CHOICES.items()}
    man = sampled["figure"] == "man"
    cuts = CHOICES["cut"]
    weights = {cut: weight * MENS.get(cut, 1.0) for cut, weight in cuts.items()}
    sampled["cut"] = _choose(rng, weights if man else {cut: 2 * weight - weights[cut] for cut, weight in cuts.items()})
    grey = _choose(rng, {"grey": 3, "white": 2})
    if rng.random() < 0.6 and sampled["age"] == "old":
        sampled["hair"] = grey
    plain = rng.random() < 0.92
    sampled["clothes"] = _choose(rng, CHOICES["clothes"] | {"dress": 4 if man else 32})
    sampled["lips"] = "natural" if man and plain else sampled["lips"]
    sampled["beard"] = sampled["beard"] if man else "none"
    if sampled["cut"] in HIDDEN_BY_HATS:
        sampled["hat"] = "none"
    proportions = {name: round(float(rng.triangular(-1, 0, 1)), 3) for name in PROPORTIONS}
    return Attributes(**(sampled | proportions | _expression(rng)))


def another_expression(attributes: Attributes, rng: Rng) -> Attributes:
    """The same avatar with newly sampled mouth, lids, brows, gaze, pose and light."""
    return replace(attributes, **_expression(rng))


def eyes_visible(attributes: Attributes) -> bool:
    return attributes.lids != "closed" and attributes.glasses != "sunglasses"


def labels(attributes: Attributes) -> dict[str, bool]:
    """True and false labels of the picture by name; hidden attributes (blue eyes that are closed) are false."""
    a = attributes
    has_hair = a.cut != "bald"
    table = {
        f"{colour} hair": has_hair and a.hair == colour for colour in CHOICES["hair"] if colour not in ("grey", "white")
    }
    return table | {
        "grey hair": has_hair and a.hair in ("grey", "white"),
        "dyed hair": has_hair and a.hair in ("red", "blue", "green", "pink", "purple"),
        "short hair": a.cut in ("short", "bowl"),
        "long hair": a.cut == "long",
        "curly hair": a.cut in ("curly", "afro"),
        "bald": not has_hair,
        **{cut: a.cut == cut for cut in ("bowl", "bob", "afro", "mohawk", "bun", "ponytail")},
        "glasses": a.glasses != "none",
        "sunglasses": a.glasses == "sunglasses",
        "beard": a.beard in ("goatee", "full"),
        "moustache": a.beard in ("moustache", "full"),
        "hat": a.hat != "none",
        **{hat: a.hat == hat for hat in CHOICES["hat"] if hat != "none"},
        "earrings": a.earrings != "none",
        "smile": a.mouth in ("smile", "grin"),
        "open mouth": a.mouth in ("grin", "open", "surprised"),
        "sad": a.mouth == "sad",
        "closed eyes": a.lids == "closed" and a.glasses != "sunglasses",
        "wide eyes": a.lids == "wide" and a.glasses != "sunglasses",
        **{f"{colour} eyes": a.eyes == colour and eyes_visible(a) for colour in CHOICES["eyes"]},
        "frown": a.brows == "frowning",
        "red lips": a.lips == "red",
        "freckles": a.freckles == "yes",
        "blush": a.blush == "yes",
        "old": a.age == "old",
        "young": a.age == "young",
        "woman": a.figure == "woman",
        "pale skin": a.skin == "pale",
        "dark skin": a.skin in ("brown", "dark"),
        **{garment: a.clothes == garment for garment in CHOICES["clothes"]},
    }
