"""Published checkpoint layouts: every layout gives the same image; other files are refused with one sentence."""

import json
import os
import pickle

import pytest
import torch
from support.stylegan2 import FIR, NARROW, converted, from_training, nvidia_names, nvidia_pickle, random_state
from torch.testing import assert_close

from inst.errors import InputError, InstError, InstWarning, ModelError
from inst.files import read_safetensors, write_safetensors
from inst.gan.architecture import GeneratorConfig
from inst.gan.checkpoints import load_generator, read_generator, save_generator
from inst.gan.generator import Generator
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


def picture(generator):
    """Truncated, so that the average w has an effect, and with the fixed noise."""
    z = torch.randn(2, 7, generator=torch.Generator().manual_seed(3))
    return generator(generator.truncate(generator.map(z), 0.6))


def write_converted(path, monkeypatch):
    torch.save(converted(), path)


def write_converted_as_old_torch_does(path, monkeypatch):
    torch.save(converted(), path, _use_new_zipfile_serialization=False)


def write_from_training(path, monkeypatch):
    torch.save(from_training() | {"latent_avg": converted()["latent_avg"]}, path)


def write_nvidia(path, monkeypatch, protocol=4):
    named = nvidia_names(random_state(), converted()["latent_avg"])
    path.write_bytes(nvidia_pickle(monkeypatch, named, protocol=protocol))


def write_nvidia_of_python_3_7(path, monkeypatch):
    write_nvidia(path, monkeypatch, protocol=3)


def write_ours(path, monkeypatch):
    torch.save(converted(), path)
    save_generator(path, load_generator(path, CPU))


def write_converted_as_safetensors(path, monkeypatch):
    both = converted()
    write_safetensors(path, both["g_ema"] | {"latent_avg": both["latent_avg"]}, {})


@pytest.fixture
def expected():
    """The image of the same weights, copied into the modules one by one."""
    both = converted()
    generator = Generator(NARROW)
    with torch.no_grad():
        for target, source in assignments(generator, both["g_ema"]):
            target.copy_(source.reshape(target.shape))
        generator.latent_avg.copy_(both["latent_avg"])
    return picture(generator)


def assignments(generator, state):
    """Pairs of a parameter of ours and the tensor in rosinality's layout that it is read from."""
    yield generator.const, state["input.input"]
    for i, layer in enumerate(generator.mapping.layers, start=1):
        yield from ((layer.weight, state[f"style.{i}.weight"]), (layer.bias, state[f"style.{i}.bias"]))
    for k, (name, conv) in enumerate(zip(["conv1", *(f"convs.{i}" for i in range(4))], generator.convs, strict=True)):
        yield conv.weight, state[f"{name}.conv.weight"]
        yield conv.affine.weight, state[f"{name}.conv.modulation.weight"]
        yield conv.affine.bias, state[f"{name}.conv.modulation.bias"]
        yield conv.noise_strength, state[f"{name}.noise.weight"]
        yield conv.bias, state[f"{name}.activate.bias"]
        yield conv.noise, state[f"noises.noise_{k}"]
    for name, to_rgb in zip(["to_rgb1", "to_rgbs.0", "to_rgbs.1"], generator.to_rgbs, strict=True):
        yield to_rgb.weight, state[f"{name}.conv.weight"]
        yield to_rgb.affine.weight, state[f"{name}.conv.modulation.weight"]
        yield to_rgb.affine.bias, state[f"{name}.conv.modulation.bias"]
        yield to_rgb.bias, state[f"{name}.bias"]


@pytest.mark.parametrize(
    "write",
    [
        write_converted,
        write_converted_as_old_torch_does,
        write_converted_as_safetensors,
        write_from_training,
        write_nvidia,
        write_nvidia_of_python_3_7,
        write_ours,
    ],
)
def test_every_layout_gives_the_same_image(tmp_path, monkeypatch, expected, write):
    write(tmp_path / "generator", monkeypatch)
    config, _ = read_generator(tmp_path / "generator")
    assert config == NARROW
    generator = load_generator(tmp_path / "generator", CPU)
    assert_close(picture(generator), expected, atol=0, rtol=0)
    assert not any(parameter.requires_grad for parameter in generator.parameters())


