"""A painting, and the embedded miniature model to learn it with."""

import pytest
import torch

import inst
from inst.image import read_image
from inst.inversion.prepare import model_defaults, prepare
from inst.inversion.settings import InversionSettings, resolve


@pytest.fixture(scope="session")
def session():
    torch.set_num_threads(1)
    return inst.load_model(dtype="float32", device="cpu")


@pytest.fixture(scope="session")
def painting(pytestconfig):
    return read_image(sorted((pytestconfig.rootpath / "style_images").glob("*.jpg"))[0])


SMALL = {"resolution": 128, "crop": 64, "batch_size": 2, "validation_steps": 4, "early_stop": 0}


@pytest.fixture
def training(session, painting):
    """``training(**settings)``: a short training run on the painting, not started."""

    def build(**changes):
        settings = resolve(InversionSettings(**(SMALL | changes)), model_defaults(session.model))
        return prepare(session.model, session.clip, painting, settings, session.pretrained)

    return build
