"""The inversion module of InST against outputs of the published code."""

import pytest
import torch
from torch.testing import assert_close

from inst.inversion.attention import AttentionInversion

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module")
def published(fill):
    module = AttentionInversion(768).eval()
    module.load_state_dict(fill.fill_state_dict(module.state_dict()))
    return module


def test_one_key_matches_the_reference_output(published, golden, fill):
    token = published(fill.fill("image_embeds", (2, 1, 768)))
    assert_close(token, golden("inversion_attention")["token"], **TOLERANCE)


def test_five_keys_match_the_reference_output(published, golden, fill):
    tokens = published(fill.fill("a/keys", (2, 5, 768)))
    assert_close(tokens, golden("inversion_attention_keys")["tokens"], **TOLERANCE)


def test_with_one_key_the_queries_have_no_effect(published, fill):
    """The softmax over a single key is 1, so the published module is a linear map of its value."""
    x = fill.fill("image_embeds", (2, 1, 768))
    before = published(x)
    published.attn1.to_q.weight.data.neg_()
    after = published(x)
    published.attn1.to_q.weight.data.neg_()
    assert_close(before, after)


def test_the_output_depends_on_the_patches_but_not_their_order():
    torch.manual_seed(0)
    module = AttentionInversion(32, 24, num_vectors=3, num_heads=2, head_dim=8).eval()
    embeds, patches = torch.randn(2, 1, 32), torch.randn(2, 7, 32)
    tokens = module(embeds, patches)
    assert tokens.shape == (2, 3, 24)
    assert not torch.allclose(tokens, module(embeds, patches.flip(2)), atol=1e-4)
    assert_close(tokens, module(embeds, patches.flip(1)))  # attention does not depend on the order of the keys


def test_ablations_disable_attention_and_dropout():
    linear = AttentionInversion(32, use_attention=False, dropout=0.0)
    x = torch.randn(1, 1, 32)
    assert_close(linear(x), torch.nn.functional.linear(x, linear.net[1].weight, linear.net[1].bias))
    without = AttentionInversion(32, dropout=0.0).train()
    assert_close(without(x), without(x))
    with_dropout = AttentionInversion(32, dropout=0.5).train()
    assert not torch.allclose(with_dropout(x), with_dropout(x))


def test_own_maps_separate_equal_queries_and_token_norm_fixes_the_length():
    module = AttentionInversion(32, 24, num_vectors=3, num_heads=2, head_dim=8, own_maps=True, token_norm=5.0).eval()
    with torch.no_grad():
        assert module.queries is not None
        module.queries.zero_()
        vectors = module(torch.randn(2, 1, 32), torch.randn(2, 7, 32))
        similarity = torch.cosine_similarity(vectors[:, 0], vectors[:, 1], dim=-1)
    assert vectors.shape == (2, 3, 24)
    assert torch.allclose(vectors.norm(dim=-1), torch.full((2, 3), 5.0))
    assert similarity.abs().max() < 0.9
