"""What `benchmarks.gan_edits` asks of the four methods: texts as a user types them, and what should then be seen."""

from __future__ import annotations

from dataclasses import dataclass

from miniature.avatars import CHOICES


@dataclass(frozen=True)
class Asked:
    """One edit.

    Args:
        name: of the attribute, as tables and sheets have it.
        text: what is typed.
        head: the choice of an avatar (`CHOICES`) that should change.
        wanted: its values that fit the text.
        hides: other choices that are less seen where the edit is made, as the hair of the bald.
    """

    name: str
    text: str
    head: str
    wanted: tuple[str, ...]
    hides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.wanted or not set(self.wanted) < set(CHOICES[self.head]):
            raise ValueError(f"{self.name}: {self.wanted} are not some of {tuple(CHOICES[self.head])}")
        if not set(self.hides) < set(CHOICES):
            raise ValueError(f"{self.name}: {self.hides} are no choices of an avatar")

    @property
    def indices(self) -> list[int]:
        """Places of the wanted values among those of the choice."""
        return [list(CHOICES[self.head]).index(value) for value in self.wanted]


ASKED = (
    Asked("glasses", "a face with glasses", "glasses", ("round", "square", "sunglasses")),
    Asked("sunglasses", "a face with sunglasses", "glasses", ("sunglasses",), ("eyes", "lids")),
    Asked("hat", "a face with a hat", "hat", ("cap", "beanie", "straw hat", "crown"), ("cut", "hair")),
    Asked("beard", "a face with a beard", "beard", ("goatee", "full")),
    Asked("moustache", "a face with a moustache", "beard", ("moustache", "full")),
    Asked("bald", "a face with a bald head", "cut", ("bald",), ("hair",)),
    Asked("blue hair", "a face with blue hair", "hair", ("blue",)),
    Asked("blond hair", "a face with blond hair", "hair", ("blond",)),
    Asked("black hair", "a face with black hair", "hair", ("black",)),
    Asked("pink hair", "a face with pink hair", "hair", ("pink",)),
    Asked("long hair", "a face with long hair", "cut", ("long",)),
    Asked("curly hair", "a face with curly hair", "cut", ("curly", "afro")),
    Asked("smile", "a face with a smile", "mouth", ("smile", "grin")),
    Asked("open mouth", "a face with an open mouth", "mouth", ("grin", "open", "surprised")),
    Asked("closed eyes", "a face with closed eyes", "lids", ("closed",), ("eyes",)),
    Asked("old", "an old face", "age", ("old",)),
    Asked("woman", "a woman", "figure", ("woman",)),
    Asked("man", "a man", "figure", ("man",)),
    Asked("dark skin", "a face with dark skin", "skin", ("brown", "dark")),
    Asked("pale skin", "a face with pale skin", "skin", ("pale",)),
    Asked("red lips", "a face with red lips", "lips", ("red",)),
    Asked("earrings", "a face with earrings", "earrings", ("hoops", "pearls")),
    Asked("freckles", "a face with freckles", "freckles", ("yes",)),
)
BY_NAME = {asked.name: asked for asked in ASKED}
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
"""Texts that ask for two things; FFCLIP's training prompts (`miniature.avatars.prompts`) never do."""
