"""The edits that `benchmarks.gan_edits` requests: texts as a user types them, and the attribute each should change."""

from __future__ import annotations

from dataclasses import dataclass

from miniature.avatars import CHOICES


@dataclass(frozen=True)
class EditCase:
    """One edit.

    Args:
        name: of the edit, in tables and contact sheets.
        text: the target text.
        attribute: the attribute of an avatar (of `CHOICES`) that should change.
        values: values of the attribute that match the text.
        occludes: other attributes that the edit partly hides, such as the hair colour of a bald avatar.
    """

    name: str
    text: str
    attribute: str
    values: tuple[str, ...]
    occludes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.values or not set(self.values) < set(CHOICES[self.attribute]):
            raise ValueError(f"{self.name}: {self.values} must be some of {tuple(CHOICES[self.attribute])}")
        if not set(self.occludes) < set(CHOICES):
            raise ValueError(f"{self.name}: {self.occludes} must be attributes of an avatar")

    @property
    def indices(self) -> list[int]:
        """Indices of the matching values among all values of the attribute."""
        return [list(CHOICES[self.attribute]).index(value) for value in self.values]


EDIT_CASES = (
    EditCase("glasses", "a face with glasses", "glasses", ("round", "square", "sunglasses")),
    EditCase("sunglasses", "a face with sunglasses", "glasses", ("sunglasses",), ("eyes", "lids")),
    EditCase("hat", "a face with a hat", "hat", ("cap", "beanie", "straw hat", "crown"), ("cut", "hair")),
    EditCase("beard", "a face with a beard", "beard", ("goatee", "full")),
    EditCase("moustache", "a face with a moustache", "beard", ("moustache", "full")),
    EditCase("bald", "a face with a bald head", "cut", ("bald",), ("hair",)),
    EditCase("blue hair", "a face with blue hair", "hair", ("blue",)),
    EditCase("blond hair", "a face with blond hair", "hair", ("blond",)),
    EditCase("black hair", "a face with black hair", "hair", ("black",)),
    EditCase("pink hair", "a face with pink hair", "hair", ("pink",)),
    EditCase("long hair", "a face with long hair", "cut", ("long",)),
    EditCase("curly hair", "a face with curly hair", "cut", ("curly", "afro")),
    EditCase("smile", "a face with a smile", "mouth", ("smile", "grin")),
    EditCase("open mouth", "a face with an open mouth", "mouth", ("grin", "open", "surprised")),
    EditCase("closed eyes", "a face with closed eyes", "lids", ("closed",), ("eyes",)),
    EditCase("old", "an old face", "age", ("old",)),
    EditCase("woman", "a woman", "figure", ("woman",)),
    EditCase("man", "a man", "figure", ("man",)),
    EditCase("dark skin", "a face with dark skin", "skin", ("brown", "dark")),
    EditCase("pale skin", "a face with pale skin", "skin", ("pale",)),
    EditCase("red lips", "a face with red lips", "lips", ("red",)),
    EditCase("earrings", "a face with earrings", "earrings", ("hoops", "pearls")),
    EditCase("freckles", "a face with freckles", "freckles", ("yes",)),
)
BY_NAME = {case.name: case for case in EDIT_CASES}
PAIRS = {
    "a face with glasses and a beard": ("glasses", "beard"),
    "a face with blue hair and glasses": ("blue hair", "glasses"),
    "an old face with glasses": ("old", "glasses"),
    "a woman with blond hair": ("woman", "blond hair"),
    "a man with a hat": ("man", "hat"),
    "a bald face with a beard": ("bald", "beard"),
    "a face with sunglasses and red lips": ("sunglasses", "red lips"),
    "a face with a smile and earrings": ("smile", "earrings"),
    "a face with dark skin and black hair": ("dark skin", "black hair"),
    "a face with pink hair and sunglasses": ("pink hair", "sunglasses"),
}
"""Texts with two attributes; FFCLIP's training prompts (`miniature.avatars.data.prompts`) have one each."""
