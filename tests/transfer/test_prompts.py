"""Styles in prompts: one, several side by side, several mixed."""

import pytest
import torch
from torch.testing import assert_close

import inst
from inst.errors import TokenError
from inst.placeholders import placeholders
from inst.transfer.prompts import WeightedVectors, encode_styled


@pytest.fixture(scope="module")
def model():
    return inst.load_model(dtype="float32", device="cpu").model


@pytest.fixture(scope="module")
def vectors(model):
    return [torch.randn(n, model.text.token_dim, generator=torch.Generator().manual_seed(n)) for n in (2, 3)]


def test_a_single_style_is_encoded_in_the_prompt(model, vectors):
    ours = encode_styled(model, "a cat, [C]", [WeightedVectors(vectors[0])], "a painting")
    assert_close(ours, model.text.encode_prompt(["a cat, [C]"], {"[C]": vectors[0]}))


def test_mixed_styles_are_weighted_sums(model, vectors):
    styles = [WeightedVectors(vectors[0], weight=0.7), WeightedVectors(vectors[1], weight=0.3)]
    one, two = (model.text.encode_prompt(["[C]"], {"[C]": v}) for v in vectors)
    assert_close(encode_styled(model, "[C]", styles, "a painting"), 0.7 * one + 0.3 * two)


def test_a_weight_below_one_interpolates_with_the_plain_prompt(model, vectors):
    half = encode_styled(model, "[C]", [WeightedVectors(vectors[0], weight=0.5)], "a painting")
    styled, plain = model.text.encode_prompt(["[C]"], {"[C]": vectors[0]}), model.text.encode_prompt(["a painting"], {})
    assert_close(half, 0.5 * styled + 0.5 * plain)


def test_named_styles_are_used_in_one_prompt(model, vectors):
    styles = [WeightedVectors(vectors[0], "[sea]"), WeightedVectors(vectors[1], "[sky]")]
    prompt = "a [sea] under a [sky]"
    expected = model.text.encode_prompt([prompt], {"[sea]": vectors[0], "[sky]": vectors[1]})
    assert_close(encode_styled(model, prompt, styles, "a painting"), expected)


@pytest.mark.parametrize(
    ("prompt", "named", "sentence"),
    [
        ("a cat", ["[C]"], "does not contain"),
        ("a cat, [C] and [sky]", ["[C]"], "no style has that name"),
        ("a cat, [C]", [], "no style has that name"),
    ],
)
def test_prompt_and_styles_must_match(model, vectors, prompt, named, sentence):
    styles = [WeightedVectors(vectors[0], name) for name in named]
    with pytest.raises(TokenError, match=sentence):
        encode_styled(model, prompt, styles, "a painting")


def test_other_brackets_are_text():
    assert placeholders("array[3] of [C] [x y] [sky]") == ["[C]", "[sky]"]
