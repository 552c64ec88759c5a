"""Captions: random descriptions of an avatar that mention part of its attributes in random order."""

from __future__ import annotations

from inst.clip.templates import IMAGENET_TEMPLATES
from miniature.avatars.data.attributes import Attributes, Rng, eyes_visible
from miniature.common.words import with_article

HAIR_WORDS = {"grey": ("grey", "gray"), "white": ("white",), "ginger": ("ginger", "orange")}
CUT_WORDS = {
    "short": ("short {} hair", "{} hair, cut short"), "bowl": ("a {} bowl cut", "{} hair in a bowl cut"),
    "bob": ("a {} bob", "{} hair in a bob"), "long": ("long {} hair", "{} long hair"),
    "curly": ("{} curly hair", "curly {} hair", "{} curls"), "afro": ("a {} afro", "{} curly hair in an afro"),
    "mohawk": ("a {} mohawk", "{} hair in a mohawk"), "bun": ("{} hair in a bun", "a {} bun"),
    "ponytail": ("a {} ponytail", "{} hair in a ponytail"),
}  # fmt: skip
SKIN_WORDS = {
    "pale": ("pale skin",), "fair": ("fair skin", "light skin"), "olive": ("olive skin",), "tan": ("tan skin",),
    "brown": ("brown skin", "dark skin"), "dark": ("dark skin", "very dark skin"),
}  # fmt: skip
MOUTH_WORDS = {
    "smile": ("a smile",), "grin": ("a big smile", "a grin", "a smile that shows teeth"), "open": ("an open mouth",),
    "sad": ("a sad mouth",), "surprised": ("a round open mouth",),
}  # fmt: skip
MOODS = {
    "smile": ("smiling", "happy"), "grin": ("smiling", "laughing", "grinning"), "sad": ("sad",),
    "surprised": ("surprised",),
}  # fmt: skip
GLASSES_WORDS = {
    "round": ("round glasses", "glasses"), "square": ("square glasses", "glasses"),
    "sunglasses": ("sunglasses", "dark sunglasses"),
}  # fmt: skip
HAT_WORDS = {
    "cap": ("a cap", "a baseball cap", "a hat"), "beanie": ("a beanie", "a woolly hat", "a hat"),
    "straw hat": ("a straw hat", "a hat"), "crown": ("a crown", "a golden crown"),
}  # fmt: skip
EARRING_WORDS = {"hoops": ("hoop earrings", "golden earrings", "earrings"), "pearls": ("pearl earrings", "earrings")}
GENERIC = ("a face", "a face", "a face", "a person", "a cartoon face", "an avatar", "a portrait")
"""Texts that are true of every avatar."""
REMOVABLE = {
    "glasses": "glasses", "a hat": "hat", "a beard": "beard", "earrings": "earrings", "freckles": "freckles",
}  # fmt: skip
SPELLINGS = {"grey": "gray", "blond": "blonde", "moustache": "mustache", "woolly": "knitted"}
CLOTHES_WORDS = {"striped shirt": ("a {} striped shirt", "a shirt with {} stripes")}


