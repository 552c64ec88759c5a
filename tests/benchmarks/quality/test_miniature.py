"""The report on the miniature: its material is fixed by seeds, its judge tells styles apart, its tables say what is."""

import numpy as np
import pytest

from benchmarks.quality.miniature.__main__ import main
from benchmarks.quality.miniature.renders import gather, held_styles, tensor, trained_styles, write_pictures
from benchmarks.quality.miniature.style_classifier import StyleClassifier, features
from benchmarks.quality.miniature.tables import report
from benchmarks.quality.scores import SCORES


@pytest.fixture(scope="module")
def material():
    return gather(None)


def test_a_clone_holds_twenty_contents_and_enough_styles(material):
    assert len(material.contents) == 20
    assert len(trained_styles()) >= 40
    assert len(held_styles()) >= 10
    assert not set(trained_styles()) & set(held_styles())


def test_a_rendering_depends_on_style_and_index_alone(material):
    one, same, other = (material.rendering("hatching", index) for index in (0, 0, 20))
    assert np.array_equal(one, same)
    assert np.abs(one - other).mean() > 0.01


def test_a_manner_can_be_painted_over_another_content(material):
    own, given, other = (material.rendering("mosaic", 3, content) for content in (None, 3, 4))
    assert np.array_equal(own, given)
    assert np.array_equal(other, material.rendering("mosaic", 3, 24))
    assert np.abs(own - other).mean() > 0.01


def test_the_judge_names_styles_it_has_learned(material):
    names = ["hatching", "mosaic", "halftone"]
    examples = [[features(tensor(material.rendering(name, index))) for index in range(8)] for name in names]
    judge = StyleClassifier([x for row in examples for x in row[:5]], [0] * 5 + [1] * 5 + [2] * 5, 3)
    right = [judge(example) == label for label, row in enumerate(examples) for example in row[5:]]
    assert sum(right) >= 8


def test_pictures_written_are_all_that_is_in_the_folder(tmp_path, material):
    (tmp_path / "old.png").touch()
    write_pictures(tmp_path, {"a": material.contents[0]})
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_without_pictures_is_one_line_and_exit_code_2(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--data", str(tmp_path)])
    assert stopped.value.code == 2
    assert "photos/ and paintings/" in capsys.readouterr().err


def test_the_tables_hold_every_row():
    names = ("inst", "plain img2img", "no inversion", "colour transfer")
    scores = {name: dict.fromkeys(SCORES, 0.1 * (1 + i)) for i, name in enumerate(names)}
    named = {"strokes": True, "CLIP": True, "edges": True, "layout": False}
    rows = [{"scores": scores, "named": {"inst": named}, "among": {"photos": 20, "paintings": 10}}]
    metadata = {
        "model": "mini",
        "own": True,
        "machine": {"processor": "none"},
        "seconds": 60.0,
        "autoencoder": {
            "photos": {"psnr": 27.04, "energy": 0.9},
            "hatching": {"psnr": 20.0, "energy": 0.5},
            **{name: {"psnr": 25.0, "energy": 0.9} for name in held_styles()},
        },
        "eye": {"by caption": 0.5, "nearest neighbour": 0.75, "trained styles": 46, "held styles": 14},
        "texts": {"style": 0.25, "word": 0.1, "judge": 0.8},
        "held styles": {"rows": rows, "sweep": {"0.2": [dict.fromkeys(SCORES, 0.5)]}},
        "real paintings": {"rows": rows, "sweep": {"0.2": [dict.fromkeys(SCORES, 0.5)]}},
    }
    text = report(metadata)
    assert "| autoencoder, photos: PSNR | 27.0 dB | 26 dB |" in text
    assert "| CLIP: style among 46 by caption | 50% | 90% |" in text
    assert "by a classifier right on 80% of renderings | 25% | 85% |" in text
    assert "Outside 0.8 to 1.1: hatching 0.50." in text
    assert text.count("| nearer than plain img2img: colour | 100% | 90% |") == 1
    assert text.count("| nearer than plain img2img: colour | 100% | 85% |") == 1
