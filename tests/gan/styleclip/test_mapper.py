"""StyleCLIP's latent mappers: reference output, Ranger, training, and latent codes from files."""

import math

import pytest
import torch
from support.gan_doubles import TinyClip, TinyGenerator
from torch.testing import assert_close

from inst.errors import ConfigError, InputError, ModelError
from inst.gan.codes import read_codes, to_rgb_styles
from inst.gan.losses import ClipView
from inst.gan.styleclip.mapper import LevelsMapper, SingleMapper, StyleSpaceMapper, load_mapper
from inst.gan.styleclip.ranger import Ranger
from inst.gan.styleclip.train_mapper import (
    MapperLoss,
    MapperSettings,
    shuffled_batches,
    train_mapper,
    validate_mapper,
)
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)
WIDTHS = [512] * 15 + [256] * 3 + [128] * 3 + [64] * 3 + [32] * 2
STYLES = {index: width for index, width in enumerate(WIDTHS) if index not in to_rgb_styles(26)}


def filled(fill, mapper):
    """A checkpoint of the mapper with deterministic values, which depend on the names in the checkpoint."""
    state = fill.fill_state_dict({f"mapper.{key}": value for key, value in mapper.state_dict().items()})
    return {"state_dict": {**state, "decoder.style.1.bias": torch.ones(2)}, "opts": {"no_fine_mapper": False}}


@pytest.mark.parametrize("kind", ["levels", "stylespace"])
def test_mappers_match_the_reference_output(golden, fill, tmp_path, kind):
    with torch.device("meta"):
        empty = LevelsMapper() if kind == "levels" else StyleSpaceMapper(STYLES)
    uninitialised = empty.to_empty(device="cpu")
    torch.save(filled(fill, uninitialised), tmp_path / "mapper.pt")
    mapper = load_mapper(tmp_path / "mapper.pt", CPU)
    if kind == "levels":
        (result,) = mapper([fill.fill("a/w_plus18", (2, 18, 512))])
    else:
        styles = [fill.fill(f"a/style.{i}", (2, 1, width, 1, 1)).flatten(1) for i, width in enumerate(WIDTHS)]
        result = torch.cat(mapper(styles), dim=1)
    assert_close(result, golden("latent_mapper")[kind], atol=1e-4, rtol=1e-4)


def test_parameters_have_the_published_names():
    assert "course_mapping.mapping.4.bias" in LevelsMapper(8).state_dict()
    assert "mapping.mapping.1.weight" in SingleMapper(8).state_dict()
    assert sorted(StyleSpaceMapper({0: 4, 2: 4}).state_dict())[-1] == "mapper_2.mapping.4.weight"


@pytest.mark.parametrize(
    "mapper",
    [
        LevelsMapper(8),
        LevelsMapper(8, ["course_mapping", "medium_mapping"]),
        SingleMapper(8),
        StyleSpaceMapper({0: 8, 2: 6}),
    ],
)
def test_the_kind_of_mapper_is_detected_from_the_keys(tmp_path, mapper):
    state = {f"mapper.{key}": value for key, value in mapper.state_dict().items()}
    torch.save({"state_dict": state, "opts": {}}, tmp_path / "m.pt")
    loaded = load_mapper(tmp_path / "m.pt", CPU)
    assert type(loaded) is type(mapper)
    codes = [torch.randn(2, 8), torch.randn(2, 8), torch.randn(2, 6)]
    codes = codes if isinstance(mapper, StyleSpaceMapper) else [torch.randn(2, 10, 8)]
    for offset, expected, code in zip(loaded(codes), mapper(codes), codes, strict=True):
        assert_close(offset, expected)
        assert offset.shape == code.shape


def test_levels_that_are_left_out_do_not_change():
    w_plus = torch.randn(2, 12, 8)
    (edited,) = LevelsMapper(8, ["medium_mapping"]).edit([w_plus], 0.5)
    changed = (edited != w_plus).flatten(2).any(2).any(0)
    assert changed.tolist() == [False] * 4 + [True] * 4 + [False] * 4
    (offset,) = SingleMapper(8)([w_plus])
    single = SingleMapper(8)
    assert_close(single.edit([w_plus])[0], w_plus + 0.1 * single([w_plus])[0])
    assert offset.abs().max() > 0


def test_files_of_another_kind_are_refused(tmp_path):
    torch.save({"state_dict": {"encoder.x": torch.ones(1)}}, tmp_path / "e4e.pt")
    with pytest.raises(ModelError, match="no latent mapper"):
        load_mapper(tmp_path / "e4e.pt", CPU)
    state = {f"mapper.{key}": value for key, value in SingleMapper(4).state_dict().items()}
    del state["mapper.mapping.mapping.3.bias"]
    torch.save({"state_dict": state}, tmp_path / "half.pt")
    with pytest.raises(ModelError, match=r"the first is mapping\.mapping\.3\.bias"):
        load_mapper(tmp_path / "half.pt", CPU)


def test_ranger_without_lookahead_is_radam():
    """Against torch's RAdam: the gradient of a vector is not centralised, and k exceeds the number of steps."""
    start, target = torch.randn(7), torch.randn(7)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    ranger = Ranger([ours], lr=0.1, k=100)
    radam = torch.optim.RAdam([theirs], lr=0.1, betas=(0.95, 0.999), eps=1e-5)
    for _ in range(20):
        for x, optimizer in ((ours, ranger), (theirs, radam)):
            optimizer.zero_grad()
            ((x - target) ** 2 * torch.arange(7)).sum().backward()
            optimizer.step()
    assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert (ours - start).abs().max() > 0.1


