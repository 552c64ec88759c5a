"""Ranges and choices of options: errors say what was given and what is accepted."""

import pytest

from inst.commands.diffusion.options import GenerateOptions, StylizeOptions, TrainOptions
from inst.errors import ConfigError


@pytest.mark.parametrize(
    ("schema", "values", "sentence"),
    [
        (StylizeOptions, {"strength": 1.2}, "strength=1.2 is out of range: give 0 to 1"),
        (StylizeOptions, {"strength": float("nan")}, "strength=nan is not a finite number: give 0 to 1"),
        (StylizeOptions, {"guidance_scale": float("inf")}, "guidance-scale=inf is not a finite number: give 0 to 100"),
        (StylizeOptions, {"num_steps": 0}, "num-steps=0 is out of range: give 1 to 1000"),
        (StylizeOptions, {"sampler": "dpm"}, "did you mean dpm"),
        (TrainOptions, {"learning_rate": 0.0}, "learning-rate=0.0 is out of range"),
        (TrainOptions, {"preset": "papr"}, "did you mean paper"),
        (GenerateOptions, {"num_images": 0}, "num-images=0 is out of range: give 1 to 1000"),
        (GenerateOptions, {"height": 7}, "height=7 is out of range: give 64 to 2048"),
    ],
)
def test_values_out_of_range_are_refused(schema, values, sentence):
    with pytest.raises(ConfigError) as error:
        schema(**values)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_the_ends_of_a_range_are_accepted():
    assert StylizeOptions(strength=0.0).strength == 0.0
    assert StylizeOptions(strength=1.0, num_steps=1, guidance_scale=1.0).strength == 1.0
