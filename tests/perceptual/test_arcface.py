"""ArcFace: reference output, cropping, and checkpoints."""

import pytest
import torch
from torch.testing import assert_close

from inst.errors import InputError, ModelError
from inst.files import write_safetensors
from inst.perceptual.arcface import ArcFace, crop_face, identity_distance, load_arcface
from inst.perceptual.ir_se import IrSeLayout
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


def test_identity_matches_the_reference_output(golden, fill):
    expected = golden("arcface")
    network = ArcFace().eval()
    assert len(network.state_dict()) == 397
    network.load_state_dict(fill.fill_state_dict(network.state_dict()))
    with torch.no_grad():
        features = network.embed_faces(torch.tanh(0.5 * fill.fill("a/face", (2, 3, 256, 256))))
    assert_close(features, expected["features"], atol=1e-4, rtol=1e-4)
    assert_close(identity_distance(features[:1], features[1:]), expected["id_loss"], atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return ArcFace(IrSeLayout(widths=(8, 16, 24, 32), units=(1, 2, 1, 1), reduction=4), features=24).eval()


def test_the_crop_at_256_and_512_pixels():
    ramp = torch.linspace(-1, 1, 256).expand(1, 3, 256, 256)
    crop = crop_face(ramp)
    assert crop.shape == (1, 3, 112, 112)
    # columns 32 … 219: the first and last output average the first and last two of them
    assert crop[0, 0, 0, 0] == pytest.approx(ramp[0, 0, 0, 32:34].mean().item(), abs=1e-6)
    assert crop[0, 0, 0, -1] == pytest.approx(ramp[0, 0, 0, 218:220].mean().item(), abs=1e-6)
    down = crop_face(ramp.transpose(2, 3))
    assert down[0, 0, 0, 0] == pytest.approx(ramp[0, 0, 0, 35:37].mean().item(), abs=1e-6)
    assert_close(crop_face(ramp.repeat_interleave(2, 2).repeat_interleave(2, 3)), crop)


def test_identities_are_unit_vectors_with_gradients(small):
    faces = torch.rand(2, 3, 64, 64, requires_grad=True)
    features = small.embed_faces(faces)
    assert_close(features.norm(dim=1), torch.ones(2))
    assert_close(identity_distance(features, features), torch.zeros(2), atol=1e-6, rtol=0)
    identity_distance(features[:1], features[1:]).sum().backward()
    assert faces.grad.abs().max() > 0


def test_a_bfloat16_network_accepts_float32_images(small):
    import copy

    faces = torch.rand(2, 3, 64, 64)
    half = copy.deepcopy(small).bfloat16().embed_faces(faces)
    assert half.dtype == torch.float32
    assert (half * small.embed_faces(faces)).sum(1).min() > 0.95


def test_stage_ends_of_the_published_layout():
    assert IrSeLayout().stage_ends == (2, 6, 20, 23)


def test_files_of_another_kind_are_refused(tmp_path, small):
    (tmp_path / "page.pth").write_text("<!doctype html>")
    with pytest.raises(InputError, match="a web page"):
        load_arcface(tmp_path / "page.pth", CPU)
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"ArcFace.*397 of 397 tensors are missing"):
        load_arcface(tmp_path / "other.pth", CPU)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="contains no dictionary"):
        load_arcface(tmp_path / "list.pth", CPU)


def test_torch_files_and_safetensors_are_loaded(tmp_path, small):
    torch.save(small.state_dict(), tmp_path / "a.pth")
    write_safetensors(tmp_path / "a.safetensors", small.state_dict(), {})
    face = torch.rand(1, 3, 256, 256)
    for name in ("a.pth", "a.safetensors"):
        loaded = load_arcface(tmp_path / name, CPU)
        assert_close(loaded.embed_faces(face), small.embed_faces(face).detach())
        assert not any(p.requires_grad for p in loaded.parameters())
    torch.save({**small.state_dict(), "more": torch.ones(1)}, tmp_path / "b.pth")
    with pytest.raises(ModelError, match="unexpected, the first is more"):
        load_arcface(tmp_path / "b.pth", CPU)
    torch.save({**small.state_dict(), "output_layer.3.bias": torch.ones(3)}, tmp_path / "c.pth")
    with pytest.raises(ModelError, match=r"output_layer.3.bias has the shape \(3,\), expected \(24,\)"):
        load_arcface(tmp_path / "c.pth", CPU)
