"""The four editors behind one protocol, and edits saved to files."""

import pytest
import torch
from support.gan_doubles import TinyClip
from torch.testing import assert_close

from inst.errors import ConfigError, InputError, ModelError
from inst.files import write_safetensors
from inst.gan.codes import to_rgb_styles
from inst.gan.editor import (
    DirectionsEditor,
    FfclipEditor,
    MapperEditor,
    OptimizeEditor,
    check_clip,
    checked_text,
    clip_probe,
    synthesis_fn,
)
from inst.gan.edits import apply_edits, check_edit, edit_between, load_edit, save_edit
from inst.gan.ffclip import SemanticModulation
from inst.gan.losses import ClipView
from inst.gan.settings import OptimizeSettings
from inst.gan.styleclip.directions import ALPHAS, SUFFICIENT_GAIN, text_direction
from inst.gan.styleclip.mapper import LevelsMapper, StyleSpaceMapper
from inst.gan.styleclip.statistics import StyleStatistics

TEXT = "a face with glasses"


@pytest.fixture
def w_plus(narrow, z):
    return narrow.to_w_plus(narrow.map(z)).clone()


@pytest.fixture
def clip():
    return TinyClip()


@pytest.fixture
def directions(narrow, clip):
    widths = narrow.config.style_widths
    rows = sum(w for i, w in enumerate(widths) if i not in to_rgb_styles(len(widths)))
    relevance = torch.nn.functional.normalize(torch.randn(rows, 6, generator=torch.Generator().manual_seed(1)), dim=1)
    statistics = StyleStatistics([torch.zeros(w) for w in widths], [torch.ones(w) for w in widths])
    return DirectionsEditor(narrow, clip, relevance, statistics)


@pytest.mark.parametrize("space", ["w_plus", "styles"])
def test_optimisation_decreases_the_clip_distance_to_the_text(narrow, clip, w_plus, space):
    view = ClipView(clip)
    editor = OptimizeEditor(narrow, view, OptimizeSettings(steps=20, l2=0.0, space=space))
    text = view.embed_text([TEXT]).expand(3, -1)
    codes = editor.edit(w_plus, TEXT)
    before, after = (view.distance(synthesis_fn(narrow)(c), text) for c in ([w_plus], codes))
    assert (after < before - 0.01).all()
    assert len(codes) == (1 if space == "w_plus" else len(narrow.config.style_widths))
    assert len(list(editor.steps(w_plus, TEXT))) == editor.num_steps == 20


def test_directions_of_strength_0_change_nothing_and_never_to_rgb_styles(narrow, directions, w_plus):
    directions.alpha = 0.0
    assert_close(directions.edit(w_plus, TEXT), narrow.styles(w_plus), atol=0, rtol=0)
    directions.alpha = 4.0
    pairs = zip(directions.edit(w_plus, TEXT), narrow.styles(w_plus), strict=True)
    changed = [(a - b).abs().max() > 0.1 for a, b in pairs]
    assert any(changed) and not any(changed[i] for i in to_rgb_styles(len(changed)))


def test_automatic_strength_is_the_smallest_with_a_sufficient_share_of_the_largest_gain(narrow, directions, w_plus):
    directions.alpha = None
    chosen = directions.edit(w_plus, TEXT)
    wanted = text_direction(directions.clip, TEXT, directions.neutral)

    def gain_of(codes):
        embeds = (directions.clip.embed_images(synthesis_fn(narrow)(c).clamp(-1, 1)) for c in (codes, [w_plus]))
        one, other = (torch.nn.functional.normalize(e, dim=1) @ wanted for e in embeds)
        return one - other

    tried = []
    for directions.alpha in ALPHAS:
        tried.append(directions.edit(w_plus, TEXT))
    gains = torch.stack([gain_of(codes) for codes in tried])
    for face, found in enumerate(gain_of(chosen)):
        place = next(
            i for i, gain in enumerate(gains[:, face]) if gain >= SUFFICIENT_GAIN * max(gains[:, face].max(), 0)
        )
        assert_close(found, gains[place, face], atol=1e-5, rtol=1e-4)
        assert_close([style[face] for style in chosen], [style[face] for style in tried[place]], atol=1e-5, rtol=1e-4)


