"""Pairs, shares and tables of the quality measurement; the distances themselves are tested in tests/metrics."""

from pathlib import Path

import pytest
import torch
from PIL import Image as PilImage

from benchmarks.common.pairs import another_crop, make_pairs
from benchmarks.quality.scores import SCORES, is_monotone, is_retrieved, mean_distance, share_closer
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


def test_the_repository_has_pictures_for_pairs():
    assert len(packaged_photos()) >= 5
    assert read_photo(packaged_photos()[0], 96).shape == (1, 3, 96, 96)
    assert len(make_pairs(None, None, 10)) == 10


def test_another_crop_is_two_thirds():
    assert another_crop(torch.zeros(1, 3, 90, 60)).shape == (1, 3, 60, 40)


def row(ours: float, other: float, **retrieved: bool) -> dict:
    scores = {"inst": dict.fromkeys(SCORES, ours)}
    scores |= {name: dict.fromkeys(SCORES, other) for name in ("plain img2img", "without inversion", "colour transfer")}
    own = dict.fromkeys(("strokes", "CLIP", "edges", "layout"), True) | retrieved
    return {
        "scores": scores,
        "retrieved": {"inst": own, "colour transfer": dict.fromkeys(own, False)},
        "candidates": {"photo": 20, "painting": 10},
    }


def test_shares_count_ties_half():
    rows = [row(0.1, 0.2), row(0.3, 0.2), row(0.2, 0.2), row(0.1, 0.5)]
    assert share_closer(rows, "inst", "plain img2img", "strokes") == pytest.approx(2.5 / 4)
    assert mean_distance(rows, "inst", "colour") == pytest.approx(0.175)


def test_retrieval_and_monotonicity():
    assert is_retrieved(0.1, [0.2, 0.3])
    assert not is_retrieved(0.2, [0.2, 0.3])
    assert is_monotone([1, 1, 2], rising=True)
    assert not is_monotone([1, 1, 2], rising=False)
    assert is_monotone([3, 2, 2], rising=False)


def test_the_report_contains_every_table():
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
    assert "| closer than plain img2img, stroke distance | 100% | 80% |" in text
    assert "| top-1 painting retrieval (of 10), stroke distance | 50% | 70% | 0% |" in text
    assert "| photo (edge distance) and painting (stroke and CLIP distance) all retrieved | 50% |" in text
    assert "| monotone | yes | yes | yes | no | no |" in text
    assert "| attention | 0.7000 | 0.6000 | 1 |" in text