def test_ranger_applies_lookahead_every_kth_step():
    start = torch.randn(5)
    fast, slow = start.clone().requires_grad_(), start.clone().requires_grad_()
    optimizers = Ranger([fast], lr=0.1, k=100), Ranger([slow], lr=0.1, k=3)
    for step in range(3):
        for x, optimizer in zip((fast, slow), optimizers, strict=True):
            x.grad = torch.ones(5) * (step + 1)
            optimizer.step()
        if step < 2:
            assert torch.equal(fast, slow)
    assert_close(slow.detach(), start + 0.5 * (fast.detach() - start))


def test_ranger_centralises_the_gradients_of_matrices():
    x = torch.zeros(2, 3, requires_grad=True)
    x.grad = torch.tensor([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]])
    Ranger([x], lr=1.0).step()
    # the first update is −lr·m/(1 − β₁), where m is computed from the centralised gradient
    assert_close(x.detach(), torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]]))


def test_ranger_resumes_from_a_saved_state():
    from inst.training.tensors import optimizer_tensors, restore_optimizer

    def steps(x, optimizer, numbers):
        for number in numbers:
            x.grad = torch.full_like(x, 1.0 + number) * torch.arange(6).view(2, 3)
            optimizer.step()

    whole, first = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    steps(whole, Ranger([whole], lr=0.1), range(14))
    optimizer = Ranger([first], lr=0.1)
    steps(first, optimizer, range(8))
    second = first.detach().clone().requires_grad_()
    resumed = Ranger([second], lr=0.1)
    restore_optimizer(resumed, {name: value.clone() for name, value in optimizer_tensors(optimizer).items()})
    steps(second, resumed, range(8, 14))
    assert torch.equal(second, whole)


def test_training_decreases_the_loss_on_unseen_codes():
    torch.manual_seed(0)
    clip, generator = TinyClip(), TinyGenerator(12 * 8)
    codes = [torch.randn(12, 12, 8)]
    loss = MapperLoss(
        clip.embed_text(["x"]),
        generator,
        ClipView(clip),
        MapperSettings(identity_weight=0, l2_weight=0.1, strength=1.0),
    )
    mapper = LevelsMapper(8)
    batches = shuffled_batches([codes[0][:8]], 2, torch.Generator().manual_seed(0))
    unseen = [[codes[0][8:]]]
    before = validate_mapper(mapper, loss, unseen)
    optimizer = Ranger(mapper.parameters(), lr=0.5)
    steps = [losses for losses, _ in zip(train_mapper(mapper, loss, batches, optimizer), range(150), strict=False)]
    assert validate_mapper(mapper, loss, unseen) < before - 0.1
    last = steps[-1]
    assert_close(last.total, last.clip + 0.1 * last.l2)
    assert math.isfinite(last.total) and not last.total.requires_grad


def test_the_l2_loss_is_the_sum_over_styles_of_mean_squares():
    clip = TinyClip()
    styles = [torch.randn(2, 8), torch.randn(2, 4), torch.randn(2, 8)]
    mapper = StyleSpaceMapper({0: 8, 2: 8})
    loss = MapperLoss(
        clip.embed_text(["x"]), TinyGenerator(20), ClipView(clip), MapperSettings(identity_weight=0, strength=1.0)
    )
    expected = sum(offset.square().mean() for offset in mapper(styles))
    assert_close(loss(mapper, styles).l2, expected.detach())


def test_invalid_settings_are_refused():
    clip = TinyClip()
    with pytest.raises(ConfigError, match="ArcFace"):
        MapperLoss(clip.embed_text(["x"]), TinyGenerator(8), ClipView(clip), MapperSettings())
    with pytest.raises(ConfigError, match="there are 3 codes"):
        next(shuffled_batches([torch.randn(3, 2, 8)], 4, torch.Generator()))
    with pytest.raises(ConfigError, match="l2_weight=-1"):
        MapperSettings(l2_weight=-1)


def test_latent_codes_are_read_from_files(tmp_path):
    import numpy as np

    w_plus = torch.randn(3, 10, 8)
    styles = [torch.randn(3, 1, width, 1, 1) for width in (8, 8, 4)]
    torch.save(w_plus, tmp_path / "w.pt")
    np.save(tmp_path / "w.npy", w_plus.numpy())
    torch.save(styles, tmp_path / "s.pt")
    for name in ("w.pt", "w.npy"):
        (code,) = read_codes(tmp_path / name)
        assert torch.equal(code, w_plus)
    assert [style.shape for style in read_codes(tmp_path / "s.pt")] == [(3, 8), (3, 8), (3, 4)]
    torch.save({"nothing": 1}, tmp_path / "bad.pt")
    with pytest.raises(InputError, match="no latent codes"):
        read_codes(tmp_path / "bad.pt")
    torch.save(w_plus / 0, tmp_path / "nan.pt")
    with pytest.raises(InputError, match="NaN"):
        read_codes(tmp_path / "nan.pt")
