"""``inst edit``: photos, made-up faces or stored codes, each brought into the generator's space, edited and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from inst.errors import ConfigError, InputError, ModelError
from inst.gan.codes import Codes, read_codes
from inst.gan.editor import (
    DirectionsEditor,
    Editor,
    FfclipEditor,
    MapperEditor,
    OptimizeEditor,
    check_clip,
    check_read_whole,
    checked_text,
    drawing,
)
from inst.gan.edits import Edit, apply_edits, check_edit, edit_between, load_edit, partway, save_edit
from inst.gan.ffclip import load_ffclip
from inst.gan.generator import Noise
from inst.gan.styleclip.mapper import STRENGTH, load_mapper
from inst.gan.styleclip.optimize import OptimizeSettings
from inst.gan.styleclip.prepared import read_prepared
from inst.gan.styleclip.statistics import read_statistics
from inst.gan.trained import check_generator, read_trained
from inst.image import Picture, read_image_text, resize, side_by_side, write_image
from inst.runs.bars import bar, say, warn
from inst.runs.edit_batches import edit_photos, edit_stored
from inst.runs.faces import invert_settings, landmarks_for, read_photo, without_clip
from inst.runs.gan_settings import EditRun
from inst.runs.gan_studio import GanStudio, existing
from inst.runs.outputs import claim, plan_numbered, plan_outputs, report_failures, safe_name
from inst.runs.photos import find_photos
from inst.runs.record import Record, a1111_parameters, from_json, to_json
from inst.runs.video import check_video_path, write_video
from inst.shapes import Image, WPlus

MAX_VIDEO_SIDE = 512
MAX_VIDEO_FACES = 8
REMEMBERED = (
    "text", "neutral", "method", "truncation", "strength", "steps", "learning_rate", "l2", "identity_weight", "space",
    "alpha", "beta", "clip",
)  # fmt: skip
"""Settings that a picture carries; ``seed`` and ``random`` beside them."""
_SAMPLERS = {
    "optimize": "StyleCLIP optimization",
    "mapper": "StyleCLIP mapper",
    "directions": "StyleCLIP global directions",
    "ffclip": "FFCLIP",
    "edits": "saved edits",
}


def edit_faces(run: EditRun) -> int:
    """The exit code: 2 when a photo of several could not be used.

    Everything that can be wrong with the words of the command is found before a network is loaded.
    """
    run = _from_image(run)
    method = choose_method(run)
    photos = find_photos(run.photos)
    _check_sources(run, photos)
    outputs = _plan(run, photos, method)
    _check_extras(run, photos)
    studio = GanStudio(run, run.encoder)
    # a single photo that cannot be read is found before anything is loaded
    opened = {path: read_photo(path, run) for path in photos if len(photos) == 1}
    provider = landmarks_for(photos, run)
    work = EditWork(studio, run, method, _editor(studio, run, method), _saved_edits(studio, run))
    failures: dict[Path, str] = {}
    with bar(len(outputs) * work.ticks, "editing") as progress:
        if photos:
            failures = edit_photos(work, photos, outputs, opened, provider, progress)
        else:
            edit_stored(work, *_codes(studio, run), outputs, progress)
        work.finish()
    return report_failures(failures, len(photos))


# The words of the command


def choose_method(run: EditRun) -> str:
    """The method that is meant: the one named, the one whose file is given, else optimisation.

    Raises:
        ConfigError: files for several methods, or a method without its file.
        InputError: a file that is not there.
    """
    files = {name: getattr(run, name) for name in ("mapper", "directions", "ffclip")}
    given = [name for name, file in files.items() if file is not None]
    for name in (*given, "statistics", "latents"):
        existing(getattr(run, name), name)
    if run.edits:
        if run.text is not None or given or run.method != "auto":
            raise ConfigError("--edits makes saved edits: leave out --text, --method and its files")
        return "edits"
    if run.method == "auto" and len(given) > 1:
        raise ConfigError(f"--{given[0]} and --{given[1]} are files of two methods: name one with --method")
    method = run.method if run.method != "auto" else (given[0] if given else "optimize")
    if method in files and files[method] is None:
        maker = {"directions": "inst directions prepare", "mapper": "inst mapper train", "ffclip": "inst ffclip train"}
        raise ConfigError(f"--method {method} needs its file: --{method} FILE, which {maker[method]} makes")
    if run.text is None and method != "mapper":
        raise ConfigError('no text was given: --text "a face with glasses"')
    if run.text is not None:
        checked_text(run.text)
    if method == "directions":
        checked_text(run.neutral, "neutral")
    return method


def _check_sources(run: EditRun, photos: Sequence[Path]) -> None:
    given = [
        name for name, there in (("photos", photos), ("--random", run.random), ("--latents", run.latents)) if there
    ]
    if not given:
        raise InputError("no face was given: inst edit photo.jpg, or --random 4 for faces that the generator makes up")
    if len(given) > 1:
        raise ConfigError(f"{given[0]} and {given[1]} were both given: edit one or the other")


def _plan(run: EditRun, photos: Sequence[Path], method: str) -> list[Path]:
    made = safe_name(run.text or method if method != "edits" else Path(_split_weight(run.edits[0])[0]).stem)[:60]
    if photos:
        return list(plan_outputs(photos, run, made).values())
    if run.latents is not None:
        count = len(read_codes(Path(run.latents))[0])
        return plan_numbered(count, run, (f"{safe_name(Path(run.latents).stem)}-{made}-{i}" for i in range(count)))
    return plan_numbered(run.random, run, (f"{made}-{run.seed + i}" for i in range(run.random)))


def _check_extras(run: EditRun, photos: Sequence[Path]) -> None:
    if run.video is not None:
        check_video_path(claim(Path(run.video), run.overwrite))
        if max(len(photos), run.random) > MAX_VIDEO_FACES:
            raise ConfigError(f"--video shows at most {MAX_VIDEO_FACES} faces side by side: give fewer")
    if run.save_edit is not None:
        if Path(run.save_edit).suffix != ".safetensors":
            raise InputError(f"--save-edit {run.save_edit}: give a name ending in .safetensors")
        claim(Path(run.save_edit), run.overwrite)


def _split_weight(spec: str) -> tuple[str, float]:
    """``file[:weight]``.

    Raises:
        ConfigError: a weight that is no number.
    """
    file, colon, weight = spec.rpartition(":")
    if not colon or "/" in weight or "\\" in weight or weight.endswith(".safetensors"):
        return spec, 1.0
    try:
        value = float(weight)
    except ValueError:
        value = float("nan")
    if not abs(value) <= 100:
        raise ConfigError(f"--edits {spec}: the weight {weight} is not accepted: give a number from -100 to 100")
    return file, value


def _from_image(run: EditRun) -> EditRun:
    """The run with the settings that a picture made before carries; what was given beside them wins."""
    if run.from_image is None:
        return run
    text = read_image_text(Path(run.from_image)).get("inst")
    made = {} if text is None else from_json(text).settings.get("edit")
    if not isinstance(made, dict) or not made:
        raise InputError(f"--from-image {run.from_image} carries no settings of inst edit: give a picture it made")
    plain, known = EditRun(), {field.name for field in fields(EditRun)}
    wanted = {k: v for k, v in made.items() if k in known and v is not None and getattr(run, k) == getattr(plain, k)}
    if run.photos or run.latents:
        wanted.pop("random", None)
    return replace(run, **wanted)


# The networks


def _editor(studio: GanStudio, run: EditRun, method: str) -> Editor | None:
    """The editor of a method, its files held to the generator and the CLIP."""
    match method:
        case "optimize":
            return _optimize_editor(studio, run)
        case "mapper":
            return _mapper_editor(studio, run)
        case "directions":
            return _directions_editor(studio, run)
        case "ffclip":
            return _ffclip_editor(studio, run)
    return None


def _text(studio: GanStudio, run: EditRun) -> str:
    text = checked_text(run.text or "")
    check_read_whole(studio.clip, text)
    return text


def _optimize_editor(studio: GanStudio, run: EditRun) -> OptimizeEditor:
    weight = run.identity_weight
    weight = (0.005 if run.identity else 0.0) if weight is None else weight
    if weight and studio.options.identity is None:
        raise ConfigError("--identity-weight needs --identity model_ir_se50.pth")
    generator = studio.generator
    _text(studio, run)
    settings = OptimizeSettings(
        steps=run.steps, learning_rate=run.learning_rate, l2_weight=run.l2, identity_weight=weight
    )
    arcface = studio.identity if weight else None
    space = "styles" if run.space == "styles" else "w_plus"
    return OptimizeEditor(generator, studio.view, settings, arcface, space)


def _mapper_editor(studio: GanStudio, run: EditRun) -> MapperEditor:
    assert run.mapper is not None
    path = Path(run.mapper)
    mapper, trained = load_mapper(path, studio.placement), read_trained(path)
    check_generator(trained.generator, studio.generator, f"--mapper {path}")
    text = trained.facts.get("text")
    if run.text is not None and text is not None and run.text != text:
        warn(f'--text has no effect: the mapper {path.name} was trained for "{text}"')
    strength = trained.facts.get("strength", STRENGTH)
    return MapperEditor(studio.generator, mapper, float(strength))


def _directions_editor(studio: GanStudio, run: EditRun) -> DirectionsEditor:
    assert run.directions is not None
    path = Path(run.directions)
    prepared = read_prepared(path)
    statistics = prepared.statistics if run.statistics is None else read_statistics(Path(run.statistics))
    if statistics is None:
        raise ConfigError(f"--directions {path} holds no statistics of the generator: give --statistics S_mean_std")
    check_generator(prepared.facts.get("generator"), studio.generator, f"--directions {path}")
    check_clip(studio.clip, prepared.probe, f"--directions {path}", str(prepared.facts.get("clip", "it names")))
    check_read_whole(studio.clip, checked_text(run.neutral, "neutral"), "neutral")
    _text(studio, run)
    return DirectionsEditor(
        studio.generator, studio.clip, prepared.relevance, statistics, run.neutral, run.alpha, run.beta
    )


def _ffclip_editor(studio: GanStudio, run: EditRun) -> FfclipEditor:
    assert run.ffclip is not None
    path = Path(run.ffclip)
    network, trained = load_ffclip(path, studio.placement), read_trained(path)
    check_generator(trained.generator, studio.generator, f"--ffclip {path}")
    check_clip(studio.clip, trained.probe, f"--ffclip {path}", str(trained.facts.get("clip", "it names")))
    config = studio.generator.config
    if (network.num_styles, network.width) != (config.num_layers, config.w_width):
        raise ModelError(
            f"--ffclip {path} moves codes of {network.num_styles} layers of {network.width}, and the generator takes "
            f"{config.num_layers} of {config.w_width}: give the generator it was trained with"
        )
    _text(studio, run)
    return FfclipEditor(network, studio.clip)


def _saved_edits(studio: GanStudio, run: EditRun) -> list[Edit]:
    edits = []
    for spec in run.edits:
        file, weight = _split_weight(spec)
        path = existing(file, "edits")
        assert path is not None
        edit = load_edit(path)
        check_edit(edit, studio.generator, str(path))
        edits.append(edit.scaled(weight * run.strength))
    return edits


def _codes(studio: GanStudio, run: EditRun) -> tuple[list[WPlus], list[int]]:
    """Codes (1, k, d) to edit, and the seed of each."""
    if run.latents is not None:
        rows = studio.stored(Path(run.latents))
        return list(rows.split(1)), [run.seed] * len(rows)
    seeds = [run.seed + i for i in range(run.random)]
    with torch.no_grad():
        return [studio.made_up(1, seed, run.truncation) for seed in seeds], seeds


# The work


@dataclass
class EditWork:
    """What all faces of a run share.

    Attributes:
        editor: of the text, or ``None`` where saved ``edits`` are made.
        made: the edits of the faces so far.
        films: for each face the pictures on its way, small.
    """

    studio: GanStudio
    run: EditRun
    method: str
    editor: Editor | None
    edits: Sequence[Edit]

    def __post_init__(self) -> None:
        self.made: list[Edit] = []
        self.films: list[list[Image]] = []
        self.invert = invert_settings(self.run)
        if self.method in ("mapper", "edits"):
            self.invert = without_clip(self.invert)

    @property
    def ticks(self) -> int:
        """Of the bar for a face."""
        steps = 1 if self.editor is None else self.editor.num_steps
        return steps + (self.invert.steps if self.run.photos else 0)

    def edit_codes(self, w_plus: WPlus, noise: Noise, tick: Callable[[], object]) -> Image:
        """The edited pictures on the CPU, in [-1, 1]."""
        generator = self.studio.generator
        path = list(self._way(w_plus, noise, tick))
        codes = path[-1]
        with torch.no_grad():
            draw = drawing(generator, noise)
            image = draw(codes).clamp(-1, 1).cpu()
            if self.run.save_edit is not None:
                facts = {"method": self.method, "text": self.run.text or ""}
                self.made.append(edit_between(generator, w_plus, codes, **facts))
            if self.run.video is not None:
                frames = self._frames(w_plus, path)
                self.films.append([_small(draw(frame)) for frame in frames])
            return image

    def _way(self, w_plus: WPlus, noise: Noise, tick: Callable[[], object]) -> Iterator[Codes]:
        """The codes after each step, ``strength`` of the way."""
        generator, strength = self.studio.generator, self.run.strength
        if self.editor is None:
            with torch.no_grad():
                yield apply_edits(generator, w_plus, self.edits)
            tick()
            return
        editor = replace(self.editor, noise=noise) if isinstance(self.editor, OptimizeEditor) else self.editor
        for codes in editor.steps(w_plus, self.run.text or ""):
            if strength != 1:
                with torch.no_grad():
                    codes = partway(generator, w_plus, codes, strength)
            tick()
            yield codes

    def _frames(self, w_plus: WPlus, path: Sequence[Codes]) -> list[Codes]:
        """Codes along the way: those of the steps, or where there is one step a straight line to it."""
        count = self.run.frames
        if len(path) > 1:
            return [path[round(i * (len(path) - 1) / (count - 1))] for i in range(count)]
        return [partway(self.studio.generator, w_plus, path[-1], i / (count - 1)) for i in range(count)]

    def write(self, output: Path, image: Image, seed: int, photo: Picture | None = None) -> None:
        """A picture with its settings."""
        text = None
        if self.run.metadata:
            record = self._record(image, seed, photo)
            text = {"parameters": a1111_parameters(record), "inst": to_json(record)}
        write_image(output, image, text=text)

    def _record(self, image: Image, seed: int, photo: Picture | None) -> Record:
        run = self.run
        remembered: dict[str, Any] = {name: getattr(run, name) for name in REMEMBERED}
        remembered |= {
            "clip": self.studio.clip_name,
            "method": self.method,
            "seed": seed,
            "random": 1 if run.random else 0,
        }
        if self.method == "edits":
            remembered = {"edits": [Path(_split_weight(spec)[0]).name for spec in run.edits], "strength": run.strength}
        return Record(
            prompt=run.text or self._known_text(),
            negative_prompt=run.neutral if self.method == "directions" else "",
            steps=1 if self.editor is None else self.editor.num_steps,
            sampler=_SAMPLERS[self.method],
            cfg_scale=float(run.alpha if self.method == "directions" else run.strength),
            seed=seed,
            width=image.shape[3],
            height=image.shape[2],
            model=self.studio.generator_path.name,
            model_hash=self.studio.fingerprint,
            settings={"edit": remembered} | ({} if photo is None else {"content_sha256": photo.sha256}),
        )

    def _known_text(self) -> str:
        texts = [str(edit.facts.get("text", "")) for edit in self.edits]
        return ", ".join(text for text in texts if text)

    def finish(self) -> None:
        """Write the saved edit and the film, where they are wanted and a face was edited."""
        if self.run.save_edit is not None and self.made:
            rows = [torch.cat(parts) for parts in zip(*(edit.offsets for edit in self.made), strict=True)]
            save_edit(Path(self.run.save_edit), Edit(rows, self.made[0].facts))
            say(f"{self.run.save_edit}: --edits {self.run.save_edit} makes this edit on other faces")
        if self.run.video is not None and self.films:
            write_video(Path(self.run.video), [side_by_side(list(row)) for row in zip(*self.films, strict=True)])
            say(self.run.video)


def _small(image: Image) -> Image:
    side = min(image.shape[-1], MAX_VIDEO_SIDE)
    return resize(image.clamp(-1, 1), side, side).cpu()
