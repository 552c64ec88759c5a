"""The attribute classifier in small: it learns, is cached, and reads every choice."""

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
    """accelerate keeps one precision a process, and other tests' is float32."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "avatars"
    dataset.write_avatars(folder, COUNT, 64, seed=3)
    return folder


def test_attributes_are_read_learned_and_cached(state: Path, tmp_path: Path) -> None:
    crowd = AvatarDataset.open(state)
    pictures = crowd.images(crowd.train)
    classifier = module.train(crowd, tmp_path, Budget(steps=30), batch=32, device="cpu", widths=(16, 24, 32))
    module.save_classifier(classifier, tmp_path)
    found = module.classifier_in(tmp_path, Budget(steps=1)).predict(pictures)
    assert [*found] == [*CHOICES]
    for name, (read, probabilities) in found.items():
        assert probabilities.shape == (len(pictures), len(CHOICES[name]))
        assert_close(probabilities.sum(1), torch.ones(len(pictures)))
        assert read == [[*CHOICES[name]][row] for row in probabilities.argmax(1)]
    right = np.mean([one == crowd.attributes[row].background for row, one in enumerate(found["background"][0])])
    assert right > 0.5  # of eight grounds, which fill a picture
    shown = module.table(classifier, crowd)
    assert all(f"| {name} | " in shown for name in ("figure", "glasses", "hat", "mouth"))
    with pytest.raises(InputError, match="no file"):
        module.load_classifier(tmp_path / "elsewhere")
