import dataclasses
import json
import random
from pathlib import Path

import pytest
import torch

from inst.commands.common.record import Record, a1111_parameters, from_json, parse_a1111, to_json, without_paths
from inst.errors import InputError
from inst.image import read_image_text, write_image

PLAIN = Record(
    prompt="a lighthouse in the style of [C]",
    negative_prompt="blurry",
    steps=50,
    sampler="DDIM",
    cfg_scale=10.0,
    seed=1,
    width=512,
    height=768,
    model="sd15",
    model_hash="abcdef0123",
    strength=0.6,
    token_hashes={"starry_night": "0a1b2c"},
    settings={"command": "stylize", "tone": True},
)


def facts(record: Record) -> dict:
    """What the text has to give back."""
    known = {k: v for k, v in dataclasses.asdict(record).items() if k != "settings"}
    return {k: v for k, v in known.items() if v not in ("", None, {}) or k in ("prompt", "negative_prompt")}


def test_the_text_is_a1111s():
    assert a1111_parameters(PLAIN) == (
        "a lighthouse in the style of [C]\n"
        "Negative prompt: blurry\n"
        "Steps: 50, Sampler: DDIM, CFG scale: 10, Seed: 1, Size: 512x768, Model hash: abcdef0123, Model: sd15, "
        'Denoising strength: 0.6, TI hashes: "starry_night: 0a1b2c"'
    )
    assert parse_a1111(a1111_parameters(PLAIN)) == facts(PLAIN)


def test_without_the_optional_ones():
    record = Record(prompt="", steps=1, sampler="DDIM", cfg_scale=7.5, seed=0, width=64, height=64, model="mini")
    assert a1111_parameters(record) == "\nSteps: 1, Sampler: DDIM, CFG scale: 7.5, Seed: 0, Size: 64x64, Model: mini"
    assert parse_a1111(a1111_parameters(record)) == facts(record)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "two\nlines, and: a colon"},
        {"prompt": "x\nNegative prompt: not one", "negative_prompt": ""},
        {"prompt": "a: 1, bb: 2, cc: 3, dd: 4"},
        {"prompt": " spaces around \n\n"},
        {"prompt": "tab\t\u2028separator 🎨"},
        {"prompt": 'quotes " and \\ backslashes \\n'},
        {"negative_prompt": "a\nNegative prompt: b"},
        {"negative_prompt": " x "},
        {"sampler": "DPM++ 2M, Karras: yes"},
        {"model": 'a "quoted" one'},
        {"model": '"'},
        {"model": "line\nbreak"},
        {"model": " x"},
        {"model": "back\\slash"},
        {"token_hashes": {"a, b": "ff", "c: d": "00", "e": "12"}},
        {"token_hashes": {"a: ff, b": "00"}},
        {"cfg_scale": 1e-7},
        {"cfg_scale": 1e22},
        {"seed": 2**64},
        {"prompt": "Steps: 1, Sampler: x, CFG scale: 3"},
        {"prompt": "\r\n x \r"},
    ],
)
def test_hard_values_come_back(changes):
    record = dataclasses.replace(PLAIN, **changes)
    text = a1111_parameters(record)
    assert parse_a1111(text) == facts(record)
    assert "\n" not in text.split("Steps: 50")[-1]


def test_any_text_comes_back():
    """A thousand random records from the characters that the format itself uses."""
    chance = random.Random(0)
    alphabet = ['"', "\\", ",", ":", "\n", " ", "a", "Steps: 3", "Negative prompt:", "é", "x: ", ", ", "\t", "\r", "1"]

    def text(longest):
        return "".join(chance.choices(alphabet, k=chance.randrange(longest)))

    for _ in range(1000):
        record = Record(
            prompt=text(12),
            negative_prompt=text(8),
            steps=chance.randrange(1, 200),
            sampler=text(5),
            cfg_scale=chance.choice([1.0, 7.5, chance.random() * 30]),
            seed=chance.randrange(2**63),
            width=chance.randrange(64, 4096),
            height=chance.randrange(64, 4096),
            model=text(6),
            model_hash=text(3),
            strength=chance.choice([None, 0.0, 1.0, chance.random()]),
            token_hashes={text(5) or "t": f"{chance.randrange(2**32):08x}" for _ in range(chance.randrange(3))},
        )
        assert parse_a1111(a1111_parameters(record)) == facts(record)
        assert from_json(to_json(record)) == record


