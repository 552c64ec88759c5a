"""Avatars: reproducible drawings, correct landmarks, captions and labels that match the image."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from miniature.avatars import (  # noqa: E402
    CHOICES,
    EXPRESSION,
    Attributes,
    another_expression,
    caption,
    draw,
    labels,
    landmarks,
    sample,
    short_caption,
)
from miniature.avatars.data import writer  # noqa: E402

PLAIN = Attributes(figure="man", cut="bald")


def sampled(count: int, seed: int = 0) -> list[Attributes]:
    rng = np.random.default_rng(seed)
    return [sample(rng) for _ in range(count)]


def hue(picture: np.ndarray) -> np.ndarray:
    """Hue in degrees; greyish pixels have -1."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    return np.where(hsv[..., 1] > 0.3, hsv[..., 0], -1)


def at(picture: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The colour around a landmark."""
    x, y = np.round(point).astype(int)
    return picture[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1))


@pytest.mark.parametrize("size", [64, 100, 256])
def test_an_avatar_is_reproducible_from_its_seed(size: int) -> None:
    attributes = sampled(1)[0]
    one, two, other = (draw(attributes, seed, size)[0] for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.shape == (size, size, 3)
    assert one.dtype == np.float32
    assert 0 <= one.min() < one.max() <= 1


def test_a_generator_is_accepted_instead_of_a_seed() -> None:
    one, two = (draw(PLAIN, np.random.default_rng(7))[0] for _ in range(2))
    assert np.array_equal(one, two)


def test_it_is_the_same_avatar_at_every_size() -> None:
    for index, attributes in enumerate(sampled(6)):
        small, large = draw(attributes, index, 64), draw(attributes, index, 128)
        shrunk = cv2.resize(large[0], (64, 64), interpolation=cv2.INTER_AREA)
        assert np.abs(shrunk - small[0]).mean() < 0.02
        np.testing.assert_allclose((large[1] + 0.5) / 2 - 0.5, small[1], atol=1e-3)


@pytest.mark.parametrize("field", CHOICES)
def test_every_choice_is_drawn_and_changes_the_picture(field: str) -> None:
    base = replace(PLAIN, cut="ponytail")
    pictures = [draw(replace(base, **{field: value}), 1)[0] for value in CHOICES[field]]
    for index, picture in enumerate(pictures):
        assert all(np.abs(picture - other).max() > 0.04 for other in pictures[:index])


def test_changing_one_attribute_changes_nothing_else() -> None:
    one, two = (draw(replace(PLAIN, cut="long", glasses=kind), 5)[0] for kind in ("none", "round"))
    changed = np.abs(one - two).max(-1) > 0.004
    assert changed[20:42].any()
    assert not changed[:18].any()
    assert not changed[44:].any()


@pytest.mark.parametrize("wrong", [{"hair": "plaid"}, {"roll": 1.5}])
def test_invalid_attributes_are_rejected(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Attributes(**wrong)


def test_an_invalid_size_is_rejected() -> None:
    with pytest.raises(ValueError, match="64 to 256"):
        draw(PLAIN, 0, 512)


def test_landmarks_are_in_order_and_inside() -> None:
    for attributes in sampled(200):
        points = landmarks(attributes, 64)
        assert points.shape == (68, 2)
        assert points.min() > 0
        assert points.max() < 63
        upright = landmarks(replace(attributes, roll=0.0), 64)
        x, y = upright.T
        assert np.all(np.diff(x[4:13]) > 0)  # the chin, from left to right
        assert y[:17].argmax() == 8
        for line in (x[17:22], x[22:27], x[31:36], x[48:55], x[60:65], y[27:31]):
            assert np.all(np.diff(line) > 0)
        for first in (36, 42):
            assert x[first] < x[first + 1] < x[first + 2] < x[first + 3]
            assert x[first + 5] < x[first + 4]
            assert y[first + 1] <= y[first + 5]
        assert max(y[19], y[24]) < y[36:48].min()
        assert y[36:48].max() < y[30] < y[33] < y[48:68].min()
        assert np.all(y[[49, 50, 51, 52, 53]] <= y[[59, 58, 57, 56, 55]])
        assert np.all(y[61:64] <= y[[67, 66, 65]] + 1e-4)


def test_an_upright_face_is_aligned_as_ffhq_is() -> None:
    """The square that FFHQ's alignment computes from eyes and mouth is the image itself."""
    points = landmarks(PLAIN, 256) + 0.5
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    eyes, mouth = (left + right) / 2, points[[48, 54]].mean(0)
    across = right - left - np.array([-1, 1]) * (mouth - eyes)[::-1]
    reach = max(np.hypot(*(right - left)) * 2.0, np.hypot(*(mouth - eyes)) * 1.8)
    assert abs(across[1] / across[0]) < 0.02
    assert abs(reach - 128) < 6
    np.testing.assert_allclose(eyes + (mouth - eyes) * 0.1, 128, atol=5)


def test_landmarks_follow_the_pose() -> None:
    straight, held = landmarks(PLAIN, 64), landmarks(replace(PLAIN, roll=1.0, zoom=1.0, shift_x=1.0), 64)
    slope = held[45] - held[36]
    assert 3 < np.degrees(np.arctan2(slope[1], slope[0])) < 7
    assert np.linalg.norm(slope) > np.linalg.norm(straight[45] - straight[36])


def test_eyes_and_mouth_are_drawn_at_their_landmarks() -> None:
    rng = np.random.default_rng(0)
    for _ in range(12):
        face = replace(another_expression(PLAIN, rng), lids="open", mouth="open", gaze_x=0.0, gaze_y=0.0, skin="pale")
        picture, points = draw(face, 1, 128)
        for first in (36, 42):
            middle = points[first : first + 6].mean(0)
            assert at(picture, middle).max() < 0.45  # the pupil
        assert at(picture, points[[62, 66]].mean(0)).sum() < at(picture, points[30]).sum() - 0.6  # the open mouth
        shut, _ = draw(replace(face, mouth="neutral"), 1, 128)
        assert at(shut, points[[62, 66]].mean(0)).sum() > at(picture, points[[62, 66]].mean(0)).sum()


@pytest.mark.parametrize("cut", [cut for cut in CHOICES["cut"] if cut != "bald"])
@pytest.mark.parametrize("colour, low, high", [("blue", 200, 240), ("green", 120, 165), ("purple", 250, 285)])
def test_hair_has_its_colour(cut: str, colour: str, low: int, high: int) -> None:
    def share(hair: str) -> float:
        hues = hue(draw(replace(PLAIN, cut=cut, hair=hair, background="sand", cloth="red"), 1)[0])
        return float(((hues > low) & (hues < high)).mean())

    assert share(colour) > share("brown") + 0.03


def test_labelled_attributes_are_visible() -> None:
    base, points = replace(PLAIN, skin="fair"), landmarks(PLAIN, 64)
    eye, mouth, chin = points[36:42].mean(0), points[[51, 57]].mean(0), points[8] - [0, 3]

    def colour_at(where: np.ndarray, **changes: str) -> np.ndarray:
        return at(draw(replace(base, **changes), 1)[0], where)

    assert colour_at(eye, glasses="sunglasses").max() < 0.5
    assert colour_at(eye, lids="closed").sum() > colour_at(eye).sum() + 0.3
    red, plain = colour_at(mouth, lips="red"), colour_at(mouth)
    assert red[0] - red[1] > plain[0] - plain[1] + 0.1
    assert colour_at(chin, beard="full", hair="black").sum() < colour_at(chin).sum() - 0.8
    assert colour_at(points[27] - [0, 15], hat="cap").sum() != pytest.approx(
        colour_at(points[27] - [0, 15]).sum(), abs=0.1
    )


def test_every_label_occurs_often_enough() -> None:
    rows = [labels(attributes) for attributes in sampled(2000)]
    assert len(rows[0]) >= 16
    for name in rows[0]:
        assert 0.03 < np.mean([row[name] for row in rows]) < 0.97, name


WORDS = {
    "sunglasses": "sunglasses", "glasses": "glasses", "beard": "beard", "goatee": "beard", "earrings": "earrings",
    "cap": "cap", "beanie": "beanie", "straw hat": "straw hat", "crown": "crown", "freckles": "freckles",
    "old": "old", "elderly": "old", "wrinkles": "old", "young": "young", "bald": "bald", "no hair": "bald",
    "mohawk": "mohawk", "afro": "afro", "bun": "bun", "ponytail": "ponytail", "bob": "bob", "bowl cut": "bowl",
    "curly": "curly hair", "curls": "curly hair", "smile": "smile", "smiling": "smile", "grin": "smile",
    "laughing": "smile", "sad": "sad", "frown": "frown", "open mouth": "open mouth", "surprised": "open mouth",
    "closed eyes": "closed eyes", "eyes shut": "closed eyes", "wide open": "wide eyes", "red lips": "red lips",
    "red lipstick": "red lips", "blue eyes": "blue eyes", "green eyes": "green eyes", "rosy cheeks": "blush",
    "woman": "woman", "suit": "suit", "hoodie": "hoodie", "dress": "dress", "t-shirt": "t-shirt",
    "pale skin": "pale skin", "dark skin": "dark skin", "blue hair": "blue hair", "pink hair": "pink hair",
    "black hair": "black hair", "long blond hair": "blond hair", "grey hair": "grey hair", "gray hair": "grey hair",
}  # fmt: skip
"""Phrases of captions, and the label that has to be true for each."""


def test_captions_never_contradict_labels() -> None:
    rng = np.random.default_rng(0)
    used = set()
    for attributes in sampled(1500):
        text, metadata = caption(attributes, rng), labels(attributes)
        words = f" {text.replace(',', '')} "
        for word, label in WORDS.items():
            if f" {word} " in words:
                used.add(word)
                assert metadata[label], (text, label)
    assert used == set(WORDS)


def test_short_captions_negate_only_absent_things() -> None:
    rng = np.random.default_rng(0)
    used, denied, texts = set(), set(), []
    for attributes in sampled(1500):
        text, metadata = short_caption(attributes, rng), labels(attributes)
        texts.append(text)
        for word in re.findall(r"\b(?:without|no) (?:a )?(\w+)", text):
            denied.add(word)
            assert attributes.cut == "bald" if word == "hair" else not metadata[word], text
        words = f" {re.sub(r'(without|no) (a )?[a-z]+', '', text).replace(',', '').replace('.', '')} "
        for word, label in WORDS.items():
            if f" {word} " in words:
                used.add(word)
                assert metadata[label], (text, label)
    assert denied == {"glasses", "hat", "beard", "earrings", "freckles", "hair"}
    assert len(used) > 0.8 * len(WORDS)
    assert 5 < sum(text in ("a face", "face") for text in texts) < 150
    assert np.median([len(text.split()) for text in texts]) <= 6
    assert not any("  " in text or "{" in text for text in texts)


def test_captions_vary_and_read_well() -> None:
    rng = np.random.default_rng(0)
    attributes = sampled(1)[0]
    texts = {caption(attributes, rng) for _ in range(50)}
    assert len(texts) > 40
    for text in texts | {caption(other, rng) for other in sampled(300)}:
        assert text.split()[0] in ("a", "an")
        assert "  " not in text and "{" not in text and " a o" not in text
        assert text.isascii() and text == text.lower()


def test_another_expression_is_the_same_face() -> None:
    rng = np.random.default_rng(0)
    for attributes in sampled(50):
        other = another_expression(attributes, rng)
        assert other.identity() == attributes.identity()
        assert other != attributes
        assert not attributes.identity().keys() & set(EXPRESSION)


def test_interrupted_writing_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    writer.write_avatars(whole, 7, shard=3, seed=5)

    drawn, avatar = [], writer.draw_avatar

    def failing(seed: int, index: int, size: int) -> tuple:
        if index == 4 and not drawn.count(4):
            drawn.append(4)
            raise KeyboardInterrupt
        drawn.append(index)
        return avatar(seed, index, size)

    monkeypatch.setattr(writer, "draw_avatar", failing)
    with pytest.raises(KeyboardInterrupt):
        writer.write_avatars(stopped, 7, shard=3, seed=5)
    assert not (stopped / "avatars.json").exists()
    writer.write_avatars(stopped, 7, shard=3, seed=5)
    assert drawn.count(0) == 1  # the first shard was kept
    for name in ("avatars.npy", "avatars.json"):
        assert (whole / name).read_bytes() == (stopped / name).read_bytes()

    pixels, rows = np.load(whole / "avatars.npy", mmap_mode="r"), json.loads((whole / "avatars.json").read_text())
    assert pixels.shape == (7, 64, 64, 3)
    assert pixels.dtype == np.uint8
    assert [row["row"] for row in rows] == list(range(7))
    face = Attributes(**rows[6]["attributes"])
    assert rows[6]["labels"] == [name for name, true in labels(face).items() if true]
    np.testing.assert_allclose(rows[6]["landmarks"], landmarks(face, 64), atol=0.01)
    assert not (whole / "avatars.parts").exists()


def test_workers_and_count_change_no_pixel(tmp_path: Path) -> None:
    for workers, count in ((1, 3), (2, 6)):
        writer.write_avatars(tmp_path / str(workers), count, shard=2, workers=workers)
    one, two = (np.load(tmp_path / f"{workers}/avatars.npy") for workers in (1, 2))
    assert np.array_equal(one, two[:3])
    assert len(np.unique(two.reshape(6, -1), axis=0)) == 6


def test_a_folder_of_other_avatars_is_not_overwritten(tmp_path: Path) -> None:
    writer.write_avatars(tmp_path, 2)
    with pytest.raises(SystemExit, match="another --state"):
        writer.write_avatars(tmp_path, 3)
