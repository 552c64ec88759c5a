"""The prompt templates over which StyleCLIP's global directions average a text embedding.

They are OpenAI's 80 templates for ImageNet (Radford et al. 2021, section 3.1.4; the list is published with CLIP)
without "a photo of many {}.": 79 templates, as in StyleCLIP's code.

>>> len(IMAGENET_TEMPLATES), IMAGENET_TEMPLATES[0].format("cat")
(79, 'a bad photo of a cat.')
"""

from __future__ import annotations

_WITH_A_AND_THE = (
    "bad photo of", "sculpture of", "photo of {} hard to see", "low resolution photo of", "rendering of",
    "cropped photo of", "tattoo of", "bright photo of", "photo of {} clean", "photo of {} dirty", "dark photo of",
    "drawing of", "photo of {} cool", "close-up photo of", "black and white photo of", "painting of",
    "pixelated photo of", "jpeg corrupted photo of", "blurry photo of", "photo of", "good photo of", "doodle of",
    "sketch of", "rendition of", "photo of {} large", "photo of {} nice", "photo of {} weird", "photo of {} small",
)  # fmt: skip
"""Each gives two templates: "a … of a {}." and "a … of the {}."."""
_BARE_WITH_A_AND_THE = ("graffiti of", "art of", "itap of")
_THINGS = ("embroidered", "plastic", "origami", "toy", "cartoon", "plushie")
"""Each gives two templates: "a … {}." and "the … {}."."""
_SINGLE = (
    "a photo of my {}.",
    "a photo of one {}.",
    "itap of my {}.",
    "a {} in a video game.",
    "the {} in a video game.",
)


def _sentence(phrase: str, article: str) -> str:
    """A template from a phrase and an article: "photo of {} clean" and "the" give "photo of the clean {}.".

    The article replaces ``{}`` in the phrase, or is appended if the phrase has none.
    """
    return (phrase.replace("{}", article) if "{}" in phrase else f"{phrase} {article}") + " {}."


IMAGENET_TEMPLATES: tuple[str, ...] = (
    *(f"a {_sentence(phrase, article)}" for phrase in _WITH_A_AND_THE for article in ("a", "the")),
    *(_sentence(phrase, article) for phrase in _BARE_WITH_A_AND_THE for article in ("a", "the")),
    *(f"{article} {thing} {{}}." for thing in _THINGS for article in ("a", "the")),
    *_SINGLE,
)
