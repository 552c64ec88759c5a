"""Prompt encoding with placeholders for token vectors."""

import threading
import warnings

import pytest
import torch

from inst.errors import TokenError
from inst.models.load import load
from inst.models.source import parse_source
from inst.models.text import TextConditioner
from inst.placement import Placement


@pytest.fixture(scope="module")
def text(model):
    return model.text


@pytest.fixture(scope="module")
def text2(v2):
    return load(parse_source(str(v2.folder)), Placement(torch.device("cpu"), torch.float32)).text


def plain(text, prompts):
    """Prompts encoded as in the pipelines of diffusers."""
    ids = text.tokenizer(
        prompts, padding="max_length", max_length=text.max_length, truncation=True, return_tensors="pt"
    ).input_ids
    return text.text_encoder(ids)[0]


@pytest.mark.parametrize("which", ["text", "text2"])
def test_plain_prompts_are_encoded_like_in_diffusers(which, request):
    text = request.getfixturevalue(which)
    prompts = ["", "a boat on the sea, 4k", "array[c] of [x] & Größe"]
    assert torch.equal(text.encode_prompt(prompts), plain(text, prompts))


@pytest.mark.parametrize("which", ["text", "text2"])
def test_token_vectors_of_a_known_word_equal_the_word(which, request):
    text = request.getfixturevalue(which)
    rows = text.word_vectors("lighthouse keeper")
    assert rows.shape == (2, text.token_dim)
    found = text.encode_prompt(["a [C] by the sea", "[C]"], {"[C]": rows})
    assert torch.equal(found, plain(text, ["a lighthouse keeper by the sea", "lighthouse keeper"]))


def test_several_and_repeated_placeholders_in_a_batch(text):
    one, two = text.word_vectors("red"), text.word_vectors("deep blue")
    found = text.encode_prompt(["[A] and [B], [A]", "no style", "[B]sky"], {"[A]": one, "[B]": two})
    assert torch.equal(found, plain(text, ["red and deep blue, red", "no style", "deep blue sky"]))


def test_the_longer_of_two_matching_placeholders_is_used(text):
    found = text.encode_prompt(["*1 and *"], {"*": text.word_vectors("red"), "*1": text.word_vectors("blue")})
    assert torch.equal(found, plain(text, ["blue and red"]))


def test_placeholders_are_case_sensitive(text):
    vectors = torch.ones(1, text.token_dim)
    found = text.encode_prompt(["[C] in [c]", "array[c]"], {"[C]": vectors})
    assert torch.equal(found[1:], plain(text, ["array[c]"]))
    with pytest.raises(TokenError, match=r"lacks \[C\]"):
        text.encode_prompt(["a [c] boat"], {"[C]": vectors})


def test_gradients_reach_the_token_vectors_but_no_weights(text):
    vectors = torch.randn(3, text.token_dim, requires_grad=True)
    text.encode_prompt(["a [C] boat"], {"[C]": vectors}).square().sum().backward()
    assert vectors.grad.abs().sum(dim=1).min() > 0
    assert all(parameter.grad is None for parameter in text.text_encoder.parameters())


def test_the_gradient_matches_finite_differences(text):
    """Against a central finite difference along a random direction."""
    double = TextConditioner(text.tokenizer, text.text_encoder.double())
    try:
        vectors = torch.randn(2, text.token_dim, dtype=torch.float64, requires_grad=True)
        direction, weights = torch.randn_like(vectors), torch.randn(1, 77, text.token_dim, dtype=torch.float64)

        def value(at):
            return (double.encode_prompt(["a [C]"], {"[C]": at}) * weights).sum()

        value(vectors).backward()
        slope = (value(vectors + 1e-5 * direction) - value(vectors - 1e-5 * direction)) / 2e-5
        torch.testing.assert_close((vectors.grad * direction).sum(), slope.detach(), rtol=1e-6, atol=1e-8)
    finally:
        text.text_encoder.float()


def state_of(text):
    hooks = [len(module._forward_hooks) for module in text.text_encoder.modules()]
    weights = {name: value.clone() for name, value in text.text_encoder.state_dict().items()}
    return hooks, weights, len(text.tokenizer), text.tokenizer.get_added_vocab()


def assert_same_state(one, other):
    assert one[0] == other[0] and one[2:] == other[2:]
    assert one[1].keys() == other[1].keys()
    assert all(torch.equal(one[1][name], other[1][name]) for name in one[1])


def test_encoding_leaves_the_text_encoder_unchanged(text, monkeypatch):
    before, output = state_of(text), text.encode_prompt(["a * boat [c]"])
    text.encode_prompt(["a [C] boat"], {"[C]": torch.full((2, text.token_dim), 9.0)})
    assert_same_state(state_of(text), before)
    with monkeypatch.context() as patch:
        patch.setattr(text.text_encoder.final_layer_norm, "forward", lambda hidden: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            text.encode_prompt(["a [C] boat"], {"[C]": torch.full((2, text.token_dim), 9.0)})
    assert_same_state(state_of(text), before)
    assert torch.equal(text.encode_prompt(["a * boat [c]"]), output)


def test_threads_encode_independently(text):
    vectors = [torch.full((1, text.token_dim), float(i)) for i in range(4)]
    alone = [text.encode_prompt(["[C]"], {"[C]": v}) for v in vectors]
    together: dict[int, bool] = {}

    def encode(i):
        together[i] = all(torch.equal(text.encode_prompt(["[C]"], {"[C]": vectors[i]}), alone[i]) for _ in range(10))

    threads = [threading.Thread(target=encode, args=(i,)) for i in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert together == dict.fromkeys(range(4), True)


def test_a_truncated_prompt_gives_a_warning_with_the_lost_text(text):
    long = " ".join(["sea"] * 75 + ["lighthouse"])
    with pytest.warns(UserWarning, match=r'76 tokens, but the model reads 75; ignored: "lighthouse"'):
        found = text.encode_prompt([long])
    assert torch.equal(found, plain(text, [long]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text.encode_prompt([" ".join(["sea"] * 75)])


def test_a_truncated_placeholder_is_refused(text):
    vectors = {"[C]": torch.ones(2, text.token_dim)}
    text.encode_prompt([" ".join(["sea"] * 73) + " [C]"], vectors)
    with pytest.raises(TokenError, match=r"\[C\] lies beyond the 75 tokens"):
        text.encode_prompt([" ".join(["sea"] * 74) + " [C]"], vectors)


def test_placeholders_and_token_vectors_must_match(text):
    vectors = torch.ones(1, text.token_dim)
    with pytest.raises(TokenError, match=r"\[D\], which has no style: known placeholders are \[C\]"):
        text.encode_prompt(["[C] and [D]"], {"[C]": vectors})
    with pytest.raises(TokenError, match="no style was given"):
        text.encode_prompt(["[C]"])
    with pytest.raises(TokenError, match=r"takes \(n, 64\)"):
        text.encode_prompt(["[C]"], {"[C]": torch.ones(1, 768)})
    with pytest.raises(TokenError, match="has no tokens"):
        text.word_vectors(" ")


def test_the_mean_norm_of_the_vocabulary(text):
    table = text.text_encoder.get_input_embeddings().weight
    assert text.vocabulary_norm == pytest.approx(table.square().sum(1).sqrt().mean().item(), rel=1e-5)
