"""Identity networks: the small one for avatars, and loading either kind."""

import pytest
import torch
from torch.testing import assert_close

from inst.errors import ModelError
from inst.files import write_safetensors
from inst.gan.checkpoints.identify import describe
from inst.perceptual.arcface import ArcFace
from inst.perceptual.identity import FaceIdentity, SmallIdentity, load_identity
from inst.perceptual.ir_se import IrSeLayout
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return SmallIdentity((8, 16, 24), features=12, side=32).eval()


def test_identities_are_unit_vectors_with_gradients_at_any_size(small):
    for side in (20, 32, 64):
        faces = (torch.rand(2, 3, side, side) * 2 - 1).requires_grad_()
        embeds = small.embed_faces(faces)
        assert embeds.shape == (2, 12)
        assert_close(embeds.norm(dim=1), torch.ones(2))
        (embeds[0] @ embeds[1]).backward()
        assert faces.grad.abs().max() > 0
    large = torch.rand(1, 3, 32, 32)
    assert_close(small.embed_faces(large.repeat_interleave(2, 2).repeat_interleave(2, 3)), small.embed_faces(large))


def test_images_of_a_batch_are_embedded_independently(small):
    faces = torch.rand(5, 3, 32, 32)
    alone = torch.cat([small.embed_faces(face[None]) for face in faces])
    assert_close(small.embed_faces(faces), alone, atol=1e-5, rtol=0)


def test_both_kinds_of_network_are_detected_and_loaded(tmp_path, small):
    torch.manual_seed(0)
    arcface = ArcFace(IrSeLayout(widths=(8, 16, 24, 32), units=(1, 1, 1, 1), reduction=4), features=24).eval()
    faces = torch.rand(2, 3, 64, 64)
    for network in (small, arcface):
        path = tmp_path / "identity.safetensors"
        write_safetensors(path, network.state_dict(), {})
        loaded = load_identity(path, CPU)
        assert type(loaded) is type(network)
        assert isinstance(loaded, FaceIdentity)
        assert_close(loaded.embed_faces(faces), network.embed_faces(faces).detach())
        assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_bfloat16_network_accepts_float32_images(tmp_path, small):
    path = tmp_path / "identity.safetensors"
    write_safetensors(path, {name: value.half() for name, value in small.state_dict().items()}, {})
    faces = torch.rand(2, 3, 64, 64)
    half = load_identity(path, Placement(torch.device("cpu"), torch.bfloat16)).embed_faces(faces)
    assert half.dtype == torch.float32
    assert (half * small.embed_faces(faces)).sum(1).min() > 0.95


@pytest.mark.parametrize("name", ["identity.weight", "trunk.stages.1.first.weight", "trunk.norm.bias"])
def test_an_incomplete_network_is_refused(tmp_path, small, name):
    path = tmp_path / "identity.safetensors"
    write_safetensors(path, {key: value for key, value in small.state_dict().items() if key != name}, {})
    with pytest.raises(ModelError, match=r"miniature\.avatars\.identity.*does not fit"):
        load_identity(path, CPU)


def test_an_identity_network_given_as_a_generator_is_named(small):
    assert describe(small.state_dict()) == "seems to be an identity network for avatars"