@pytest.mark.parametrize("depth", [1, 2, 8])
@pytest.mark.parametrize("channels", [(4,), (6, 5, 4, 3, 2)])
def test_sizes_are_derived_from_the_tensors(tmp_path, depth, channels):
    config = GeneratorConfig(channels=channels, mapping_widths=(6,) * (depth + 1))
    torch.save(converted(config), tmp_path / "x.pt")
    assert read_generator(tmp_path / "x.pt")[0] == config


def test_a_missing_average_w_is_computed_from_mapped_samples(tmp_path):
    torch.save(from_training(), tmp_path / "x.pt")
    generator = load_generator(tmp_path / "x.pt", CPU)
    w = generator.map(torch.randn(20_000, 7, generator=torch.Generator().manual_seed(99)))
    assert (generator.latent_avg - w.mean(dim=0)).abs().max() < 0.05 * w.std(dim=0).max()
    assert generator.latent_avg.abs().max() > 0.1 * w.std(dim=0).max()
    assert torch.equal(generator.latent_avg, load_generator(tmp_path / "x.pt", CPU).latent_avg)


def test_missing_noise_maps_are_sampled_with_a_fixed_seed(tmp_path):
    both = converted()
    both["g_ema"] = {name: value for name, value in both["g_ema"].items() if not name.startswith("noises.")}
    torch.save(both, tmp_path / "x.pt")
    first, again = (load_generator(tmp_path / "x.pt", CPU) for _ in range(2))
    assert_close(picture(first), picture(again), atol=0, rtol=0)
    assert first.convs[4].noise.std() > 0.5


def test_nvidias_clamp_and_mapping_rate_are_used_and_saved(tmp_path, monkeypatch, expected):
    named = nvidia_names(random_state(), converted()["latent_avg"])
    attributes = {"synthesis.b4.conv1": {"conv_clamp": 0.5}, "mapping.fc0": {"bias_gain": 0.02}}
    (tmp_path / "x.pkl").write_bytes(nvidia_pickle(monkeypatch, named, attributes))
    generator = load_generator(tmp_path / "x.pkl", CPU)
    assert (generator.config.conv_clamp, generator.config.mapping_rate) == (0.5, 0.02)
    assert not torch.allclose(picture(generator), expected, atol=1e-2)
    save_generator(tmp_path / "x.safetensors", generator)
    assert_close(picture(load_generator(tmp_path / "x.safetensors", CPU)), picture(generator), atol=0, rtol=0)


