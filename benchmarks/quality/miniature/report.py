"""The style transfer part of the report, and its contact sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.common.pairs import Pair, make_pairs, read_painting
from benchmarks.common.style_transfer import StyleTransfer
from benchmarks.quality.measure import Evaluation, References
from benchmarks.quality.miniature import parts
from benchmarks.quality.miniature.images import (
    TestImages,
    held_out_styles,
    numbered,
    to_tensor,
    trained_styles,
    write_pictures,
)
from inst.image import Picture, grid, write_image
from inst.shapes import Image
from miniature.painting.styles import STYLES

STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
SHEET_STYLES, SHEET_PHOTOS, SHEET_TEXTS = 8, 3, 20


class Report:
    """One run of the report.

    Attributes:
        folder: output folder of the contact sheets.
        work: temporary folder of the test images.
    """

    def __init__(self, images: TestImages, transfer: StyleTransfer, folder: Path, work: Path) -> None:
        self.images, self.transfer, self.folder, self.work = images, transfer, folder, work
        self.photos = write_pictures(work / "photos", numbered(images.contents))
        # Contents are used from the last one backwards, so that a pair seldom has the photo its style was rendered on.
        last = len(images.contents) - 1
        self.content_of = {name: last - i for i, name in enumerate(held_out_styles())}

    def held_out_paintings(self) -> Path:
        """One rendering in each held-out style, each of a different content."""
        pictures = {name: self.images.rendering(name, index) for name, index in self.content_of.items()}
        return write_pictures(self.work / "held-out", pictures)

    @torch.no_grad()
    def references(self, pair: Pair) -> dict[str, Image]:
        """The photo rendered procedurally with the style's parameters and palette, before and after the autoencoder.

        The model's own results cannot be expected to be closer to the painting than these.
        """
        style, model = pair.painting.stem, self.transfer.session.model
        rendering = to_tensor(self.images.rendering(style, self.content_of[style], int(pair.photo.stem)))
        return {
            "procedural rendering": rendering,
            "procedural rendering, autoencoded": model.decode(model.encode(rendering)).cpu(),
        }

    def real_paintings(self) -> Path:
        """The paintings given by the user."""
        return write_pictures(self.work / "paintings", numbered(self.images.paintings))

    def styles(
        self, name: str, paintings: Path, count: int, sweep: int, *, direct: bool, references: References | None = None
    ) -> dict[str, Any]:
        """Quality over pairs; also writes the contact sheets."""
        pairs = make_pairs(self.photos, paintings, count)
        evaluation = Evaluation(self.transfer, pairs, direct=direct, references=references)
        rows, sheet = evaluation.measure(pairs)
        self.save(f"{name}-methods", sheet)
        self.save(f"{name}-grid", self.grid(paintings))
        self.save(f"{name}-strength", self.strengths(paintings))
        return {"rows": rows, "sweep": evaluation.sweep(pairs[:sweep])}

    def save(self, name: str, sheet: Image) -> None:
        write_image(self.folder / f"{name}.jpg", sheet)

    def grid(self, paintings: Path) -> Image:
        """The first contents with evenly spaced styles of the folder."""
        available = sorted(paintings.glob("*.png"))
        selected = [
            read_painting(available[i * len(available) // SHEET_STYLES])
            for i in range(min(SHEET_STYLES, len(available)))
        ]
        contents = [to_tensor(content) for content in self.images.contents[:SHEET_PHOTOS]]
        tokens = [self.transfer.learn(painting) for painting in selected]
        rows = [[contents[0] * 0 + 1, *(painting.image for painting in selected)]]
        for photo in tqdm(contents, desc="grid"):
            rows.append([photo, *(self.transfer.stylize(photo, token) for token in tokens)])
        return grid(rows)

    def strengths(self, paintings: Path) -> Image:
        """Two contents with one style each, at increasing strength."""
        rows = []
        for pair in make_pairs(self.photos, paintings, 2):
            painting = read_painting(pair.painting)
            token, photo = self.transfer.learn(painting), to_tensor(self.images.contents[pair.index])
            rows.append([photo, *(self.transfer.stylize(photo, token, strength=s) for s in STRENGTHS), painting.image])
        return grid(rows, ["photo", *map(str, STRENGTHS), "painting"])

    def words(self) -> Image:
        """For trained styles, "[C]" learned from one rendering beside the style's name as the prompt."""
        names, photo = trained_styles()[:: len(trained_styles()) // SHEET_STYLES], to_tensor(self.images.contents[0])
        columns = []
        for i, name in enumerate(tqdm(names, desc="words")):
            painting = to_tensor(self.images.rendering(name, 1 + i))
            token = self.transfer.learn(_picture(painting, self.work / f"{name}.png"))
            named = self.transfer.stylize(photo, None, prompt=STYLES[name].words[0])
            columns.append([painting, self.transfer.stylize(photo, token), named])
        return grid([list(row) for row in zip(*columns, strict=True)])

    def texts(self, pictures: list[tuple[str, Image]]) -> Image:
        """Text to image, five images a row; prints their prompts in the same order."""
        selected = parts.evenly_spaced(pictures, SHEET_TEXTS)
        print("\n".join(prompt for prompt, _ in selected))
        return grid([[picture for _, picture in selected[i : i + 5]] for i in range(0, len(selected), 5)])


def _picture(image: Image, path: Path) -> Picture:
    write_image(path, image)
    return read_painting(path)