def _pick(rng: Rng, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def caption(attributes: Attributes, rng: Rng) -> str:
    """A caption such as "a smiling old man with a grey beard and round glasses, wearing a blue hoodie".

    It mentions about half of the attributes and at least one, and never contradicts `labels`.
    """
    a = attributes
    has, worn = _has(a, rng), _worn(a, rng)
    keep = [phrase for phrase in has if rng.random() < 0.45]
    wear = [phrase for phrase in worn if rng.random() < 0.5]
    before = _before(a, rng)
    if not (keep or wear or before):
        keep = [has[int(rng.integers(len(has)))]]
    keep = [keep[i] for i in rng.permutation(len(keep))]
    if wear and rng.random() < 0.5:  # worn things among the other attributes
        keep, wear = [(keep + wear)[i] for i in rng.permutation(len(keep) + len(wear))], []
    words = " ".join([*before, _subject(a, rng)])
    text = with_article(words)
    text += f" with {_join(keep)}" if keep else ""
    if wear:
        text += f"{',' if keep else ''} wearing {_join(wear)}"
    return text


def short_caption(attributes: Attributes, rng: Rng) -> str:
    """A short text as users type it: "blue hair", "a face with glasses", "an old man", or "a face".

    Like `caption` it never contradicts `labels`; unlike `caption` it may mention absent things ("without glasses").
    """
    a = attributes
    kind = rng.random()
    if kind < 0.06:
        text = _pick(rng, GENERIC)
    elif kind < 0.22:
        text = with_article(" ".join([*_before(a, rng), _pick(rng, (a.figure, a.figure, "face", "person"))]))
    else:
        things = [*_has(a, rng), *_worn(a, rng)] + ["a neutral expression", "a serious face"] * (a.mouth == "neutral")
        missing = [thing for thing, choice in REMOVABLE.items() if getattr(a, choice) in ("none", "no")]
        if rng.random() < 0.15 and missing:
            text = _without(_pick(rng, tuple(missing)), rng)
        else:
            count = 1 if rng.random() < 0.8 else 2
            text = _join([things[i] for i in rng.permutation(len(things))[:count]])
            if rng.random() < 0.65:
                subject = _pick(rng, ("face", "face", "person", a.figure))
                text = f"a {subject} {'wearing' if text in _worn_words(a) else 'with'} {text}"
    words = [SPELLINGS.get(word, word) for word in text.split()] if rng.random() < 0.15 else text.split()
    if rng.random() < 0.3 and words[0] in ("a", "an"):
        words = words[1:]
    text = " ".join(words)
    return _pick(rng, IMAGENET_TEMPLATES).format(text) if rng.random() < 0.25 else text


def _without(thing: str, rng: Rng) -> str:
    bare = thing.removeprefix("a ")
    return _pick(rng, (f"a face without {thing}", f"a person without {thing}", f"without {thing}", f"no {bare}"))


def _worn_words(a: Attributes) -> tuple[str, ...]:
    return (*GLASSES_WORDS.get(a.glasses, ()), *HAT_WORDS.get(a.hat, ()), *EARRING_WORDS.get(a.earrings, ()))


def _subject(a: Attributes, rng: Rng) -> str:
    return _pick(rng, (a.figure, a.figure, "face", "person", f"face of a {a.figure}", f"cartoon {a.figure}"))


def _before(a: Attributes, rng: Rng) -> list[str]:
    mood = [_pick(rng, MOODS[a.mouth])] if a.mouth in MOODS and rng.random() < 0.35 else []
    age = [_pick(rng, ("old", "elderly") if a.age == "old" else ("young",))] if a.age != "adult" else []
    age = age if rng.random() < 0.4 else []
    bald = ["bald"] if a.cut == "bald" and rng.random() < 0.4 else []
    return mood + age + bald


def _has(a: Attributes, rng: Rng) -> list[str]:
    """Phrases for hair, skin, eyes, mouth, beard and marks on the skin."""
    colour = _pick(rng, HAIR_WORDS.get(a.hair, (a.hair,)))
    if a.cut == "bald":
        out = [_pick(rng, ("a bald head", "no hair"))]
    elif rng.random() < 0.3:
        out = [f"{colour} hair"]
    else:
        words = _pick(rng, CUT_WORDS[a.cut]).format(colour)
        out = [words.replace("a orange", "an orange")]
    out.append(_pick(rng, SKIN_WORDS[a.skin]))
    if eyes_visible(a):
        wide = ("wide open {} eyes", "big {} eyes") if a.lids == "wide" else ("{} eyes",)
        out.append(_pick(rng, wide).format(a.eyes))
    elif a.glasses != "sunglasses":
        out.append(_pick(rng, ("closed eyes", "eyes shut")))
    if a.mouth in MOUTH_WORDS:
        out.append(_pick(rng, MOUTH_WORDS[a.mouth]))
    if a.beard != "none":
        words = {"full": ("a {} beard", "a full {} beard", "a {} beard and moustache")}.get(
            a.beard, (f"a {{}} {a.beard}",)
        )
        words = ("stubble", "a stubbly chin") if a.beard == "stubble" else words
        out.append(_pick(rng, words).format(colour).replace("a orange", "an orange"))
    if a.brows == "frowning":
        out.append("a frown")
    if a.lips != "natural":
        out.append(_pick(rng, (f"{a.lips} lips", f"{a.lips} lipstick")))
    out += ["freckles"] * (a.freckles == "yes")
    out += [_pick(rng, ("rosy cheeks", "blush"))] * (a.blush == "yes")
    if a.age == "old":
        out.append("wrinkles")
    return out


def _worn(a: Attributes, rng: Rng) -> list[str]:
    out = [_pick(rng, GLASSES_WORDS[a.glasses])] if a.glasses != "none" else []
    out += [_pick(rng, HAT_WORDS[a.hat])] if a.hat != "none" else []
    out += [_pick(rng, EARRING_WORDS[a.earrings])] if a.earrings != "none" else []
    garment = _pick(rng, CLOTHES_WORDS.get(a.clothes, (f"a {{}} {a.clothes}",)))
    colour = f"dark {a.cloth}" if a.clothes == "suit" and a.cloth not in ("black", "white") else a.cloth
    colour = "grey" if a.clothes == "suit" and a.cloth == "white" else colour
    return [*out, garment.format(colour).replace("a orange", "an orange")]


def _join(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
