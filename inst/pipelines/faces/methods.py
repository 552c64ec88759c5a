"""The four editing methods: which one is meant, and its editor, checked against the generator and the CLIP."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from inst.assets import AVATARS
from inst.errors import ConfigError, InstWarning
from inst.gan.editor import (
    DirectionsEditor,
    Editor,
    FfclipEditor,
    MapperEditor,
    OptimizeEditor,
    check_clip,
    check_read_whole,
    checked_text,
)
from inst.gan.ffclip import SemanticModulation, load_ffclip
from inst.gan.latent_space import check_layers
from inst.gan.settings import IDENTITY_WEIGHT, OptimizeSettings
from inst.gan.styleclip.directions import MAX_CHANNELS
from inst.gan.styleclip.mapper import STRENGTH, LatentMapper, load_mapper
from inst.gan.styleclip.prepared import Prepared, read_prepared
from inst.gan.styleclip.statistics import read_statistics
from inst.gan.trained import TrainedEditor, check_generator, read_trained
from inst.options import values_of
from inst.pipelines.faces.embedded import PREPARED, NetworkFiles, find_file, warn_of_unknown_words
from inst.pipelines.faces.networks import FaceNetworks
from inst.pipelines.faces.settings import EditSettings

MAKERS = {"directions": "inst directions prepare", "mapper": "inst mapper train", "ffclip": "inst ffclip train"}
"""Methods that need a file, and the command that makes it."""
_KINDS: dict[str, tuple[Callable[..., nn.Module], type[nn.Module], str]] = {
    "mapper": (load_mapper, LatentMapper, "train_mapper"),
    "ffclip": (load_ffclip, SemanticModulation, "train_ffclip"),
}


def choose_method(settings: EditSettings, text: str | None, files: NetworkFiles, objects: Collection[str] = ()) -> str:
    """The method that is meant: the one named, the one whose file is given, else directions for the embedded avatars
    and optimisation for other generators.

    Args:
        objects: methods whose network is given as an object instead of a file.

    Raises:
        ConfigError: files for several methods, a method without its file, or no text.
        InputError: a file that is not there.
    """
    given = [name for name in MAKERS if name in objects or getattr(settings, name) is not None]
    for name in (*MAKERS, "statistics"):
        find_file(getattr(settings, name), name)
    if settings.method == "auto" and len(given) > 1:
        raise ConfigError(f"--{given[0]} and --{given[1]} are files of two methods: name one with --method")
    usual = "directions" if files.embedded and files.clip == AVATARS else "optimize"
    method = settings.method if settings.method != "auto" else (given[0] if given else usual)
    if method in MAKERS and method not in given and not (files.embedded and method in PREPARED):
        raise ConfigError(f"--method {method} needs its file: --{method} FILE, which {MAKERS[method]} makes")
    if text is None and method != "mapper":
        raise ConfigError('no text was given: --text "a face with glasses"')
    if text is not None and not isinstance(text, str):
        raise ConfigError(f"text={text!r} is not text")
    if text is not None:
        checked_text(text)
    if method == "directions" and settings.neutral is not None:
        checked_text(settings.neutral, "neutral")
    return method


def make_editor(
    networks: FaceNetworks, settings: EditSettings, method: str, text: str | None, objects: Mapping[str, Any]
) -> Editor:
    """The editor of a method, its files checked against the generator and the CLIP.

    Args:
        settings: with the generator's defaults, `embedded.edit_defaults`.
        objects: trained networks by their method, used instead of files.

    Raises:
        InputError, ModelError: a file that cannot be read, or that belongs to another generator or CLIP.
        ConfigError: a text that CLIP cannot read whole, or a weight without its network.
    """
    match method:
        case "optimize":
            return _optimize_editor(networks, settings, text)
        case "mapper":
            return _mapper_editor(networks, settings, text, objects)
        case "directions":
            return _directions_editor(networks, settings, text, objects)
        case "ffclip":
            return _ffclip_editor(networks, settings, text, objects)
    raise ValueError(f"method {method}")


def _check_text(networks: FaceNetworks, text: str | None) -> None:
    whole = checked_text(text or "")
    check_read_whole(networks.clip, whole)
    warn_of_unknown_words(networks.files.clip, whole)


def _optimize_editor(networks: FaceNetworks, settings: EditSettings, text: str | None) -> OptimizeEditor:
    weight, arcface = settings.identity_weight, networks.files.identity
    if weight is None:
        weight = IDENTITY_WEIGHT if arcface else 0.0
    if weight and arcface is None:
        raise ConfigError("--identity-weight needs --identity model_ir_se50.pth")
    generator = networks.generator
    _check_text(networks, text)
    plain = replace(OptimizeSettings(**values_of(settings, OptimizeSettings)), identity_weight=weight)
    return OptimizeEditor(generator, networks.view, plain, networks.identity if weight else None)


def _file(networks: FaceNetworks, settings: EditSettings, method: str) -> Path:
    given = getattr(settings, method)
    path = find_file(AVATARS if given is None and networks.files.embedded else given, method)
    assert path is not None  # `choose_method` has checked it
    return path


def _mapper_editor(
    networks: FaceNetworks, settings: EditSettings, text: str | None, objects: Mapping[str, Any]
) -> MapperEditor:
    made, source = _trained(networks, settings, "mapper", objects)
    assert isinstance(made.network, LatentMapper)
    known = made.trained.metadata.get("text")
    if text is not None and known is not None and text != known:
        warnings.warn(f'--text has no effect: the mapper {source} was trained for "{known}"', InstWarning, stacklevel=2)
    strength = made.trained.metadata.get("strength", STRENGTH)
    return MapperEditor(networks.generator, made.network, float(strength))


def _ffclip_editor(
    networks: FaceNetworks, settings: EditSettings, text: str | None, objects: Mapping[str, Any]
) -> FfclipEditor:
    made, source = _trained(networks, settings, "ffclip", objects)
    network, trained = made.network, made.trained
    assert isinstance(network, SemanticModulation)
    check_clip(networks.clip, trained.probe, f"--ffclip {source}", str(trained.metadata.get("clip", "it names")))
    remedy = "give the generator it was trained with"
    sizes = (network.num_styles, network.width)
    check_layers(sizes, networks.generator.config, f"--ffclip {source} moves codes of", remedy)
    _check_text(networks, text)
    return FfclipEditor(network, networks.clip)


def _trained(
    networks: FaceNetworks, settings: EditSettings, method: str, objects: Mapping[str, Any]
) -> tuple[TrainedEditor, str]:
    """The network of a method, checked against the generator, and what it is called in errors."""
    load, kind, maker = _KINDS[method]
    if method in objects:
        made, source = objects[method], "given"
        if not isinstance(made, TrainedEditor) or not isinstance(made.network, kind):
            raise ConfigError(f"{method}={type(made).__name__} is not accepted: give a file, or what {maker} returned")
        made = replace(made, network=made.network.to(networks.placement.device).eval())
    else:
        path = _file(networks, settings, method)
        made = networks.kept(path, lambda: TrainedEditor(load(path, networks.placement), read_trained(path)))
        source = str(path)
    check_generator(made.trained.generator, networks.generator, f"--{method} {source}")
    return made, source


def _directions_editor(
    networks: FaceNetworks, settings: EditSettings, text: str | None, objects: Mapping[str, Any]
) -> DirectionsEditor:
    if "directions" in objects:
        prepared, source = objects["directions"], "given"
        if not isinstance(prepared, Prepared):
            kind = type(prepared).__name__
            raise ConfigError(f"directions={kind} is not accepted: give a file, or what prepare_directions returned")
    else:
        path = _file(networks, settings, "directions")
        prepared, source = networks.kept(path, lambda: read_prepared(path)), str(path)
    statistics = prepared.statistics if settings.statistics is None else read_statistics(Path(settings.statistics))
    if statistics is None:
        raise ConfigError(f"--directions {source} holds no statistics of the generator: give --statistics S_mean_std")
    check_generator(prepared.metadata.get("generator"), networks.generator, f"--directions {source}")
    check_clip(networks.clip, prepared.probe, f"--directions {source}", str(prepared.metadata.get("clip", "it names")))
    neutral = checked_text(settings.neutral or "", "neutral")
    check_read_whole(networks.clip, neutral, "neutral")
    _check_text(networks, text)
    return DirectionsEditor(
        networks.generator,
        networks.clip,
        prepared.relevance,
        statistics,
        neutral,
        settings.alpha,
        settings.beta,
        MAX_CHANNELS if networks.files.embedded else None,
        known=networks.text_directions,
    )
