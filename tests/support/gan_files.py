"""Files of a narrow GAN side, as a user has them: generator, encoder, identity network, CLIP, photo, landmarks."""

import numpy as np
import torch
from PIL import Image as PilImage
from support.clip_weights import write_open_clip
from support.stylegan2 import converted

from inst.gan.architecture import GeneratorConfig
from inst.gan.checkpoints import save_generator
from inst.gan.encoder import EncoderLayout, FaceEncoder
from inst.gan.generator import Generator
from inst.perceptual.arcface import ArcFace
from inst.perceptual.ir_se import IrSeLayout

WIDTH = 24
"""Of w, and of the narrow CLIP's embeddings: FFCLIP wants them alike."""
CONFIG = GeneratorConfig(channels=(8, 8, 6, 6), mapping_widths=(WIDTH,) * 3)
"""32 px, 8 layers."""
TRUNK = IrSeLayout(widths=(4, 8, 12, WIDTH), units=(1, 2, 1, 1), reduction=4)


def calm_generator(seed=0):
    """Random, and its pictures lie inside [-1, 1] for the most part, as those of trained ones."""
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
    """All of them into a folder that does not exist yet."""
    folder.mkdir(parents=True)
    save_generator(folder / "G.safetensors", calm_generator())
    save_generator(folder / "other.safetensors", calm_generator(1))
    torch.save(converted(), folder / "small.pt")  # another size: 16 px, 6 layers of 7
    torch.manual_seed(0)
    for name, layers in (("e4e.pt", CONFIG.num_layers), ("e4e10.pt", CONFIG.num_layers + 2)):
        network = FaceEncoder(EncoderLayout(num_styles=layers, style_dim=WIDTH, input_size=64, trunk=TRUNK))
        state = {f"encoder.{key}": value for key, value in network.state_dict().items()}
        mean = calm_generator().latent_avg
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
    """A plain, upright face; only eyes, mouth corners and the tip of the nose matter."""
    points = np.zeros((68, 2))
    points[:36, 0] = np.linspace(-1, 1, 36)
    points[36:42], points[42:48], points[48:] = (-0.5, 0), (0.5, 0), (0, 1)
    points[30], points[48], points[54] = (0, 0.5), (-0.4, 1), (0.4, 1)
    return points * eye_distance + np.asarray(centre, float)
