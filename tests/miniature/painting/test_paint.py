"""Pictures drawn by code: paintings match the committed files; scenes are reproducible and vary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from miniature.painting import paint  # noqa: E402
from miniature.painting.scenes import SCENES  # noqa: E402

FOLDER = Path(__file__).parents[3] / "style_images"


@pytest.mark.parametrize("name", paint.PICTURES)
def test_a_committed_painting_is_reproduced_by_its_code(name: str) -> None:
    picture = paint.draw(name)
    assert picture.shape == (512, 512, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20
    committed = cv2.imread(str(FOLDER / f"{name}.jpg"))[..., ::-1]
    assert np.abs(picture.astype(float) - committed).mean() < 10  # JPEG of grainy pictures


def test_every_painting_is_credited() -> None:
    credits = (FOLDER / "CREDITS.md").read_text()
    assert {path.stem for path in FOLDER.glob("*.jpg")} == set(paint.PICTURES)
    assert all(f"`{name}.jpg`" in credits for name in paint.PICTURES)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_reproducible_and_varies_with_the_seed(name: str) -> None:
    one, two, other = (SCENES[name](np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert one.shape == (512, 512, 3)
    assert one.dtype == np.float32
    assert 0 <= one.min() < one.max() <= 1
    assert np.abs(one - other).mean() > 0.01
