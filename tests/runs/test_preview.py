"""Previews while a painting is learned take at most their share of the time."""

import pytest
from PIL import Image

from inst.commands.diffusion import preview
from inst.errors import TokenError
from inst.pipelines.learning import LearningStep


class Step(LearningStep):
    """A training step whose preview takes four seconds of a clock of its own."""

    def __init__(self, step, clock):
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "clock", clock)

    def preview(self):
        self.clock[0] += 4.0
        return Image.new("RGB", (8, 8))


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(preview.time, "monotonic", lambda: now[0])
    return now


def test_previews_take_a_twentieth_of_the_time(clock, tmp_path):
    previews = preview.Preview(tmp_path / "a.preview.png")
    for step in range(2000):
        previews.offer(Step(step, clock))
        clock[0] += 1.0
        assert previews.count * 4.0 <= preview.SHARE * (clock[0] - 100)
    assert previews.count >= 20
    assert Image.open(tmp_path / "a.preview.png").size == (8, 8)


def test_a_preview_that_fails_does_not_end_the_training(clock, tmp_path, capsys):
    class Broken(Step):
        def preview(self):
            raise TokenError("vectors too long")

    previews = preview.Preview(tmp_path / "a.preview.png")
    for step in range(2000):
        previews.offer(Broken(step, clock))
        clock[0] += 1.0
    assert "no preview at step" in capsys.readouterr().err