def test_saving_is_deterministic_and_records_the_architecture(tmp_path, narrow):
    for name in ("a", "b"):
        save_generator(tmp_path / name, narrow, {"modelspec.license": "CC0-1.0"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    _, metadata = read_safetensors(tmp_path / "a")
    assert metadata["modelspec.license"] == "CC0-1.0"
    assert json.loads(metadata["inst.generator"])["resolution"] == 16


def test_float16_is_replaced_by_float32_and_bfloat16_is_used(tmp_path):
    torch.save(converted(), tmp_path / "x.pt")
    half = Placement(torch.device("cpu"), torch.float16)
    with pytest.warns(InstWarning, match="overflows in float16"):
        assert load_generator(tmp_path / "x.pt", half).convs[0].weight.dtype == torch.float32
    rough = load_generator(tmp_path / "x.pt", Placement(CPU.device, torch.bfloat16))
    assert rough.convs[0].weight.dtype == torch.bfloat16
    save_generator(tmp_path / "x.safetensors", rough)
    assert load_generator(tmp_path / "x.safetensors", CPU).convs[0].weight.dtype == torch.float32


# Files that are not supported generators


T = torch.zeros(1)


@pytest.mark.parametrize(
    "content, words",
    [
        ({"state_dict": {"encoder.input_layer.0.weight": T, "decoder.conv1.x": T}, "latent_avg": T}, "an e4e or pSp"),
        ({"input_layer.0.weight": T, "body.0.res_layer.0.weight": T}, "an ArcFace network"),
        ({"state_dict": {"model.diffusion_model.out.0.weight": T}}, "a Stable Diffusion model"),
        ({"state_dict": {"mapper.course_mapping.x": T, "decoder.conv1.x": T}}, "a StyleCLIP mapper"),
        ({"state_dict": {"module.att_mapper.att_mapper.0.x": T}}, "an FFCLIP mapper"),
        ({"visual.conv1.weight": T}, "a CLIP model"),
        ({"string_to_param": {}, "string_to_token": {}}, "a style or a textual inversion"),
        ({"d": {"final_linear.0.weight": T}}, "a StyleGAN2 discriminator"),
        ({"something": T, "other": T}, r"is not a generator \(it holds other, something\)"),
        ([1, 2], "holds no generator"),
        ({}, "holds no generator"),
        (T, "holds no generator"),
    ],
)
def test_other_kinds_of_files_are_named_in_the_error(tmp_path, content, words):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=f"{words}.*; give a StyleGAN2") as caught:
        read_generator(tmp_path / "x.pt")
    assert str(tmp_path / "x.pt") in str(caught.value)


@pytest.mark.parametrize(
    "content, words",
    [(b"<html>", "a web page"), (b"hello", "text"), (b"", "empty"), (b"\x89PNG\r\n\x1a\n", "a picture")],
)
def test_files_without_tensors_are_named_in_the_error(tmp_path, content, words):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_generator(tmp_path / "x.pkl")
    with pytest.raises(InputError, match="there is no file"):
        read_generator(tmp_path / "nothing.pkl")


def test_a_tensorflow_pickle_is_refused_with_how_to_convert_it(tmp_path):
    network = b"cdnnlib.tflib.network\nNetwork\n)\x81"
    (tmp_path / "x.pkl").write_bytes(b"\x80\x03" + 3 * network + b"\x87.")
    with pytest.raises(ModelError, match=r"TensorFlow pickle of StyleGAN: convert it with legacy\.py"):
        read_generator(tmp_path / "x.pkl")


@pytest.mark.parametrize(
    "change, attributes, words",
    [
        ({"mapping.embed.weight": T}, {}, "conditional generator"),
        ({"synthesis.L0_36_512.weight": T}, {}, "StyleGAN3"),
        ({}, {"synthesis.b4": {"architecture": "resnet"}}, "architecture resnet: only skip"),
        ({"synthesis.b8.resample_filter": torch.ones(4, 4) / 16}, {}, r"not StyleGAN2's \[1, 3, 3, 1\]"),
        ({"synthesis.b8.conv0.extra": T}, {}, "a StyleGAN2 generator does not have: synthesis.b8.conv0.extra"),
    ],
)
def test_nvidias_unsupported_architectures_are_named(tmp_path, monkeypatch, change, attributes, words):
    named = nvidia_names(random_state(), converted()["latent_avg"]) | change
    (tmp_path / "x.pkl").write_bytes(nvidia_pickle(monkeypatch, named, attributes))
    with pytest.raises(ModelError, match=words):
        read_generator(tmp_path / "x.pkl")


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("convs.2.conv.weight", None, r"lacks convs\.3\.weight"),
        ("style.1.weight", None, "lacks its mapping network"),
        ("convs.2.conv.weight", torch.zeros(1, 5, 6, 5, 5), r"convs\.3\.weight has the shape \(1, 5, 6, 5, 5\)"),
        ("convs.1.conv.modulation.bias", torch.zeros(2, 2), "2 axes|1 axes"),
        ("input.input", torch.full((1, 8, 4, 4), float("nan")), "const holds NaN"),
        ("to_rgbs.0.upsample.kernel", torch.ones(4, 4), r"not StyleGAN2's \[1, 3, 3, 1\]"),
        ("to_rgbs.0.upsample.kernel", torch.ones(2, 2), r"not StyleGAN2's \[1, 3, 3, 1\]"),
        ("surplus", T, "a StyleGAN2 generator does not have: surplus"),
    ],
)
def test_incomplete_or_invalid_generators_name_the_tensor(tmp_path, name, value, words):
    both = converted()
    both["g_ema"] = {k: v for k, v in both["g_ema"].items() if k != name} | ({} if value is None else {name: value})
    torch.save(both, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=words):
        read_generator(tmp_path / "x.pt")


