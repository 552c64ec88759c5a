"""The encoder's training at small size: exact resumption, learning, and the metadata of its file."""

import numpy as np
import pytest
import torch
from support.gan_files import CONFIG, bounded_generator

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState

from inst import load_generator
from inst.errors import InputError, ModelError
from inst.gan.checkpoints import save_generator
from inst.gan.compact import CompactEncoder, CompactLayout, compact_layout_of
from inst.gan.encoder import load_encoder
from inst.placement import choose_placement
from miniature.avatars.encoder.export import averaged, export, measure, reconstruct, rejection_rate
from miniature.avatars.encoder.train import EncoderRecipe, sample_w, train
from miniature.avatars.generator.train import config
from miniature.common.training import Budget, Run

WIDTHS = (16, 12, 8)


@pytest.fixture(autouse=True)
def precision_of_its_own():
    """accelerate has one precision per process, and other tests use float32."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def session(tmp_path):
    """A narrow generator, and its own images instead of drawings."""
    generator = bounded_generator()
    save_generator(tmp_path / "G.safetensors", generator)
    z = torch.randn(200, CONFIG.z_width, generator=torch.Generator().manual_seed(9))
    pictures = generator(generator.truncate(generator.map(z), 0.7)).clamp(-1, 1)
    np.save(tmp_path / "avatars.npy", ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())
    return load_generator(tmp_path / "G.safetensors", device="cpu", dtype="float32")


def steps(tmp_path, session, count, **recipe):
    settings = EncoderRecipe(**{"batch": 8, **recipe})
    return train(tmp_path, session, Budget(steps=count), device="cpu", recipe=settings, widths=WIDTHS)


def test_sizes_follow_from_the_generator_and_from_the_file():
    for side, widths in ((32, (128, 96, 64)), (64, (128, 96, 64, 32)), (256, (128, 96, 64, 32, 32, 32))):
        sizes = config(side, (24,) * 7)
        layout = CompactLayout.of(sizes)
        network = CompactEncoder(layout)
        assert (layout.widths, layout.num_styles) == (widths, sizes.num_layers)
        assert compact_layout_of(network.state_dict()) == layout
        assert network(torch.zeros(1, 3, side, side)).shape == (1, sizes.num_layers, sizes.w_width)
    bytes_in_half = 2 * sum(p.numel() for p in CompactEncoder(CompactLayout.of(config(64))).parameters())
    assert 2e6 < bytes_in_half < 3e6
    with pytest.raises(ModelError, match="at least 32 px, not 16 px"):
        CompactLayout.of(config(16))


def test_before_training_it_returns_the_mean_for_every_image():
    mean = torch.arange(CONFIG.w_width).float()
    network = CompactEncoder(CompactLayout.of(CONFIG, WIDTHS)).initialize_to_mean(mean)
    assert (network(torch.randn(2, 3, 32, 32)) == 0).all()
    assert torch.equal(network.mean, mean)


def test_finer_styles_depend_on_details_that_coarser_ones_do_not():
    """Checkerboards of single pixels are invisible at 4 px except for what finer levels add."""
    torch.manual_seed(0)
    network = CompactEncoder(CompactLayout.of(CONFIG, WIDTHS))
    pictures = torch.rand(1, 3, 32, 32)
    before, deltas = network.first_and_deltas(pictures)
    with torch.no_grad():
        network.laterals[2].weight.zero_()
        network.laterals[2].bias.zero_()
    _, fine = network.first_and_deltas(pictures)
    network.laterals[1].weight.data.zero_()
    first, middle = network.first_and_deltas(pictures)
    assert torch.equal(first, before)
    assert [bool(same) for same in (deltas == fine).all(2)[0]] == [True] * 6 + [False]
    assert [bool(same) for same in (deltas == middle).all(2)[0]] == [True] * 2 + [False] * 5


def test_sampled_codes_vary_and_some_are_mixed(session):
    torch.manual_seed(0)
    recipe = EncoderRecipe(mixing=0.5, psi=(0.0, 1.0))
    codes = sample_w(session.generator, 200, recipe)
    changes = (codes.diff(dim=1) != 0).any(2).sum(1)
    assert set(changes.tolist()) == {0, 1} and 60 < int(changes.sum()) < 140
    far = (codes[:, 0] - session.generator.latent_avg).norm(dim=1)
    assert far.min() < 0.1 * far.max()


class StoppedAfterThree(Run):
    def steps(self, save_every=120.0):
        for rng in super().steps(save_every):
            yield rng
            if self.step == 3:
                self.save()
                return


def test_an_interrupted_run_is_resumed_exactly(tmp_path, session, monkeypatch):
    straight = steps(tmp_path, session, 6)
    (tmp_path / "encoder").rename(tmp_path / "first")
    with monkeypatch.context() as stopping:
        stopping.setattr("miniature.avatars.encoder.train.Run", StoppedAfterThree)
        assert steps(tmp_path, session, 6).step == 3
    again = steps(tmp_path, session, 6)
    assert again.step == 6
    assert all(torch.equal(a, b) for a, b in zip(straight.params, again.params, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(straight.params_ema, again.params_ema, strict=True))
    (tmp_path / "encoder" / "generator.txt").write_text("0" * 16)
    with pytest.raises(SystemExit, match="the encoder of another generator"):
        steps(tmp_path, session, 7)


def test_images_are_reconstructed_and_the_file_contains_the_psnr(tmp_path, session):
    pixels = np.load(tmp_path / "avatars.npy")
    mean = CompactEncoder(CompactLayout.of(CONFIG, WIDTHS)).initialize_to_mean(session.generator.latent_avg)
    before = measure(mean, session.generator, pixels)
    run = steps(tmp_path, session, 150, lr=3e-3)
    after = measure(averaged(run), session.generator, pixels)
    assert after["median_psnr"] > before["median_psnr"] + 1.5
    assert after["least_psnr"] < after["median_psnr"]
    message = rejection_rate(averaged(run), session.generator, after["least_psnr"]).split()
    assert int(message[0]) > 0.8 * int(message[2]) > 10
    export(tmp_path, run, session, after)
    encoder = load_encoder(tmp_path / "encoder.safetensors", choose_placement("cpu", "float32"))
    assert encoder.generator == session.fingerprint and encoder.least_psnr == after["least_psnr"]
    pictures = torch.from_numpy(pixels[:3]).permute(0, 3, 1, 2).float() / 127.5 - 1
    drawn = session.generator(encoder.encode_face(pictures)).clamp(-1, 1)
    with pytest.raises(InputError, match="give an aligned, square face"):
        encoder.encode_face(pictures[:, :, 4:])
    torch.testing.assert_close(drawn, reconstruct(averaged(run), session.generator, pictures), atol=1e-5, rtol=1e-4)
