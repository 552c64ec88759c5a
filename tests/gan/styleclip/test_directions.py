"""StyleCLIP's global directions: text directions, StyleSpace statistics, channel relevance."""

import pickle

import numpy as np
import pytest
import torch
from support.gan_doubles import TinyClip, TinyGenerator
from torch.nn import functional
from torch.testing import assert_close

from inst.clip.templates import IMAGENET_TEMPLATES
from inst.errors import ConfigError, InputError, ModelError
from inst.gan.styleclip.directions import (
    automatic_beta,
    embed_class,
    move,
    num_channels,
    read_relevance,
    style_direction,
    text_direction,
)
from inst.gan.styleclip.relevance import RelevanceSettings, channel_directions, channel_relevance
from inst.gan.styleclip.statistics import read_statistics, style_statistics, write_statistics

WIDTHS = (8, 8, 8, 6, 6, 6)
FROZEN = frozenset({1, 4})


def test_directions_match_the_reference_output(golden, fill):
    expected = golden("global_direction")
    relevance = channel_directions(fill.fill("a/features", (28, 10, 2, 32)))
    assert_close(relevance, expected["channel_directions"], atol=1e-4, rtol=1e-4)
    text = functional.normalize(fill.fill("a/text_direction", (32,)), dim=0)
    stds = [fill.fill(f"a/std.{i}", (width,)).abs() + 0.1 for i, width in enumerate(WIDTHS)]
    direction = style_direction(relevance, text, stds, 0.1, frozen=FROZEN)
    assert_close(torch.cat(direction), expected["stylespace_direction"], atol=1e-4, rtol=1e-4)
    assert num_channels(relevance, text, 0.1) == expected["channels_changed"].item()


@pytest.fixture
def relevance():
    return torch.diag(torch.tensor([0.9, -0.6, 0.3, 0.15, 0.05]))


TEXT = torch.ones(5)
STDS = [torch.tensor([1.0, 2.0]), torch.tensor([7.0]), torch.tensor([4.0, 5.0, 6.0])]


def test_direction_of_a_small_example(relevance):
    direction = style_direction(relevance, TEXT, STDS, 0.2, frozen={1})
    assert_close(direction[0], torch.tensor([1.0, -2 / 3 * 2]))
    assert_close(direction[1], torch.zeros(1))
    assert_close(direction[2], torch.tensor([1 / 3 * 4, 0, 0]))
    edited = move([torch.zeros(2, 2), torch.ones(2, 1), torch.zeros(2, 3)], direction, -3)
    assert_close(edited[0][1], torch.tensor([-3.0, 4.0]))
    assert_close(edited[1], torch.ones(2, 1))


def test_channels_without_rows_do_not_change(relevance):
    direction = style_direction(relevance[:3], TEXT, STDS, 0.0, frozen={1})
    assert_close(direction[2], torch.tensor([1 / 3 * 4, 0, 0]))
    with pytest.raises(ConfigError, match="5 rows, but the generator only 2 channels"):
        style_direction(relevance, TEXT, STDS, 0.0, frozen={1, 2})


def test_a_threshold_above_all_channels_names_the_largest_useful_one(relevance):
    with pytest.raises(ConfigError, match=r"beta=0\.95 leaves no channel .* at most 0\.899 "):
        style_direction(relevance, TEXT, STDS, 0.95, frozen={1})
    assert sum(int((d != 0).sum()) for d in style_direction(relevance, TEXT, STDS, 0.9, frozen={1})) == 1


def test_automatic_threshold_keeps_enough_and_not_too_many_channels():
    relevance = torch.linspace(0.101, 0.35, 50)[:, None]
    text = torch.ones(1)
    beta = automatic_beta(relevance, text)
    assert num_channels(relevance, text, beta) > 20 >= num_channels(relevance, text, beta + 0.01)
    assert automatic_beta(relevance, text, min_channels=100) == 0.1
    assert automatic_beta(relevance, text, max_channels=45) == beta
    assert num_channels(relevance, text, automatic_beta(relevance, text, max_channels=5)) == 5


def test_templates_are_those_of_openai():
    from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES

    theirs = {template("{}") for template in OPENAI_IMAGENET_TEMPLATES}
    assert set(IMAGENET_TEMPLATES) == theirs - {"a photo of many {}."}
    assert len(IMAGENET_TEMPLATES) == 79


def test_text_direction_is_the_normalised_difference_of_ensembled_embeddings():
    clip = TinyClip()
    direction = text_direction(clip, "red hair", "hair", ["a {}.", "the {}."])
    sides = []
    for name in ("red hair", "hair"):
        each = functional.normalize(clip.embed_text([f"a {name}.", f"the {name}."]), dim=1).mean(0)
        sides.append(each / each.norm())
    expected = sides[0] - sides[1]
    assert_close(direction, expected / expected.norm())
    assert embed_class(clip, "hair", ["{}"]).norm() == pytest.approx(1)
    with pytest.raises(ConfigError, match="mean the same"):
        text_direction(clip, "hair", "hair")


# statistics


