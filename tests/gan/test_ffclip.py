"""FFCLIP: reference output, loss, training, and checkpoints."""

import pytest
import torch
from support.gan_doubles import TinyClip, TinyGenerator
from torch.nn import functional
from torch.testing import assert_close

from inst.errors import ConfigError, ModelError
from inst.gan.ffclip import SemanticModulation, load_ffclip
from inst.gan.ffclip_loss import FfclipLoss, FfclipSettings, train_ffclip
from inst.gan.losses import ClipView
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


def test_modulation_matches_the_reference_output(golden, fill):
    network = SemanticModulation()
    assert len(network.state_dict()) == 80
    assert sum(p.numel() for p in network.parameters()) == 10_504_264
    network.load_state_dict(fill.fill_state_dict(network.state_dict()))
    network.double()
    text = (0.4 * fill.fill("a/text", (2, 1, 512))).double()
    with torch.no_grad():
        residual = network(fill.fill("a/w_plus18", (2, 18, 512)).double(), text)
    assert_close(residual, golden("ffclip_modulation")["residual"], atol=5e-6, rtol=0)


def naive_block(block, x, e):
    """One block for a single code x (k, d) and text e (d,), with every product written out."""
    d = x.shape[1]
    x = x / torch.sqrt((x**2).mean(0) + 1e-8)
    q = block.q_matrix.weight @ e
    importance = torch.softmax(torch.stack([(block.k_matrix.weight @ row) @ q for row in x]), 0)
    h = importance[:, None] * (x @ block.v_matrix.weight.T)
    attention = block.attention_layer
    key, query = attention.k_matrix.weight[:, 0], x @ attention.q_matrix.weight.T
    table = torch.stack([torch.stack([e[i] * (key @ query[:, j]) for j in range(d)]) for i in range(d)])
    table = torch.softmax(table / d**0.5, dim=1)
    t = functional.layer_norm(((x @ attention.v_matrix.weight.T) @ table).mean(0), (d,))
    h = functional.layer_norm(h + t, (d,))
    h = h * (1 + block.gamma_(e)) + block.beta_(e)
    return torch.where(h > 0, h, 0.01 * h)


def test_blocks_match_a_naive_implementation():
    """In the reference output the attention is saturated; here it is not, which verifies the axes of the softmaxes."""
    torch.manual_seed(0)
    network = SemanticModulation(num_styles=3, width=6, num_blocks=2).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    x, text = torch.randn(2, 3, 6).double(), torch.randn(2, 1, 6).double()
    expected = []
    for row, e in zip(x, text[:, 0], strict=True):
        for block in network.att_mapper:
            row = naive_block(block, row, e)
        expected.append(row)
    assert_close(network(x, text), torch.stack(expected))
    assert_close(network.edit([x], text[:, 0])[0], x + network(x, text))


@pytest.mark.parametrize("prefix", ["module.att_mapper.", "att_mapper.", ""])
def test_checkpoints_are_read_with_and_without_their_prefixes(tmp_path, prefix):
    torch.manual_seed(0)
    network = SemanticModulation(num_styles=5, width=8)
    state = {f"{prefix}{key}": value for key, value in network.state_dict().items()}
    state["module.generator.input.input"] = torch.ones(2)
    torch.save({"state_dict": state, "opts": {"lr": 1}}, tmp_path / "ffclip.pt")
    loaded = load_ffclip(tmp_path / "ffclip.pt", CPU)
    assert (loaded.num_styles, loaded.width, len(loaded.att_mapper)) == (5, 8, 4)
    x, text = torch.randn(2, 5, 8), torch.randn(2, 1, 8)
    assert_close(loaded(x, text), network(x, text).detach(), atol=1e-4, rtol=1e-4)


def test_mismatched_sizes_and_invalid_settings_are_refused(tmp_path):
    torch.save({"state_dict": {"module.generator.x": torch.ones(1)}}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="no FFCLIP network"):
        load_ffclip(tmp_path / "other.pt", CPU)
    network = SemanticModulation(num_styles=5, width=8)
    with pytest.raises(ModelError, match=r"5 layers of 8 .* not 7 layers of 8"):
        network.edit([torch.randn(2, 7, 8)], torch.randn(2, 8))
    with pytest.raises(ModelError, match="with texts of 9"):
        network.edit([torch.randn(2, 5, 8)], torch.randn(2, 9))
    with pytest.raises(ConfigError, match="ArcFace"):
        FfclipLoss(TinyGenerator(8), ClipView(TinyClip()), FfclipSettings())
    with pytest.raises(ConfigError, match="offset_weight"):
        FfclipSettings(offset_weight=-1)


def test_losses_are_those_of_the_paper_and_training_decreases_them():
    torch.manual_seed(0)
    clip, generator = TinyClip(), TinyGenerator(4 * 6)
    network = SemanticModulation(num_styles=4, width=6)
    w_plus, texts = torch.randn(4, 4, 6), clip.embed_text(["a", "b", "a", "b"])
    settings = FfclipSettings(text_weight=2, identity_weight=0, offset_weight=0.1, embed_weight=0.2)
    loss = FfclipLoss(generator, ClipView(clip), settings)
    first = loss(network, w_plus, texts)
    edited = w_plus + network(w_plus, texts[:, None])
    view = ClipView(clip)
    old, new = view.embed_images(generator([w_plus])), view.embed_images(generator([edited]))
    assert_close(first.text, (1 - functional.cosine_similarity(new, texts)).mean().detach())
    assert_close(first.embed, (1 - functional.cosine_similarity(new, old)).mean().detach())
    assert_close(first.offset, (edited - w_plus).abs().mean().detach())
    assert_close(first.total, 2 * first.text + 0.2 * first.embed + 0.1 * first.offset)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    *_, last = train_ffclip(network, loss, [(w_plus, texts)] * 40, optimizer)
    assert last.total < first.total - 0.1


def test_gradients_are_clipped_to_the_norm():
    torch.manual_seed(0)
    clip = TinyClip()
    network = SemanticModulation(num_styles=4, width=6)
    before = torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    loss = FfclipLoss(TinyGenerator(24), ClipView(clip), FfclipSettings(identity_weight=0))
    batch = torch.randn(2, 4, 6), clip.embed_text(["a", "b"])
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    next(train_ffclip(network, loss, [batch], optimizer, max_norm=0.01))
    update = torch.nn.utils.parameters_to_vector(network.parameters()).detach() - before
    assert update.norm() == pytest.approx(0.01, rel=0.02)
