"""YAML files, key=value arguments and flags are merged into validated settings."""

from pathlib import Path

import pytest

from inst.cli.commands import COMMANDS
from inst.cli.config import build, parse_words
from inst.commands.diffusion.options import GenerateOptions, StylizeOptions
from inst.errors import ConfigError, InputError

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_is_valid(path):
    """The first line of each file names the command whose options it contains."""
    words = path.read_text().split()[2:4]
    schema = COMMANDS[words[0] if words[0] in COMMANDS else " ".join(words)].options
    assert isinstance(build(schema, path, [], {}), schema)


def test_there_are_shipped_configs():
    assert len(CONFIGS) >= 4


def test_flags_override_arguments_which_override_the_file(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("strength: 0.2\nnum-steps: 7\nseed: 3\n")
    run = build(StylizeOptions, file, ["num_steps=8"], {"seed": 4, "content": ("a.jpg",)})
    assert (run.strength, run.num_steps, run.seed, run.content) == (0.2, 8, 4, ("a.jpg",))


def test_text_is_taken_literally():
    words = parse_words(
        GenerateOptions, ["prompt=[C] lighthouse, a cat: in ${x} {y}", "style=a.safetensors,b.safetensors"]
    )
    run = build(GenerateOptions, None, ["prompt=[C] lighthouse, a cat: in ${x} {y}"], {})
    assert run.prompt == words["prompt"] == "[C] lighthouse, a cat: in ${x} {y}"
    assert words["style"] == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["strenght=0.5"], "the option strenght is not known (did you mean strength?)"),
        (["strength=much"], "strength"),
        (["strength=2"], "give 0 to 1"),
        (["strength=.nan"], "give 0 to 1"),
        (["strength"], "key=value"),
        (["num_steps=2.5"], "num_steps"),
    ],
)
def test_an_invalid_argument_is_refused_with_one_line(words, sentence):
    with pytest.raises(ConfigError) as error:
        build(StylizeOptions, None, words, {})
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "\x00"])
def test_a_file_without_a_mapping_is_refused(tmp_path, text):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(InputError):
        build(StylizeOptions, file, [], {})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        build(StylizeOptions, tmp_path / "none.yaml", [], {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("content: &a [x]\nstyle: *a\n", "YAML anchors"),
        ("content: &x [*x]\n", "YAML anchors"),
        ("content: [[a.jpg]]\n", "nests values"),
        ("content: " + "[" * 3000, "nests values"),
        ("style:\n  a: {b: c}\n", "nests values"),
    ],
)
def test_a_file_that_expands_or_nests_is_refused(tmp_path, text, sentence):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=sentence):
        build(StylizeOptions, file, [], {})


def test_no_environment_variable_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    file = tmp_path / "a.yaml"
    file.write_text("content: ['${oc.env:SECRET_TOKEN}']\nprompt: ${oc.env:SECRET_TOKEN}\n")
    run = build(StylizeOptions, file, [], {})
    assert run.content == ("${oc.env:SECRET_TOKEN}",) and run.prompt == "${oc.env:SECRET_TOKEN}"


@pytest.mark.parametrize("word", ["strength={", "steps=*a", "strength=!!python/object/apply:os.system ['id']"])
def test_words_are_plain_values(word):
    with pytest.raises(ConfigError, match="is not understood"):
        build(StylizeOptions, None, [word], {})