def test_batched_statistics_match_numpy(tmp_path):
    generator = torch.Generator().manual_seed(0)
    styles = [torch.randn(50, width, generator=generator) * 3 + 100 for width in (4, 2)]
    batches = [[style[start : start + 15] for style in styles] for start in range(0, 50, 15)]
    statistics = style_statistics(batches)
    assert statistics.widths == (4, 2)
    for style, mean, std in zip(styles, statistics.means, statistics.stds, strict=True):
        assert np.allclose(mean, style.double().numpy().mean(0), rtol=1e-6)
        assert np.allclose(std, style.double().numpy().std(0), rtol=1e-5)
    write_statistics(tmp_path / "s.safetensors", statistics)
    read = read_statistics(tmp_path / "s.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(read.stds, statistics.stds, strict=True))
    with pytest.raises(InputError, match="none were given"):
        style_statistics([])


@pytest.mark.parametrize("protocol", [2, 4])
def test_published_statistics_are_read(tmp_path, protocol):
    means = [np.arange(3, dtype=np.float32), np.ones(2, np.float32)]
    stds = [np.full(3, 0.5, np.float32), np.asfortranarray(np.array([[1.0, 2.0]], ">f4"))]
    (tmp_path / "S_mean_std").write_bytes(pickle.dumps([means, stds], protocol=protocol))
    statistics = read_statistics(tmp_path / "S_mean_std")
    assert statistics.means[0].tolist() == [0, 1, 2] and statistics.stds[1].tolist() == [1, 2]
    for bad in ([means], [means, stds[:1]], {"a": 1}, [means, [1, 2]]):
        (tmp_path / "bad").write_bytes(pickle.dumps(bad, protocol=protocol))
        with pytest.raises(InputError, match=r"no statistics|damaged"):
            read_statistics(tmp_path / "bad")


def test_a_relevance_matrix_is_read_from_a_file(tmp_path):
    np.save(tmp_path / "fs3.npy", np.eye(4, 6, dtype=np.float16))
    assert torch.equal(read_relevance(tmp_path / "fs3.npy"), torch.eye(4, 6))
    np.save(tmp_path / "w.npy", np.zeros((2, 18, 512), np.float32))
    with pytest.raises(ModelError, match="no relevance matrix"):
        read_relevance(tmp_path / "w.npy")


# relevance


@pytest.fixture
def scene():
    """Five samples of three styles, of which the second is to-RGB."""
    generator = torch.Generator().manual_seed(0)
    samples = [torch.randn(5, width, generator=generator) for width in (3, 2, 2)]
    return samples, style_statistics([samples]), TinyGenerator(7), TinyClip()


def brute_force(scene, mode, strength):
    """One channel and one sample at a time; in reference mode a visited channel stays at its mean."""
    samples, statistics, generator, clip = scene
    codes, rows = [style.clone() for style in samples], []
    for style, width in ((0, 3), (2, 2)):
        for channel in range(width):
            differences = []
            for i in range(5):
                features = []
                for sign in (-1, 1):
                    row = [code[i : i + 1].clone() for code in codes]
                    row[style][0, channel] = statistics.means[style][channel]
                    row[style][0, channel] += sign * strength * statistics.stds[style][channel]
                    image = generator(row)
                    if mode == "reference":
                        image = torch.floor((image + 1) * 127.5) / 127.5 - 1
                    feature = clip.embed_images(image)[0]
                    features.append(feature / feature.norm())
                difference = features[1] - features[0]
                differences.append(difference / difference.norm())
            mean = torch.stack(differences).mean(0)
            rows.append(mean / mean.norm())
            if mode == "reference":
                codes[style][:, channel] = statistics.means[style][channel]
    return torch.stack(rows)


@pytest.mark.parametrize("mode", ["clean", "reference"])
def test_relevance_matches_brute_force_and_can_be_split(scene, mode):
    samples, statistics, generator, clip = scene
    kept = [style.clone() for style in samples]
    settings = RelevanceSettings(mode=mode, strength=2.0, batch_size=6)
    rows = list(channel_relevance(samples, statistics, generator, clip.embed_images, settings, frozen={1}))
    assert [(row.style, row.channel) for row in rows] == [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)]
    assert_close(torch.stack([row.direction for row in rows]), brute_force(scene, mode, 2.0), atol=1e-4, rtol=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(samples, kept, strict=True)), "the caller's samples are not modified"
    subset = {"frozen": {1}, "only": {1, 3}}
    again = list(channel_relevance(samples, statistics, generator, clip.embed_images, settings, **subset))
    assert [(row.style, row.channel) for row in again] == [(0, 1), (2, 0)]
    assert all(torch.equal(row.direction, rows[n].direction) for row, n in zip(again, (1, 3), strict=True))


def test_the_modes_differ_after_the_first_channel(scene):
    clean, reference = (brute_force(scene, mode, 2.0) for mode in ("clean", "reference"))
    assert_close(clean[0], reference[0], atol=0.05, rtol=0.05)
    assert (clean[-1] - reference[-1]).abs().max() > 0.01


def test_batch_size_does_not_change_the_result(scene):
    samples, statistics, generator, clip = scene
    results = []
    for batch_size in (1, 100):
        settings = RelevanceSettings(batch_size=batch_size)
        rows = channel_relevance(samples, statistics, generator, clip.embed_images, settings)
        results.append(torch.stack([row.direction for row in rows]))
        assert max(len(call[0]) for call in generator.calls) <= max(2, batch_size)
    assert_close(*results, atol=1e-5, rtol=1e-4)


def test_settings_out_of_range_are_refused():
    for bad in ({"strength": 0.0}, {"batch_size": 0}):
        with pytest.raises(ConfigError, match="out of range"):
            RelevanceSettings(**bad)
