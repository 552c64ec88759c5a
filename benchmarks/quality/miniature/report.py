"""The stylization part of the report, and its sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.common.pairs import Pair, make_pairs, read_painting
from benchmarks.common.style_transfer import Stylist
from benchmarks.quality.measure import Known, Measurer
from benchmarks.quality.miniature import parts
from benchmarks.quality.miniature.renders import Material, held_styles, numbered, tensor, trained_styles, write_pictures
from inst.image import Picture, grid, write_image
from inst.shapes import Image
from miniature.painting.styles import STYLES

STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
SHEET_STYLES, SHEET_PHOTOS, SHEET_TEXTS = 8, 3, 20


class Report:
    """One run of it.

    Attributes:
        folder: where sheets go.
        work: where pictures that are measured lie meanwhile.
    """

    def __init__(self, material: Material, stylist: Stylist, folder: Path, work: Path) -> None:
        self.material, self.stylist, self.folder, self.work = material, stylist, folder, work
        self.photos = write_pictures(work / "photos", numbered(material.contents))
        # from the last backwards, so that a pair seldom has the photo that its style was drawn on
        last = len(material.contents) - 1
        self.held_indices = {name: last - i for i, name in enumerate(held_styles())}

    def held(self) -> Path:
        """One picture in each style that training never saw, each of another content."""
        pictures = {name: self.material.rendering(name, index) for name, index in self.held_indices.items()}
        return write_pictures(self.work / "held", pictures)

    @torch.no_grad()
    def known(self, pair: Pair) -> dict[str, Image]:
        """The photo as the engine itself draws it in the style's manner, and what the autoencoder leaves of that.

        No result that the miniature paints can be expected to come nearer to the painting than these.
        """
        style, model = pair.painting.stem, self.stylist.session.model
        drawn = tensor(self.material.rendering(style, self.held_indices[style], int(pair.photo.stem)))
        return {"the manner itself": drawn, "the same, encoded": model.decode(model.encode(drawn)).cpu()}

    def real(self) -> Path:
        """The real paintings."""
        return write_pictures(self.work / "paintings", numbered(self.material.paintings))

    def styles(
        self, name: str, paintings: Path, count: int, sweep: int, *, direct: bool, known: Known | None = None
    ) -> dict[str, Any]:
        """Quality over pairs; writes its sheets."""
        pairs = make_pairs(self.photos, paintings, count)
        measurer = Measurer(self.stylist, pairs, direct=direct, known=known)
        rows, sheet = measurer.measure(pairs)
        self.save(f"{name}-methods", sheet)
        self.save(f"{name}-grid", self.grid(paintings))
        self.save(f"{name}-strength", self.strengths(paintings))
        return {"rows": rows, "sweep": measurer.sweep(pairs[:sweep])}

    def save(self, name: str, sheet: Image) -> None:
        write_image(self.folder / f"{name}.jpg", sheet)

    def grid(self, paintings: Path) -> Image:
        """The first contents under styles from all over the folder."""
        found = sorted(paintings.glob("*.png"))
        shown = [read_painting(found[i * len(found) // SHEET_STYLES]) for i in range(min(SHEET_STYLES, len(found)))]
        contents = [tensor(content) for content in self.material.contents[:SHEET_PHOTOS]]
        tokens = [self.stylist.learn(painting) for painting in shown]
        rows = [[contents[0] * 0 + 1, *(painting.image for painting in shown)]]
        for photo in tqdm(contents, desc="grid"):
            rows.append([photo, *(self.stylist.stylize(photo, token) for token in tokens)])
        return grid(rows)

    def strengths(self, paintings: Path) -> Image:
        """Two contents under a style each, weak to strong."""
        rows = []
        for pair in make_pairs(self.photos, paintings, 2):
            painting = read_painting(pair.painting)
            token, photo = self.stylist.learn(painting), tensor(self.material.contents[pair.index])
            rows.append([photo, *(self.stylist.stylize(photo, token, strength=s) for s in STRENGTHS), painting.image])
        return grid(rows, ["photo", *map(str, STRENGTHS), "painting"])

    def words(self) -> Image:
        """ "[C]" learned from one rendering, beside the style's own words, for styles that have words."""
        names, photo = trained_styles()[:: len(trained_styles()) // SHEET_STYLES], tensor(self.material.contents[0])
        columns = []
        for i, name in enumerate(tqdm(names, desc="words")):
            painting = tensor(self.material.rendering(name, 1 + i))
            token = self.stylist.learn(_picture(painting, self.work / f"{name}.png"))
            named = self.stylist.stylize(photo, None, prompt=STYLES[name].words[0])
            columns.append([painting, self.stylist.stylize(photo, token), named])
        return grid([list(row) for row in zip(*columns, strict=True)])

    def texts(self, pictures: list[tuple[str, Image]]) -> Image:
        """Pictures from text, five a row, their prompts in the sheet's order."""
        some = parts.spread(pictures, SHEET_TEXTS)
        print("\n".join(prompt for prompt, _ in some))
        return grid([[picture for _, picture in some[i : i + 5]] for i in range(0, len(some), 5)])


def _picture(image: Image, path: Path) -> Picture:
    write_image(path, image)
    return read_painting(path)
