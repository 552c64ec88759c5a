"""The report on the embedded model: test images fixed by seeds, the style classifier, the tables."""

import numpy as np
import pytest

from benchmarks.quality.miniature.__main__ import main
from benchmarks.quality.miniature.images import held_out_styles, load_images, to_tensor, trained_styles, write_pictures
from benchmarks.quality.miniature.style_classifier import StyleClassifier, features
from benchmarks.quality.miniature.tables import report
from benchmarks.quality.scores import SCORES


@pytest.fixture(scope="module")
def images():
    return load_images(None)


def test_the_repository_has_twenty_contents_and_enough_styles(images):
    assert len(images.contents) == 20
    assert len(trained_styles()) >= 40
    assert len(held_out_styles()) >= 10
    assert not set(trained_styles()) & set(held_out_styles())


def test_a_rendering_depends_only_on_style_and_index(images):
    one, same, other = (images.rendering("hatching", index) for index in (0, 0, 20))
    assert np.array_equal(one, same)
    assert np.abs(one - other).mean() > 0.01


def test_a_rendering_can_be_repeated_with_another_content(images):
    default, same, other = (images.rendering("mosaic", 3, content) for content in (None, 3, 4))
    assert np.array_equal(default, same)
    assert np.array_equal(other, images.rendering("mosaic", 3, 24))
    assert np.abs(default - other).mean() > 0.01


def test_the_classifier_recognises_styles_that_it_was_trained_on(images):
    names = ["hatching", "mosaic", "halftone"]
    examples = [[features(to_tensor(images.rendering(name, index))) for index in range(8)] for name in names]
    classifier = StyleClassifier([x for row in examples for x in row[:5]], [0] * 5 + [1] * 5 + [2] * 5, 3)
    correct = [classifier(example) == label for label, row in enumerate(examples) for example in row[5:]]
    assert sum(correct) >= 8


def test_writing_pictures_removes_older_ones(tmp_path, images):
    (tmp_path / "old.png").touch()
    write_pictures(tmp_path, {"a": images.contents[0]})
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_without_pictures_is_one_line_and_exit_code_2(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--data", str(tmp_path)])
    assert stopped.value.code == 2
    assert "photos/ and paintings/" in capsys.readouterr().err


def test_the_tables_contain_every_row():
    names = ("inst", "plain img2img", "without inversion", "colour transfer")
    scores = {name: dict.fromkeys(SCORES, 0.1 * (1 + i)) for i, name in enumerate(names)}
    retrieved = {"strokes": True, "CLIP": True, "edges": True, "layout": False}
    rows = [{"scores": scores, "retrieved": {"inst": retrieved}, "candidates": {"photo": 20, "painting": 10}}]
    metadata = {
        "model": "mini",
        "custom": True,
        "machine": {"processor": "none"},
        "seconds": 60.0,
        "autoencoder": {
            "photos": {"psnr": 27.04, "energy": 0.9},
            "hatching": {"psnr": 20.0, "energy": 0.5},
            **{name: {"psnr": 25.0, "energy": 0.9} for name in held_out_styles()},
        },
        "clip": {"by caption": 0.5, "nearest neighbour": 0.75, "trained styles": 46, "held-out styles": 14},
        "text to image": {"style": 0.25, "subject": 0.1, "classifier accuracy": 0.8},
        "held-out styles": {"rows": rows, "sweep": {"0.2": [dict.fromkeys(SCORES, 0.5)]}},
        "real paintings": {"rows": rows, "sweep": {"0.2": [dict.fromkeys(SCORES, 0.5)]}},
    }
    text = report(metadata)
    assert "| autoencoder: reconstruction PSNR, photos | 27.0 dB | 26 dB |" in text
    assert "| CLIP: zero-shot style accuracy (of 46) | 50% | 90% |" in text
    assert "by a classifier with 80% accuracy on renderings | 25% | 85% |" in text
    assert "Outside 0.8 to 1.1: hatching 0.50." in text
    assert text.count("| closer than plain img2img, colour distance | 100% | 90% |") == 1
    assert text.count("| closer than plain img2img, colour distance | 100% | 85% |") == 1