def test_other_tools_texts_are_read():
    text = (
        "a (cat:1.2), <lora:x:1>\nNegative prompt: bad, hands\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, "
        'Size: 512x512, Model hash: 6ce0161689, Clip skip: 2, Lora hashes: "x: ff", Version: v1.7.0'
    )
    found = parse_a1111(text)
    assert (found["prompt"], found["negative_prompt"]) == ("a (cat:1.2), <lora:x:1>", "bad, hands")
    assert (found["steps"], found["cfg_scale"], found["width"], found["sampler"]) == (20, 7.0, 512, "Euler a")
    assert (found["Clip skip"], found["Lora hashes"], found["Version"]) == ("2", "x: ff", "v1.7.0")


@pytest.mark.parametrize("text", ["", "just a prompt", "a\nSteps: 3, Seed: 1", "Steps: many, Seed: 1e, CFG scale: nan"])
def test_incomplete_texts_give_what_they_hold(text):
    found = parse_a1111(text)
    assert "steps" not in found and "cfg_scale" not in found and isinstance(found["prompt"], str)


def test_a_planted_exact_copy_of_another_kind_is_ignored():
    found = parse_a1111('p\nSteps: 1, Seed: 2, Size: 1x1, Inst record: "[1]"')
    assert found["prompt"] == "p" and found["steps"] == 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_through_a_picture_and_back(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    record = dataclasses.replace(PLAIN, prompt="Grüße 你好 [C]\n2")
    write_image(path, torch.zeros(1, 3, 64, 64), text={"parameters": a1111_parameters(record), "inst": to_json(record)})
    text = read_image_text(path)
    assert parse_a1111(text["parameters"]) == facts(record)
    assert from_json(text["inst"]) == record


def test_no_local_path_is_written():
    secret = "/home/someone/secret"
    settings = {
        "content": Path(secret) / "photo.jpg",
        "style": {"file": f"{secret}/night.safetensors", "sha256": "ff"},
        "list": [f"{secret}/a.png", "C:\\Users\\someone\\b.png", "~/someone/c.png", f"file://{secret}/d.png"],
        "model": f"folder:{secret}/model",
        "hub": "owner/name",
        "relative": "../someone/e.png",
        "words": "a photo: of 3/4",
    }
    record = dataclasses.replace(PLAIN, model=f"{secret}/model.safetensors", settings=settings)
    written = to_json(record) + a1111_parameters(record)
    assert "someone" not in written and "home" not in written
    kept = from_json(to_json(record)).settings
    assert kept["list"] == ["a.png", "b.png", "c.png", "d.png"]
    assert (kept["model"], kept["hub"], kept["words"]) == ("folder:model", "owner/name", "a photo: of 3/4")
    assert (kept["content"], kept["relative"], kept["style"]["file"]) == ("photo.jpg", "e.png", "night.safetensors")
    assert without_paths(PLAIN.prompt) == PLAIN.prompt


@pytest.mark.parametrize(
    "change, words",
    [
        ("{", "damaged"),
        ("[]", "no settings of inst"),
        ({"format": 2}, "version 2, this inst reads 1"),
        ({"steps": "many"}, "steps = 'many', which is no int"),
        ({"steps": True}, "steps"),
        ({"cfg_scale": "x"}, "cfg_scale"),
        ({"token_hashes": {"a": 1}}, "token_hashes"),
        ({"prompt": None}, "prompt"),
        ({"seed": ...}, "lack seed"),
    ],
)
def test_damaged_records_are_one_sentence(change, words):
    text = change
    if isinstance(change, dict):
        data = json.loads(to_json(PLAIN)) | change
        text = json.dumps({k: v for k, v in data.items() if v is not ...})
    with pytest.raises(InputError, match=words):
        from_json(text)


def test_numbers_that_are_none_are_never_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(dataclasses.replace(PLAIN, settings={"loss": float("nan")}))
