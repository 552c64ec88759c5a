"""A message names the words of a prompt that a small model was not trained on."""

import pytest

from inst.models.vocabulary import WORDS_FILE, describe_unknown_words


@pytest.fixture
def folder(tmp_path):
    (tmp_path / WORDS_FILE).write_text("cat\nhouse\na\nin\nthe\nstyle\nof\n")
    return tmp_path


def test_known_words_and_placeholders_give_no_message(folder):
    assert describe_unknown_words("A cat, in the style of [C]; a house [SEA]", folder) is None


def test_an_unknown_word_is_named_once_with_the_nearest_known_word(folder):
    sentence = describe_unknown_words("houses of a zeppelin, zeppelin", folder)
    assert sentence is not None
    assert '"houses" (nearest: house), "zeppelin"; of its 7 words' in sentence
    assert sentence.count("zeppelin") == 1


def test_a_model_without_a_word_list_gives_no_message(tmp_path):
    assert describe_unknown_words("zeppelin", tmp_path) is None
    assert describe_unknown_words("zeppelin", None) is None
