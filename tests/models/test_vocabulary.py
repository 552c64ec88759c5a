"""A prompt with words that a small model never learned is told of."""

import pytest

from inst.models.vocabulary import WORDS_FILE, tell_unknown_words


@pytest.fixture
def folder(tmp_path):
    (tmp_path / WORDS_FILE).write_text("cat\nhouse\na\nin\nthe\nstyle\nof\n")
    return tmp_path


def test_known_words_and_placeholders_pass(folder):
    assert tell_unknown_words("A cat, in the style of [C]; a house [SEA]", folder) is None


def test_an_unknown_word_is_named_once_with_the_nearest(folder):
    told = tell_unknown_words("houses of a zeppelin, zeppelin", folder)
    assert told is not None
    assert '"houses" (nearest: house), "zeppelin"; of 7 words' in told
    assert told.count("zeppelin") == 1


def test_a_model_without_a_list_knows_everything(tmp_path):
    assert tell_unknown_words("zeppelin", tmp_path) is None
    assert tell_unknown_words("zeppelin", None) is None
