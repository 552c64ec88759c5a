"""The CLIP tokenizer."""

import pytest

from inst.models.tokenizer import clip_tokenizer

TEXTS = [
    "a photo of a cat",
    "it's 1999: don't!!  ",
    "Größe, naïve café — 東京 🎨",
    "  many   spaces\tand\nlines ",
    "supercalifragilisticexpialidocious #@$%^&*() <b>",
    "",
]


@pytest.fixture(scope="module")
def tokenizer():
    return clip_tokenizer()


def test_token_ids_match_open_clip(tokenizer):
    import open_clip

    own = open_clip.tokenizer.SimpleTokenizer()
    for text in TEXTS:
        assert tokenizer(text, add_special_tokens=False).input_ids == own.encode(text), text


def test_the_published_vocabulary(tokenizer):
    """Size and ids of CLIP's vocab.json."""
    assert len(tokenizer) == 49408
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (49406, 49407, 49407)
    vocabulary = tokenizer.get_vocab()
    assert (vocabulary["!"], vocabulary["cat</w>"], vocabulary["*</w>"]) == (0, 2368, 265)
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_padding_token_of_both_families(tokenizer):
    assert tokenizer(["cat"], padding="max_length").input_ids[0] == [49406, 2368] + [49407] * 75
    second = clip_tokenizer(pad_token="!")
    assert second(["cat"], padding="max_length").input_ids[0] == [49406, 2368, 49407] + [0] * 74
