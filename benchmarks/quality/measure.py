"""Pictures made by the product and by its controls, and their distances to painting and photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.common.pairs import Pair, another_crop, read_painting
from benchmarks.common.style_transfer import Stylist
from benchmarks.quality.scores import CONTENT_SCORES, Layout, Manner, Scores, is_named, layout_of, manner_of, score
from inst.colour import transfer_mean_covariance
from inst.image import grid
from inst.shapes import Image
from miniature.common.example_pictures import read_photo

SUBJECTS = ("a flower", "a house", "a landscape", "a fish")
STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NAME_PHOTO_AMONG, NAME_PAINTING_AMONG = 20, 10
PAINTING_NAMED_BY = ("strokes", "CLIP")
SHEET_ROWS = 10
Known = Callable[[Pair], dict[str, Image]]
"""Of a pair, the pictures that would be right, where they are known."""
SHEET_METHODS = (
    "inst",
    "[C] alone",
    "transport alone",
    "no inversion",
    "direct inversion",
    "plain img2img",
    "colour transfer",
)


class Measurer:
    """Pictures made and measured; features of photos and paintings are kept, since many results meet them."""

    def __init__(self, stylist: Stylist, pairs: Sequence[Pair], *, direct: bool, known: Known | None = None) -> None:
        self.stylist = stylist
        self.known = known
        self.clip = stylist.session.clip
        self.photos = list(dict.fromkeys(pair.photo for pair in pairs))
        self.paintings = list(dict.fromkeys(pair.painting for pair in pairs))
        self.direct = direct
        # a manner takes 50 MB
        self.manner: Callable[[Path], Manner] = lru_cache(NAME_PAINTING_AMONG + 2)(self._manner)
        self.layout: Callable[[Path], Layout] = lru_cache(None)(self._layout)

    def photo(self, path: Path) -> Image:
        """A photo at the size it is stylized at."""
        return read_photo(path, self.stylist.working_side)

    def _manner(self, path: Path) -> Manner:
        return manner_of(read_painting(path).image, self.clip)

    def _layout(self, path: Path) -> Layout:
        return layout_of(self.photo(path), self.clip)

    def pictures(self, pair: Pair) -> dict[str, Image]:
        """What is compared, by the name of its method."""
        photo, painting = self.photo(pair.photo), read_painting(pair.painting)
        token = self.stylist.learn(painting)
        made = {"inst": self.stylist.stylize(photo, token)}
        transports = self.stylist.session.model.defaults.transport > 0  # else nothing is to be told apart
        if transports:
            made["[C] alone"] = self.stylist.stylize(photo, token, transport=0.0)
            made["transport alone"] = self.stylist.stylize(photo, None, patches_of=token)
        made |= {
            "no inversion": self.stylist.stylize(photo, token, inversion=False),
            "plain img2img": self.stylist.stylize(photo, None, inversion=False),
            "colour transfer": transfer_mean_covariance(photo, painting.image),
            "photo": photo,
            "painting, another crop": another_crop(painting.image),
        }
        if self.direct:
            direct = self.stylist.learn(painting, "direct")
            made["direct inversion"] = self.stylist.stylize(photo, direct)
            if transports:
                made["direct [C] alone"] = self.stylist.stylize(photo, direct, transport=0.0)
        return made | (self.known(pair) if self.known else {})

    def measure(self, pairs: Sequence[Pair]) -> tuple[list[dict[str, Any]], Image]:
        """Every pair's row, and the first pairs' pictures beside each other."""
        rows: list[dict[str, Any]] = []
        sheet, shown = [], []
        for pair in pairs:
            pictures = self.pictures(pair)
            rows.append(self.row(pair, pictures))
            shown = [name for name in SHEET_METHODS if name in pictures]
            if len(sheet) < SHEET_ROWS:
                painting = read_painting(pair.painting).image
                sheet.append([pictures["photo"], painting, *(pictures[name] for name in shown)])
            own = ", ".join(f"{name} {value:.4f}" for name, value in rows[-1]["scores"]["inst"].items())
            print(f"{pair.index + 1}/{len(pairs)} {pair.photo.name} {pair.painting.name}: {own}", flush=True)
        return rows, grid(sheet, ["photo", "painting", *shown])

    def row(self, pair: Pair, pictures: dict[str, Image]) -> dict[str, Any]:
        """A pair's distances, and which pictures name their photo and their painting among others."""
        paintings = _others(self.paintings, pair.painting, NAME_PAINTING_AMONG)
        photos = _others(self.photos, pair.photo, NAME_PHOTO_AMONG)
        scores: dict[str, Scores] = {}
        named: dict[str, dict[str, bool]] = {}
        for method, image in pictures.items():
            manner, layout = manner_of(image, self.clip), layout_of(image, self.clip)
            own = manner.distances(self.manner(pair.painting)) | layout.distances(self.layout(pair.photo))
            painted = [manner.distances(self.manner(other)) for other in paintings]
            laid_out = [layout.distances(self.layout(other)) for other in photos]
            scores[method] = own
            named[method] = {name: is_named(own[name], [one[name] for one in painted]) for name in PAINTING_NAMED_BY}
            named[method] |= {name: is_named(own[name], [one[name] for one in laid_out]) for name in CONTENT_SCORES}
        return {
            "photo": pair.photo.name,
            "painting": pair.painting.name,
            "scores": scores,
            "named": named,
            "among": {"paintings": len(paintings) + 1, "photos": len(photos) + 1},
        }

    def sweep(self, pairs: Sequence[Pair]) -> dict[str, list[Scores]]:
        """For every strength, each pair's distances."""
        found: dict[str, list[Scores]] = {str(strength): [] for strength in STRENGTHS}
        for pair in tqdm(pairs, desc="strengths"):
            photo, token = self.photo(pair.photo), self.stylist.learn(read_painting(pair.painting))
            for strength in STRENGTHS:
                result = self.stylist.stylize(photo, token, strength=strength)
                scores = score(result, self.manner(pair.painting), self.layout(pair.photo), self.clip)
                found[str(strength)].append(scores)
        return found

    def texts(self, count: int) -> dict[str, list[Scores]]:
        """Pictures from text in the manner of the first paintings: CLIP distance to the subject and to the painting."""
        methods = ("attention", "direct") if self.direct else ("attention",)
        found: dict[str, list[Scores]] = {method: [] for method in methods}
        for path in self.paintings[:count]:
            for method in methods:
                token = self.stylist.learn(read_painting(path), method)
                found[method] += [self._text(path, subject, token) for subject in SUBJECTS]
        return found

    def _text(self, path: Path, subject: str, token: Any) -> Scores:
        picture = self.stylist.draw(f"{subject} in the style of [C]", token)
        to_painting = manner_of(picture, self.clip).distances(self.manner(path))["CLIP"]
        return {"text": self.stylist.text_distance(subject, picture), "painting": to_painting}


def _others(paths: Sequence[Path], own: Path, among: int) -> list[Path]:
    """The next ``among - 1`` of a list after one of it, going round."""
    at = paths.index(own)
    return [*paths[at + 1 :], *paths[:at]][: among - 1]