def test_mappers_and_ffclip_edit_in_one_step(narrow, clip, w_plus):
    torch.manual_seed(0)
    mapper = LevelsMapper(7)
    assert_close(MapperEditor(narrow, mapper).edit(w_plus, ""), mapper.edit([w_plus]))
    styles = StyleSpaceMapper({0: 8, 2: 8})
    pairs = zip(MapperEditor(narrow, styles).edit(w_plus, ""), narrow.styles(w_plus), strict=True)
    assert [not torch.equal(a, b) for a, b in pairs] == [i in (0, 2) for i in range(8)]
    clip.embed_dim, clip.map = 7, torch.randn(48, 7)
    network = SemanticModulation(6, 7)
    assert FfclipEditor(network, clip).edit(w_plus, TEXT)[0].shape == w_plus.shape


@pytest.mark.parametrize("kind", ["w_plus", "styles"])
def test_a_saved_edit_reproduces_the_edited_codes(narrow, directions, w_plus, tmp_path, kind):
    torch.manual_seed(0)
    editor = directions if kind == "styles" else MapperEditor(narrow, LevelsMapper(7))
    edited = editor.edit(w_plus, TEXT)
    save_edit(tmp_path / "e.safetensors", edit_between(narrow, w_plus, edited, text=TEXT))
    edit = load_edit(tmp_path / "e.safetensors")
    assert edit.metadata["text"] == TEXT and edit.in_w_plus == (kind == "w_plus")
    assert_close(apply_edits(narrow, w_plus, [edit]), edited)
    nothing = apply_edits(narrow, w_plus, [edit.scaled(0.5), edit.scaled(-0.5)])
    assert_close(synthesis_fn(narrow)(nothing), narrow(w_plus), atol=1e-4, rtol=1e-4)
    other = w_plus[:2].flip(0)  # another number of codes: the mean offset is applied
    edited_others = apply_edits(narrow, other, [edit])
    before = [other] if kind == "w_plus" else narrow.styles(other)
    for new, old, offset in zip(edited_others, before, edit.offsets, strict=True):
        assert_close(new - old, offset.mean(0, keepdim=True).expand_as(new), atol=1e-5, rtol=1e-4)


def test_edits_of_both_spaces_are_combined(narrow, directions, w_plus):
    torch.manual_seed(0)
    by_map = edit_between(narrow, w_plus, MapperEditor(narrow, LevelsMapper(7)).edit(w_plus, ""))
    by_text = edit_between(narrow, w_plus, directions.edit(w_plus, TEXT))
    mixed = apply_edits(narrow, w_plus, [by_text, by_map])
    both = [a + b for a, b in zip(narrow.styles(w_plus + by_map.offsets[0]), by_text.offsets, strict=True)]
    assert_close(mixed, both)


def test_mismatched_networks_edits_and_clip_models_are_refused(narrow, directions, clip, w_plus, tmp_path):
    with pytest.raises(ModelError, match="trained for another generator"):
        MapperEditor(narrow, LevelsMapper(9))
    with pytest.raises(ModelError, match="trained for another generator"):
        MapperEditor(narrow, StyleSpaceMapper({0: 5}))
    with pytest.raises(ModelError, match="a CLIP of width 6, and tiny has 9"):
        clip.embed_dim = 9
        DirectionsEditor(narrow, clip, directions.relevance, directions.statistics)
    clip.embed_dim = 6
    with pytest.raises(ModelError, match="the statistics are of a generator with 7 styles"):
        fewer = StyleStatistics(directions.statistics.means[1:], directions.statistics.stds[1:])
        DirectionsEditor(narrow, clip, directions.relevance, fewer)
    edit = edit_between(narrow, w_plus, [w_plus + 1])
    edit.metadata["generator"] = "0" * 16
    with pytest.raises(ModelError, match="another generator of this size"):
        check_edit(edit, narrow)
    wide = edit_between(narrow, w_plus, [w_plus + 1])
    wide.offsets[0] = wide.offsets[0][:, 1:]
    with pytest.raises(ModelError, match="changes codes of 5 layers of 7, and this 16 px generator takes 6 of 7"):
        apply_edits(narrow, w_plus, [wide])
    write_safetensors(tmp_path / "x.safetensors", {"w_plus": torch.ones(1, 6, 7)}, {})
    with pytest.raises(InputError, match="holds no edit"):
        load_edit(tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="made with the CLIP ViT-X, not tiny"):
        check_clip(clip, -clip_probe(clip), "fs3", "ViT-X")
    check_clip(clip, clip_probe(clip), "fs3", "ViT-X")


@pytest.mark.parametrize(("text", "sentence"), [(" \n", "text is empty"), ("a " * 300, "has 599 characters")])
def test_empty_and_overlong_texts_are_refused(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        checked_text(text)
