"""Stylize pairs with the toolkit and with its controls, and measure the distances to painting and photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.common.pairs import Pair, another_crop, read_painting
from benchmarks.common.style_transfer import StyleTransfer
from benchmarks.quality.scores import (
    CONTENT_SCORES,
    ContentFeatures,
    Scores,
    StyleFeatures,
    content_features,
    is_retrieved,
    score,
    style_features,
)
from inst.colour import transfer_mean_covariance
from inst.image import grid
from inst.shapes import Image
from miniature.common.example_pictures import read_photo

SUBJECTS = ("a flower", "a house", "a landscape", "a fish")
STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PHOTO_CANDIDATES, PAINTING_CANDIDATES = 20, 10
PAINTING_SCORES = ("strokes", "CLIP")
"""Distances by which the painting is retrieved among the candidates."""
SHEET_ROWS = 10
References = Callable[[Pair], dict[str, Image]]
"""Renderings of a pair that count as correct, for pairs where such renderings exist."""
SHEET_METHODS = (
    "inst",
    "without transport",
    "without [C]",
    "without inversion",
    "textual inversion",
    "plain img2img",
    "colour transfer",
)


class Evaluation:
    """Measures pairs; features of photos and paintings are cached because many results are compared with them."""

    def __init__(
        self, transfer: StyleTransfer, pairs: Sequence[Pair], *, direct: bool, references: References | None = None
    ) -> None:
        self.transfer = transfer
        self.references = references
        self.clip = transfer.session.clip
        self.photos = list(dict.fromkeys(pair.photo for pair in pairs))
        self.paintings = list(dict.fromkeys(pair.painting for pair in pairs))
        self.direct = direct
        # The style features of one painting take 50 MB.
        self.style: Callable[[Path], StyleFeatures] = lru_cache(PAINTING_CANDIDATES + 2)(self._style)
        self.content: Callable[[Path], ContentFeatures] = lru_cache(None)(self._content)

    def photo(self, path: Path) -> Image:
        """A photo at the size at which it is stylized."""
        return read_photo(path, self.transfer.photo_size)

    def _style(self, path: Path) -> StyleFeatures:
        return style_features(read_painting(path).image, self.clip)

    def _content(self, path: Path) -> ContentFeatures:
        return content_features(self.photo(path), self.clip)

    def pictures(self, pair: Pair) -> dict[str, Image]:
        """The images to be compared, by method."""
        photo, painting = self.photo(pair.photo), read_painting(pair.painting)
        token = self.transfer.learn(painting)
        pictures = {"inst": self.transfer.stylize(photo, token)}
        # A model whose default has no patch transport has no variants without it.
        transports = self.transfer.session.defaults.transport > 0
        if transports:
            pictures["without transport"] = self.transfer.stylize(photo, token, transport=0.0)
            pictures["without [C]"] = self.transfer.stylize_with_patches(photo, token)
        pictures |= {
            "without inversion": self.transfer.stylize(photo, token, inversion=False),
            "plain img2img": self.transfer.stylize(photo, None, inversion=False),
            "colour transfer": transfer_mean_covariance(photo, painting.image),
            "unchanged photo": photo,
            "crop of the painting": another_crop(painting.image),
        }
        if self.direct:
            direct = self.transfer.learn(painting, "direct")
            pictures["textual inversion"] = self.transfer.stylize(photo, direct)
            if transports:
                pictures["textual inversion without transport"] = self.transfer.stylize(photo, direct, transport=0.0)
        return pictures | (self.references(pair) if self.references else {})

    def measure(self, pairs: Sequence[Pair]) -> tuple[list[dict[str, Any]], Image]:
        """One row of results for each pair, and a contact sheet of the first pairs."""
        rows: list[dict[str, Any]] = []
        sheet, methods = [], []
        for pair in pairs:
            pictures = self.pictures(pair)
            rows.append(self.row(pair, pictures))
            methods = [name for name in SHEET_METHODS if name in pictures]
            if len(sheet) < SHEET_ROWS:
                painting = read_painting(pair.painting).image
                sheet.append([pictures["unchanged photo"], painting, *(pictures[name] for name in methods)])
            distances = ", ".join(f"{name} {value:.4f}" for name, value in rows[-1]["scores"]["inst"].items())
            print(f"{pair.index + 1}/{len(pairs)} {pair.photo.name} {pair.painting.name}: {distances}", flush=True)
        return rows, grid(sheet, ["photo", "painting", *methods])

    def row(self, pair: Pair, pictures: dict[str, Image]) -> dict[str, Any]:
        """Distances of all methods, and whether each retrieves its photo and its painting among candidates."""
        paintings = _other_candidates(self.paintings, pair.painting, PAINTING_CANDIDATES)
        photos = _other_candidates(self.photos, pair.photo, PHOTO_CANDIDATES)
        scores: dict[str, Scores] = {}
        retrieved: dict[str, dict[str, bool]] = {}
        for method, image in pictures.items():
            style, content = style_features(image, self.clip), content_features(image, self.clip)
            own = style.distances(self.style(pair.painting)) | content.distances(self.content(pair.photo))
            to_paintings = [style.distances(self.style(other)) for other in paintings]
            to_photos = [content.distances(self.content(other)) for other in photos]
            scores[method] = own
            retrieved[method] = {
                name: is_retrieved(own[name], [other[name] for other in to_paintings]) for name in PAINTING_SCORES
            } | {name: is_retrieved(own[name], [other[name] for other in to_photos]) for name in CONTENT_SCORES}
        return {
            "photo": pair.photo.name,
            "painting": pair.painting.name,
            "scores": scores,
            "retrieved": retrieved,
            "candidates": {"painting": len(paintings) + 1, "photo": len(photos) + 1},
        }

    def sweep(self, pairs: Sequence[Pair]) -> dict[str, list[Scores]]:
        """Distances of every pair, by strength."""
        scores: dict[str, list[Scores]] = {str(strength): [] for strength in STRENGTHS}
        for pair in tqdm(pairs, desc="strengths"):
            photo, token = self.photo(pair.photo), self.transfer.learn(read_painting(pair.painting))
            for strength in STRENGTHS:
                result = self.transfer.stylize(photo, token, strength=strength)
                scores[str(strength)].append(
                    score(result, self.style(pair.painting), self.content(pair.photo), self.clip)
                )
        return scores

    def texts(self, count: int) -> dict[str, list[Scores]]:
        """Text to image with the first ``count`` paintings' styles: CLIP distances to the subject and the painting."""
        methods = ("attention", "direct") if self.direct else ("attention",)
        scores: dict[str, list[Scores]] = {method: [] for method in methods}
        for path in self.paintings[:count]:
            for method in methods:
                token = self.transfer.learn(read_painting(path), method)
                scores[method] += [self._text(path, subject, token) for subject in SUBJECTS]
        return scores

    def _text(self, path: Path, subject: str, token: Any) -> Scores:
        picture = self.transfer.generate(f"{subject} in the style of [C]", token)
        to_painting = style_features(picture, self.clip).distances(self.style(path))["CLIP"]
        return {"text": self.transfer.text_distance(subject, picture), "painting": to_painting}


def _other_candidates(paths: Sequence[Path], own: Path, count: int) -> list[Path]:
    """The ``count - 1`` paths that follow ``own`` cyclically."""
    at = paths.index(own)
    return [*paths[at + 1 :], *paths[:at]][: count - 1]