def test_a_filter_is_accepted_whatever_its_gain(tmp_path):
    both = converted()
    both["g_ema"]["to_rgbs.0.upsample.kernel"] = FIR
    torch.save(both, tmp_path / "x.pt")
    assert read_generator(tmp_path / "x.pt")[0] == NARROW


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mapping_rate": "x", "conv_clamp": null}', '{"mapping_rate": NaN}'])
def test_damaged_metadata_is_refused_with_one_sentence(tmp_path, narrow, text):
    write_safetensors(tmp_path / "x", narrow.state_dict(), {"inst.generator": text})
    with pytest.raises(ModelError, match=r"inst\.generator is damaged"):
        read_generator(tmp_path / "x")


# Malicious pickles


class Touch:
    """Creates a file when it is unpickled by an ordinary unpickler."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("place", ["dictionary", "module", "storage"])
def test_code_in_a_network_pickle_is_not_executed(tmp_path, monkeypatch, place):
    bad = Touch(tmp_path / "ran")
    named = nvidia_names(random_state(), converted()["latent_avg"])
    attributes = {"synthesis.b4": {"anything": bad}} if place == "module" else {}
    data = nvidia_pickle(monkeypatch, named, attributes)
    if place == "dictionary":
        data = pickle.dumps({"G_ema": bad})
    elif place == "storage":  # a nested torch file, which torch itself would unpickle without restrictions
        data = pickle.dumps({"G_ema": Nested(bad)})
    (tmp_path / "x.pkl").write_bytes(data)
    with pytest.raises(InputError, match=r"wants to run (posix|nt)\.system"):
        read_generator(tmp_path / "x.pkl")
    assert not (tmp_path / "ran").exists()


class Nested:
    """Pickles as a call of torch's nested loader on the object saved by `torch.save`."""

    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        import io

        buffer = io.BytesIO()
        torch.save(self.value, buffer, _use_new_zipfile_serialization=False)
        return torch.storage._load_from_bytes, (buffer.getvalue(),)


@pytest.mark.parametrize("value", [{"no": "storage"}, [1]])
def test_nested_files_that_hold_no_storage_are_refused(tmp_path, value):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"G_ema": Nested(value)}))
    with pytest.raises(InputError, match="no proper data"):
        read_generator(tmp_path / "x.pkl")


def test_a_nested_storage_cannot_be_loaded_repeatedly(tmp_path):
    data = Nested(torch.zeros(1000).untyped_storage()).__reduce__()[1][0]
    load, call = b"ctorch.storage\n_load_from_bytes\nq\x02", b"h\x02h\x01\x85R0"
    whole = b"\x80\x03B" + len(data).to_bytes(4, "little") + data + b"q\x010" + load + b"0"
    (tmp_path / "once.pkl").write_bytes(whole + call + b"}.")
    with pytest.raises(ModelError, match="holds no generator"):
        read_generator(tmp_path / "once.pkl")
    (tmp_path / "twice.pkl").write_bytes(whole + 2 * call + b"}.")
    with pytest.raises(InputError, match="its parts overlap"):
        read_generator(tmp_path / "twice.pkl")


def test_truncated_files_are_refused_with_one_sentence(tmp_path, monkeypatch):
    write_nvidia(tmp_path / "whole", monkeypatch)
    data = (tmp_path / "whole").read_bytes()
    for length in range(2, len(data) - 1, len(data) // 12):
        (tmp_path / "cut.pkl").write_bytes(data[:length])
        with pytest.raises(InstError, match=r"cut\.pkl") as caught:
            read_generator(tmp_path / "cut.pkl")
        assert "\n" not in str(caught.value)
