"""A small attribute classifier: it learns, is cached, and predicts every attribute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState

from benchmarks.gan_edits import classifier as module
from inst.errors import InputError
from miniature.avatars import CHOICES
from miniature.avatars.data import writer as dataset
from miniature.avatars.data.dataset import AvatarDataset
from miniature.common.training import Budget

COUNT = 30


@pytest.fixture(autouse=True)
def precision_of_its_own() -> Iterator[None]:
    """accelerate has one precision per process, and other tests use float32."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "avatars"
    dataset.write_avatars(folder, COUNT, 64, seed=3)
    return folder


def test_the_classifier_learns_and_is_cached(state: Path, tmp_path: Path) -> None:
    dataset = AvatarDataset.open(state)
    pictures = dataset.images(dataset.train)
    classifier = module.train(dataset, tmp_path, Budget(steps=30), batch=32, device="cpu", widths=(16, 24, 32))
    module.save_classifier(classifier, tmp_path)
    predictions = module.classifier_in(tmp_path, Budget(steps=1)).predict(pictures)
    assert [*predictions] == [*CHOICES]
    for name, (values, probabilities) in predictions.items():
        assert probabilities.shape == (len(pictures), len(CHOICES[name]))
        assert_close(probabilities.sum(1), torch.ones(len(pictures)))
        assert values == [[*CHOICES[name]][row] for row in probabilities.argmax(1)]
    accuracy = np.mean(
        [one == dataset.attributes[row].background for row, one in enumerate(predictions["background"][0])]
    )
    assert accuracy > 0.5  # of eight backgrounds, which cover most of an image
    table = module.table(classifier, dataset)
    assert all(f"| {name} | " in table for name in ("figure", "glasses", "hat", "mouth"))
    with pytest.raises(InputError, match="no file"):
        module.load_classifier(tmp_path / "elsewhere")
