"""The four editors as ``inst edit`` asks for them: files read, and held to the generator and the CLIP."""

from __future__ import annotations

from pathlib import Path

from inst.commands.common.progress import warn
from inst.commands.faces.edit_options import split_weight
from inst.commands.faces.options import EditRun
from inst.errors import ConfigError
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
from inst.gan.edits import Edit, check_edit, load_edit
from inst.gan.ffclip import load_ffclip
from inst.gan.latent_space import check_layers
from inst.gan.styleclip.directions import MAX_CHANNELS
from inst.gan.styleclip.mapper import STRENGTH, load_mapper
from inst.gan.styleclip.optimize import OptimizeSettings
from inst.gan.styleclip.prepared import read_prepared
from inst.gan.styleclip.statistics import read_statistics
from inst.gan.trained import check_generator, read_trained
from inst.pipelines.faces.embedded import find_file, tell_words, uses_avatars
from inst.pipelines.faces.session import FaceSession


def make_editor(session: FaceSession, run: EditRun, method: str) -> Editor | None:
    """The editor of a method, its files held to the generator and the CLIP."""
    match method:
        case "optimize":
            return _optimize_editor(session, run)
        case "mapper":
            return _mapper_editor(session, run)
        case "directions":
            return _directions_editor(session, run)
        case "ffclip":
            return _ffclip_editor(session, run)
    return None


def _given(run: EditRun, option: str) -> Path:
    path = find_file(getattr(run, option), option)
    assert path is not None  # `edit_words.choose_method` has seen to it
    return path


def _text(session: FaceSession, run: EditRun) -> str:
    text = checked_text(run.text or "")
    check_read_whole(session.clip, text)
    tell_words(session.options.clip, text)
    return text


def _optimize_editor(session: FaceSession, run: EditRun) -> OptimizeEditor:
    weight = run.identity_weight
    weight = (0.005 if run.identity else 0.0) if weight is None else weight
    if weight and session.options.identity is None:
        raise ConfigError("--identity-weight needs --identity model_ir_se50.pth")
    generator = session.generator
    _text(session, run)
    # `embedded.with_defaults` has seen to them
    assert run.l2 is not None and run.pixel_weight is not None and run.jitter is not None
    settings = OptimizeSettings(
        steps=run.steps,
        learning_rate=run.learning_rate,
        l2_weight=run.l2,
        identity_weight=weight,
        pixel_weight=run.pixel_weight,
        jitter=run.jitter,
    )
    arcface = session.identity if weight else None
    space = "styles" if run.space == "styles" else "w_plus"
    return OptimizeEditor(generator, session.view, settings, arcface, space)


def _mapper_editor(session: FaceSession, run: EditRun) -> MapperEditor:
    path = _given(run, "mapper")
    mapper, trained = load_mapper(path, session.placement), read_trained(path)
    check_generator(trained.generator, session.generator, f"--mapper {path}")
    text = trained.metadata.get("text")
    if run.text is not None and text is not None and run.text != text:
        warn(f'--text has no effect: the mapper {path.name} was trained for "{text}"')
    strength = trained.metadata.get("strength", STRENGTH)
    return MapperEditor(session.generator, mapper, float(strength))


def _directions_editor(session: FaceSession, run: EditRun) -> DirectionsEditor:
    path, neutral = _given(run, "directions"), run.neutral or ""
    prepared = read_prepared(path)
    statistics = prepared.statistics if run.statistics is None else read_statistics(Path(run.statistics))
    if statistics is None:
        raise ConfigError(f"--directions {path} holds no statistics of the generator: give --statistics S_mean_std")
    check_generator(prepared.metadata.get("generator"), session.generator, f"--directions {path}")
    check_clip(session.clip, prepared.probe, f"--directions {path}", str(prepared.metadata.get("clip", "it names")))
    check_read_whole(session.clip, checked_text(neutral, "neutral"), "neutral")
    _text(session, run)
    most = MAX_CHANNELS if uses_avatars(run) else None
    return DirectionsEditor(
        session.generator, session.clip, prepared.relevance, statistics, neutral, run.alpha, run.beta, most
    )


def _ffclip_editor(session: FaceSession, run: EditRun) -> FfclipEditor:
    path = _given(run, "ffclip")
    network, trained = load_ffclip(path, session.placement), read_trained(path)
    check_generator(trained.generator, session.generator, f"--ffclip {path}")
    check_clip(session.clip, trained.probe, f"--ffclip {path}", str(trained.metadata.get("clip", "it names")))
    remedy = "give the generator it was trained with"
    sizes = (network.num_styles, network.width)
    check_layers(sizes, session.generator.config, f"--ffclip {path} moves codes of", remedy)
    _text(session, run)
    return FfclipEditor(network, session.clip)


def saved_edits(session: FaceSession, run: EditRun) -> list[Edit]:
    """The edits of ``--edits``, held to the generator here once, scaled by their weights and by ``--strength``."""
    edits = []
    for spec in run.edits:
        file, weight = split_weight(spec)
        path = find_file(file, "edits")
        assert path is not None
        edit = load_edit(path)
        check_edit(edit, session.generator, str(path))
        edits.append(edit.scaled(weight * run.strength))
    return edits
