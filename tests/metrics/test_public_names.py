"""The public names of inst.metrics, and what their documentation has to say."""

import inspect

import pytest

from inst import metrics

NAMES = [
    "Signature",
    "clip_similarity",
    "color_distance",
    "color_signature",
    "edge_distance",
    "edge_map",
    "luminance",
    "pearson_correlation",
    "self_similarity",
    "self_similarity_distance",
    "signature_distance",
    "stroke_distance",
    "stroke_signature",
]


def test_the_list_of_public_names():
    assert sorted(metrics.__all__) == NAMES
    assert all(hasattr(metrics, name) for name in NAMES)


@pytest.mark.parametrize("name", [*(name for name in NAMES if name.endswith("_distance")), "clip_similarity"])
def test_every_metric_says_which_direction_is_better_and_has_an_example(name):
    text = inspect.getdoc(getattr(metrics, name))
    assert "lower" in text or "higher" in text
    assert ">>>" in text
