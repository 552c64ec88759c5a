"""The e4e encoder: reference output, layout of its heads, and checkpoints."""

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from inst.errors import InputError, ModelError
from inst.gan.encoder import EncoderLayout, FaceEncoder, load_encoder, styles_of_resolution
from inst.perceptual.ir_se import IrSeLayout
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)
SMALL = EncoderLayout(
    num_styles=10,
    style_dim=16,
    input_size=64,
    trunk=IrSeLayout(widths=(4, 8, 12, 16), units=(1, 2, 1, 1), reduction=4),
)


@pytest.mark.slow
def test_codes_match_the_reference_output(golden, fill):
    with torch.device("meta"):
        network = FaceEncoder().eval()
        network.requires_grad_(False)
    values = fill.fill_state_dict({key: torch.empty(t.shape, dtype=t.dtype) for key, t in network.state_dict().items()})
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(267.1e6, rel=1e-3)
    network.load_state_dict(values, assign=True)
    face = fill.fill("a/face_lowres", (1, 3, 32, 32))
    face = torch.tanh(functional.interpolate(face, size=256, mode="bilinear", align_corners=False))
    with torch.no_grad():
        codes = network(face)
    assert_close(codes, golden("e4e_encoder")["w_plus_offset"], atol=2e-3, rtol=1e-4)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return FaceEncoder(SMALL).eval()


@pytest.mark.parametrize(("resolution", "styles"), [(1024, 18), (512, 16), (256, 14), (64, 10)])
def test_number_of_styles_by_resolution(resolution, styles):
    assert styles_of_resolution(resolution) == styles


@pytest.mark.parametrize("resolution", [0, 4, 300])
def test_resolutions_that_are_no_power_of_two_are_refused(resolution):
    with pytest.raises(ModelError, match="power of two"):
        styles_of_resolution(resolution)


def test_each_head_reads_its_level_of_the_feature_pyramid(small):
    """Zeroing a lateral layer changes only the styles of its level and of finer levels."""
    face = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = small(face)
        kept = small.latlayer2.weight.clone(), small.latlayer1.weight.clone()
        small.latlayer2.weight.zero_()
        by_finest = (small(face) - before).abs().amax((0, 2)) > 1e-6
        small.latlayer2.weight.copy_(kept[0])
        small.latlayer1.weight.zero_()
        by_middle = (small(face) - before).abs().amax((0, 2)) > 1e-6
        small.latlayer1.weight.copy_(kept[1])
    assert by_finest.tolist() == [False] * 7 + [True] * 3
    assert by_middle.tolist() == [False] * 3 + [True] * 7


def test_levels_are_upsampled_with_aligned_corners():
    from inst.gan.encoder import _upsample_to

    ramp = torch.linspace(0, 1, 4).expand(1, 1, 4, 4)
    assert_close(_upsample_to(ramp, torch.zeros(1, 2, 10, 10))[0, 0, 0], torch.linspace(0, 1, 10))


def test_later_layers_are_offsets_from_the_first(small):
    face = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        codes = small(face)
        for head in small.styles[1:]:
            head.linear.weight.zero_()
        assert_close(small(face), codes[:, :1].expand(-1, 10, -1))


def save(path, network, **more):
    state = {f"encoder.{key}": value for key, value in network.state_dict().items()}
    state["decoder.input.input"] = torch.ones(1, 4)
    mean = torch.arange(160.0).reshape(10, 16)
    torch.save({"state_dict": state, "latent_avg": mean, "opts": {"start_from_latent_avg": True}, **more}, path)
    return mean


def test_codes_of_a_checkpoint_are_relative_to_its_mean(tmp_path):
    torch.manual_seed(1)
    network = FaceEncoder(SMALL).eval()
    mean = save(tmp_path / "e4e.pt", network)
    encoder = load_encoder(tmp_path / "e4e.pt", CPU)
    face = torch.rand(2, 3, 64, 64)
    assert encoder.num_styles == 10
    assert_close(encoder.encode_face(face), network(face).detach() + mean)
    assert encoder.encode_face(torch.rand(1, 3, 100, 100)).shape == (1, 10, 16)
    assert encoder.encode_face(torch.rand(1, 3, 96, 128)).shape == (1, 10, 16), (
        "the published car encoder takes 4:3 images"
    )
    with pytest.raises(InputError, match="square face"):
        encoder.encode_face(torch.rand(1, 3, 128, 96))
    save(tmp_path / "plain.pt", network, opts={"start_from_latent_avg": False})
    assert_close(load_encoder(tmp_path / "plain.pt", CPU).encode_face(face), network(face).detach())


def test_the_layout_is_derived_from_the_tensors():
    from inst.gan.encoder import _layout_of

    with torch.device("meta"):
        network = FaceEncoder(EncoderLayout(num_styles=14))
    layout = _layout_of(network.state_dict())
    assert layout == EncoderLayout(num_styles=14)
    assert _layout_of(FaceEncoder(SMALL).state_dict()) == SMALL


def test_files_of_another_kind_are_refused(tmp_path, small):
    torch.save({"g_ema": {"conv1.weight": torch.ones(1)}}, tmp_path / "generator.pt")
    with pytest.raises(ModelError, match=r"holds no e4e encoder .*e4e_ffhq_encode\.pt"):
        load_encoder(tmp_path / "generator.pt", CPU)
    save(tmp_path / "mean.pt", small, latent_avg=None)
    with pytest.raises(ModelError, match="lacks latent_avg"):
        load_encoder(tmp_path / "mean.pt", CPU)
    with pytest.raises(InputError, match="no file"):
        load_encoder(tmp_path / "nothing.pt", CPU)
