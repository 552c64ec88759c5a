"""Small versions of the files a user has: generator, encoder, identity network, CLIP, photo, landmarks."""

import shutil

import numpy as np
import torch
from PIL import Image as PilImage
from support.clip_weights import write_open_clip
from support.stylegan2 import converted

from inst.clip import load_clip
from inst.files import write_safetensors
from inst.gan.architecture import GeneratorConfig
from inst.gan.checkpoints import save_generator
from inst.gan.checkpoints.fingerprint import fingerprint
from inst.gan.codes import to_rgb_styles
from inst.gan.compact import CompactEncoder, CompactLayout
from inst.gan.editor import clip_probe
from inst.gan.encoder import EncoderLayout, FaceEncoder, save_encoder
from inst.gan.ffclip import SemanticModulation
from inst.gan.generator import Generator
from inst.gan.invert import measure_loss
from inst.gan.styleclip.prepared import Prepared, write_prepared
from inst.gan.styleclip.statistics import StyleStatistics
from inst.gan.trained import save_trained
from inst.perceptual.arcface import ArcFace
from inst.perceptual.ir_se import IrSeLayout
from inst.placement import choose_placement
from miniature.common.manifest import write_manifest

WIDTH = 24
"""Width of w and of the narrow CLIP's embeddings, which FFCLIP needs to be equal."""
CONFIG = GeneratorConfig(channels=(8, 8, 6, 6), mapping_widths=(WIDTH,) * 3)
"""32 px, 8 layers of W+."""
TRUNK = IrSeLayout(widths=(4, 8, 12, WIDTH), units=(1, 2, 1, 1), reduction=4)


def bounded_generator(seed=0):
    """A random generator whose images are mostly inside [-1, 1], like those of trained generators."""
    rng = torch.Generator().manual_seed(seed)
    generator = Generator(CONFIG).initialise(rng)
    with torch.no_grad():
        for layer in generator.to_rgbs:
            layer.weight.mul_(0.2)
        for conv in generator.convs:
            conv.noise_strength.fill_(0.05)
        generator.latent_avg.copy_(generator.map(torch.randn(200, WIDTH, generator=rng)).mean(0))
    return generator.requires_grad_(False).eval()


def write_files(folder):
    """Writes all files into a folder that does not exist yet."""
    folder.mkdir(parents=True)
    save_generator(folder / "G.safetensors", bounded_generator())
    save_generator(folder / "other.safetensors", bounded_generator(1))
    torch.save(converted(), folder / "small.pt")  # another size: 16 px, 6 layers of 7
    torch.manual_seed(0)
    for name, layers in (("e4e.pt", CONFIG.num_layers), ("e4e10.pt", CONFIG.num_layers + 2)):
        network = FaceEncoder(EncoderLayout(num_styles=layers, style_dim=WIDTH, input_size=64, trunk=TRUNK))
        state = {f"encoder.{key}": value for key, value in network.state_dict().items()}
        mean = bounded_generator().latent_avg
        torch.save({"state_dict": state, "latent_avg": mean.expand(layers, -1).clone(), "opts": {}}, folder / name)
    torch.save(ArcFace(TRUNK, features=16).state_dict(), folder / "identity.pth")
    write_open_clip(folder / "clip")
    write_photo(folder / "photo.png")
    np.save(folder / "photo.npy", landmarks((60, 45), 24))
    np.save(folder / "two.npy", np.stack([landmarks((30, 30), 12), landmarks((75, 50), 20)]))
    return folder


def write_photo(path, size=(120, 96)):
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.stack([x * 2, y * 2, (x * y) % 251], axis=-1).astype(np.uint8)
    PilImage.fromarray(pixels).save(path)


def landmarks(centre, eye_distance):
    """An upright, frontal face; only eyes, mouth corners and the tip of the nose have plausible positions."""
    points = np.zeros((68, 2))
    points[:36, 0] = np.linspace(-1, 1, 36)
    points[36:42], points[42:48], points[48:] = (-0.5, 0), (0.5, 0), (0, 1)
    points[30], points[48], points[54] = (0, 0.5), (-0.4, 1), (0.4, 1)
    return points * eye_distance + np.asarray(centre, float)


def write_avatars(folder, files):
    """Writes a small version of the embedded generator's folder from the files of `write_files`.

    Its encoder is untrained and gives about the mean for every image. ``least_psnr`` is set so that the generator's own
    images are accepted and images that are further from the mean are refused.
    """
    folder.mkdir(parents=True)
    shutil.copy(files / "G.safetensors", folder / "generator.safetensors")
    shutil.copytree(files / "clip", folder / "clip")
    write_safetensors(folder / "identity.safetensors", torch.load(files / "identity.pth", weights_only=True), {})
    generator, own = (
        bounded_generator(),
        {"generator": fingerprint(bounded_generator().state_dict()), "clip": "avatars"},
    )
    torch.manual_seed(0)
    encoder = CompactEncoder(CompactLayout.of(CONFIG, (16, 12, 8)))
    for level in encoder.initialize_to_mean(generator.latent_avg).levels:
        level.styles.weight.data.normal_(std=0.003)
    codes = generator.truncate(generator.map(torch.randn(60, WIDTH, generator=torch.Generator().manual_seed(5))), 0.7)
    pictures = generator(codes).clamp(-1, 1)
    reconstructed = generator(encoder(pictures).detach() + encoder.mean)
    least = float(measure_loss(pictures, reconstructed).psnr.min()) - 2
    save_encoder(folder / "encoder.safetensors", encoder, own | {"least_psnr": least})
    probe = clip_probe(load_clip(f"local-dir:{folder / 'clip'}", choose_placement("cpu", "float32")))
    write_prepared(folder / "directions.safetensors", prepared(probe, own))
    save_trained(folder / "ffclip.safetensors", SemanticModulation(CONFIG.num_layers, WIDTH, 2), own, probe)
    write_safetensors(folder / "examples.safetensors", {"w_plus": codes[:3].clone()}, {})
    (folder / "words.txt").write_text("\n".join(("glasses", "hat", "face", "with", "a")))
    write_manifest(folder)
    return folder


def prepared(probe=None, metadata=None):
    """A random relevance matrix and constant statistics for the narrow generator."""
    widths = CONFIG.style_widths
    rows = sum(width for i, width in enumerate(widths) if i not in to_rgb_styles(len(widths)))
    relevance = torch.nn.functional.normalize(
        torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(1)), dim=1
    )
    statistics = StyleStatistics([torch.zeros(w) for w in widths], [torch.full((w,), 0.3) for w in widths])
    return Prepared(relevance, statistics, probe, metadata or {})
