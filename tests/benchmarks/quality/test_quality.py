"""Pairs, shares and tables of the quality measures; the measures themselves are tested in tests/metrics."""

from pathlib import Path

import pytest
import torch
from PIL import Image as PilImage

from benchmarks.common.pairs import another_crop, make_pairs
from benchmarks.quality.scores import SCORES, is_monotone, is_named, mean_score, share_nearer
from benchmarks.quality.tables import report
from miniature.common.example_pictures import packaged_photos, read_photo


def folder_of(path: Path, count: int) -> Path:
    path.mkdir()
    for i in range(count):
        PilImage.new("RGB", (80, 64), (i, 0, 0)).save(path / f"{i}.png")
    return path


@pytest.mark.parametrize(("photos", "paintings"), [(5, 6), (6, 5), (4, 4), (1, 3)])
def test_pairs_are_all_different_and_use_everything(tmp_path: Path, photos: int, paintings: int):
    left, right = folder_of(tmp_path / "photos", photos), folder_of(tmp_path / "paintings", paintings)
    pairs = make_pairs(left, right, 1000)
    assert len({(pair.photo, pair.painting) for pair in pairs}) == len(pairs) == photos * paintings
    few = make_pairs(left, right, min(photos, paintings))
    assert len({pair.painting for pair in few}) == len(few)


def test_a_clone_holds_pairs():
    assert len(packaged_photos()) >= 5
    assert read_photo(packaged_photos()[0], 96).shape == (1, 3, 96, 96)
    assert len(make_pairs(None, None, 10)) == 10


def test_another_crop_is_two_thirds():
    assert another_crop(torch.zeros(1, 3, 90, 60)).shape == (1, 3, 60, 40)


def row(ours: float, other: float, **named: bool) -> dict:
    scores = {"inst": dict.fromkeys(SCORES, ours)}
    scores |= {name: dict.fromkeys(SCORES, other) for name in ("plain img2img", "no inversion", "colour transfer")}
    known = dict.fromkeys(("strokes", "CLIP", "edges", "layout"), True) | named
    return {
        "scores": scores,
        "named": {"inst": known, "colour transfer": dict.fromkeys(known, False)},
        "among": {"photos": 20, "paintings": 10},
    }


def test_shares_count_ties_half():
    rows = [row(0.1, 0.2), row(0.3, 0.2), row(0.2, 0.2), row(0.1, 0.5)]
    assert share_nearer(rows, "inst", "plain img2img", "strokes") == pytest.approx(2.5 / 4)
    assert mean_score(rows, "inst", "colour") == pytest.approx(0.175)


def test_naming_and_monotony():
    assert is_named(0.1, [0.2, 0.3])
    assert not is_named(0.2, [0.2, 0.3])
    assert is_monotone([1, 1, 2], rising=True)
    assert not is_monotone([1, 1, 2], rising=False)
    assert is_monotone([3, 2, 2], rising=False)


def test_the_report_holds_every_table():
    sweep = {"0.2": [dict.fromkeys(SCORES, 0.5)], "0.3": [dict.fromkeys(SCORES, 0.4)]}
    metadata = {
        "machine": {"processor": "none"},
        "model": "mini",
        "rows": [row(0.1, 0.2), row(0.1, 0.2, strokes=False)],
        "sweep": sweep,
        "texts": {"attention": [{"text": 0.7, "painting": 0.6}]},
        "seconds": 120.0,
    }
    text = report(metadata)
    assert "| nearer than plain img2img: strokes | 100% | 80% |" in text
    assert "| names its painting among 10 by strokes | 50% | 70% | 0% |" in text
    assert "| at once" in text or "at once | 50% |" in text
    assert "| monotone | yes | yes | yes | no | no |" in text
    assert "| attention | 0.7000 | 0.6000 | 1 |" in text
