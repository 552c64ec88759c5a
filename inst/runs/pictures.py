"""Stylizing photos and making pictures: inputs checked first, then one bar over all of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from tqdm import tqdm

from inst.diffusion.tone import Tone, tone_of
from inst.errors import ConfigError, InputError, InstError, TokenError
from inst.files import read_json, write_json
from inst.image import Picture, read_image, write_image
from inst.inversion.prepare import encode_painting, model_defaults
from inst.inversion.settings import InversionSettings, resolve
from inst.inversion.token import StyleToken
from inst.models.vocabulary import tell_unknown_words
from inst.runs.bars import bar, say, warn, watch
from inst.runs.learn import LearnOptions, kept_path, kept_style, learn
from inst.runs.outputs import plan_numbered, plan_outputs, report_failures, safe_name
from inst.runs.photos import find_photos
from inst.runs.record import Record, a1111_parameters, to_json
from inst.runs.settings import GenerateRun, PictureOptions, StylizeRun
from inst.runs.studio import Studio
from inst.runs.styles import STYLES, StyleSpec, is_painting, newest_style, parse_spec, read_style
from inst.shapes import Image
from inst.stylize.photo import PhotoSettings, Style, stylize
from inst.stylize.prompts import PLACEHOLDER, WeightedStyle, encode_styled, placeholders
from inst.stylize.text_to_image import generate
from inst.training import stopping


@dataclass(frozen=True)
class UsedStyle:
    """A style token, how it is used, and its painting where the run was given it."""

    token: StyleToken
    placeholder: str
    weight: float
    painting: Picture | None = None

    def weighted(self) -> WeightedStyle:
        return WeightedStyle(self.token.vectors, self.placeholder, self.weight)


# Inputs, checked before any model is loaded


def find_contents(paths: Sequence[str]) -> list[Path]:
    """The photos named, and those in the folders named.

    Raises:
        InputError: a path that is not there, a folder without pictures, or nothing at all.
    """
    found = find_photos(paths, "--content")
    if not found:
        raise InputError("no photo was given: --content photo.jpg (or --prompt for a picture from text)")
    return found


# Styles


def use_styles(
    studio: Studio, specs: Sequence[StyleSpec], run: PictureOptions, painting: str | None
) -> list[UsedStyle]:
    """The style tokens of a run; a painting among them is learned first, unless it was before.

    Raises:
        TokenError: none given and none there, or one that does not fit the model.
    """
    if not specs:
        path = newest_style(studio)
        if path is None:
            raise TokenError(
                f"there is no style for {studio.model.name}: learn one (inst train --style painting.jpg --model "
                f"{run.model}) or name a painting (--style painting.jpg)"
            )
        say(f"style: {path.stem} (the newest that fits; --style names another)")
        specs = [StyleSpec(path)]
    return [_use(studio, spec, run, painting) for spec in specs]


def _use(studio: Studio, spec: StyleSpec, run: PictureOptions, painting: str | None) -> UsedStyle:
    if is_painting(spec.path):
        picture = read_image(spec.path, max_megapixels=run.max_megapixels)
        token = learn_once(studio, picture)
        return UsedStyle(token, spec.placeholder, spec.weight, picture)
    clip = studio.clip if painting is not None else None
    token = read_style(spec.path, clip=clip, painting=None if painting is None else Path(painting))
    studio.check(token)
    picture = None if painting is None else read_image(Path(painting), max_megapixels=run.max_megapixels)
    return UsedStyle(token, spec.placeholder, spec.weight, picture)


def learn_once(studio: Studio, picture: Picture, settings: InversionSettings | None = None) -> StyleToken:
    """The style of a painting: as it was learned before, or learned now and kept by the picture's content."""
    settings = settings or InversionSettings()
    kept = kept_style(studio, picture, settings, STYLES)
    if kept is not None:
        return kept
    path = kept_path(studio, picture, settings, STYLES)
    accelerator = Accelerator(cpu=studio.placement.device.type == "cpu")
    with stopping() as stop:
        learned = learn(studio, picture, settings, path, accelerator=accelerator, stop=stop, options=LearnOptions())
        if learned.stopped:
            path.unlink(missing_ok=True)  # half learned is not what the name promises
            raise KeyboardInterrupt
    say(f"learned {path} in {learned.seconds:.0f} s ({learned.steps} steps)")
    return learned.token


# Photos


def stylize_photos(run: StylizeRun) -> int:
    """``inst stylize``. Returns the exit code: 2 when a photo of several could not be used."""
    specs = [parse_spec(text) for text in run.style]
    contents = find_contents(run.content)
    studio = Studio(run)
    # A single photo that cannot be read is found before anything is loaded; a folder's are read when their turn comes.
    opened = {path: read_image(path, max_megapixels=run.max_megapixels) for path in contents if len(contents) == 1}
    style_name = safe_name("-".join(spec.path.stem for spec in specs)) if specs else "stylized"
    outputs = plan_outputs(contents, run, style_name)
    styles = use_styles(studio, specs, run, run.style_image)
    work = PhotoWork(studio, run, styles, compose(studio, styles, run), photo_settings(studio, run))
    failures: dict[Path, str] = {}
    written: list[dict[str, Any]] = []
    with bar(work.steps * len(contents), "stylizing") as progress:
        for batch in work.batches(contents, opened, failures):
            try:
                written += work.stylize(batch, outputs, progress)
            except InstError as error:
                failures |= {photo.path: str(error) for photo in batch}
            progress.update(work.steps * (batch[-1].position + 1) - progress.n)
    if len(contents) > 1 and written:
        _write_batch_record(outputs[contents[0]].parent / "inst.json", written)
    for path in contents:
        if path not in failures:
            say(str(outputs[path]))
    return report_failures(failures, len(contents))


@dataclass(frozen=True)
class Photo:
    """A photo that was read, and its place among the run's."""

    position: int
    path: Path
    picture: Picture


@dataclass(frozen=True)
class PhotoWork:
    """What all photos of a run share."""

    studio: Studio
    run: StylizeRun
    styles: Sequence[UsedStyle]
    style: Style
    settings: PhotoSettings

    @property
    def steps(self) -> int:
        """Ticks of the bar for a photo: its denoising steps and its decoding."""
        s = self.settings
        return 1 + (max(1, int(s.strength * s.num_steps + 1e-9)) if s.strength else 0)

    def batches(
        self, paths: Sequence[Path], opened: Mapping[Path, Picture], failures: dict[Path, str]
    ) -> Iterator[list[Photo]]:
        """Photos to compute at once: neighbours of one size; the unreadable go to ``failures``."""
        batch: list[Photo] = []
        for position, path in enumerate(paths):
            try:
                picture = opened.get(path) or read_image(path, max_megapixels=self.run.max_megapixels)
            except InstError as error:
                failures[path] = str(error)
                continue
            # The j-th of a batch takes the first one's seed + j, so a batch has no gaps.
            follows = batch and batch[-1].position + 1 == position
            if batch and not (follows and batch[0].picture.image.shape == picture.image.shape):
                yield batch
                batch = []
            batch.append(Photo(position, path, picture))
            if len(batch) == self.run.batch_size:
                yield batch
                batch = []
        if batch:
            yield batch

    def stylize(self, batch: Sequence[Photo], outputs: Mapping[Path, Path], progress: tqdm) -> list[dict[str, Any]]:
        """Compute and write a batch; returns what the run's record says of each."""
        for photo in batch:
            for note in photo.picture.notes:
                warn(f"{photo.path.name}: {note}")
        settings = replace(self.settings, seed=self.settings.seed + batch[0].position)
        contents = torch.cat([photo.picture.image for photo in batch])
        results = watch(stylize(self.studio.model, contents, self.style, settings), progress, len(batch))
        facts = []
        for j, photo in enumerate(batch):
            result, output = results[j : j + 1], outputs[photo.path]
            own = replace(settings, seed=settings.seed + j)
            record = _photo_record(self.studio, self.run, self.styles, own, result, photo.picture)
            write_image(output, result, text=_texts(record) if self.run.metadata else None)
            facts.append(json.loads(to_json(record)) | {"file": output.name, "content": photo.path.name})
        return facts


def photo_settings(studio: Studio, run: StylizeRun) -> PhotoSettings:
    """The run's settings, with the model's defaults where it says nothing."""
    defaults = studio.model.defaults
    return PhotoSettings(
        strength=defaults.strength if run.strength is None else run.strength,
        num_steps=run.num_steps or defaults.num_steps,
        guidance_scale=defaults.guidance_scale if run.guidance_scale is None else run.guidance_scale,
        seed=run.seed,
        sampler=run.sampler,
        tone=_tone_share(studio, run),
        keep_colors=run.keep_colors,
        inversion=run.inversion,
        resolution=run.resolution or defaults.resolution,
    )


def compose(studio: Studio, styles: Sequence[UsedStyle], run: StylizeRun | GenerateRun) -> Style:
    """Conditioning of the prompt under the styles, and what the tone needs; tells of words the model never learned."""
    model = studio.model
    prompt = run.prompt if run.prompt is not None else default_prompt(studio, styles)
    if unknown := tell_unknown_words(f"{run.prompt or ''} {run.negative_prompt}", model.folder):
        warn(unknown)
    return Style(
        conditioning=encode_styled(model, prompt, [used.weighted() for used in styles], model.defaults.plain_prompt),
        unconditional=model.text.encode_prompt([run.negative_prompt], {}),
        tone=_mixed_tone(studio, styles) if isinstance(run, StylizeRun) and _tone_share(studio, run) else None,
    )


def default_prompt(studio: Studio, styles: Sequence[UsedStyle]) -> str:
    """The model's own prompt, with every named style in it."""
    names = list(dict.fromkeys(used.placeholder for used in styles))
    return studio.model.defaults.prompt.replace(PLACEHOLDER, " ".join(names))


def _tone_share(studio: Studio, run: StylizeRun) -> float:
    return studio.model.defaults.tone if run.tone is None else run.tone


def _mixed_tone(studio: Studio, styles: Sequence[UsedStyle]) -> Tone:
    """The paintings' tone, mixed by the styles' weights.

    Raises:
        ConfigError: no style knows its painting's.
    """
    tones = [(used.weight, _tone(studio, used)) for used in styles]
    known = [(weight, tone) for weight, tone in tones if tone is not None]
    if not known:
        raise ConfigError("--tone takes the painting's tone, which this style does not know: add --style-image")
    total = sum(weight for weight, _ in known) or 1.0
    mean, std = (sum(weight * tone[part] for weight, tone in known) / total for part in (0, 1))
    return Tone(torch.as_tensor(mean), torch.as_tensor(std))


def _tone(studio: Studio, used: UsedStyle) -> Tone | None:
    """As the style file records it, or from the painting itself."""
    facts = used.token.facts
    if "tone" in facts and facts.get("model_hash") == studio.model.revision_hash:
        return Tone(*(torch.tensor(facts["tone"][name]).reshape(1, -1, 1, 1) for name in Tone._fields))
    if used.painting is None:
        return None
    settings = resolve(InversionSettings(flip=False), model_defaults(studio.model))
    return Tone(*(part.cpu() for part in tone_of(encode_painting(studio.model, used.painting.image, settings))))


# Text to image


def generate_pictures(run: GenerateRun) -> int:
    """``inst generate``: pictures from a prompt."""
    specs = [parse_spec(text) for text in run.style]
    if not run.prompt:
        raise ConfigError('no prompt was given: --prompt "a house in the style of [C]"')
    named = placeholders(run.prompt)
    if not named and specs:
        raise TokenError(
            f'the prompt "{run.prompt}" does not hold {specs[0].placeholder}: put it where the style belongs'
        )
    outputs = _plan_generated(run)
    studio = Studio(run)
    styles = use_styles(studio, specs, run, None) if named else []
    style = compose(studio, styles, run)
    defaults = studio.model.defaults
    num_steps = run.num_steps or defaults.num_steps
    guidance = defaults.guidance_scale if run.guidance_scale is None else run.guidance_scale
    height, width = run.height or defaults.resolution, run.width or defaults.resolution
    batches = math.ceil(run.num_images / run.batch_size)
    with bar(batches * (num_steps + 1), "making pictures") as progress:
        for first in range(0, run.num_images, run.batch_size):
            batch = min(run.batch_size, run.num_images - first)
            steps = generate(
                studio.model,
                style,
                height=height,
                width=width,
                batch=batch,
                seed=run.seed + first,
                num_steps=num_steps,
                guidance_scale=guidance,
                sampler=run.sampler,
            )
            pictures = watch(steps, progress)
            _write_generated(studio, run, styles, pictures, outputs[first : first + batch], first, num_steps, guidance)
    for path in outputs:
        say(str(path))
    return 0


def _plan_generated(run: GenerateRun) -> list[Path]:
    assert run.prompt is not None
    stem = safe_name(run.prompt)[:60]
    return plan_numbered(run.num_images, run, (f"{stem}-{run.seed + i}" for i in range(run.num_images)))


def _write_generated(
    studio: Studio,
    run: GenerateRun,
    styles: Sequence[UsedStyle],
    pictures: Image,
    outputs: Sequence[Path],
    first: int,
    num_steps: int,
    guidance: float,
) -> None:
    for i, path in enumerate(outputs):
        picture = pictures[i : i + 1]
        seed = run.seed + first + i
        record = make_record(studio, run, styles, picture, seed=seed, num_steps=num_steps, guidance_scale=guidance)
        write_image(path, picture, text=_texts(record) if run.metadata else None)


# Records

SAMPLER_NAMES = {"ddim": "DDIM", "dpm++": "DPM++ 2M", "unipc": "UniPC"}


def make_record(
    studio: Studio,
    run: StylizeRun | GenerateRun,
    styles: Sequence[UsedStyle],
    result: Image,
    *,
    seed: int,
    num_steps: int,
    guidance_scale: float,
    strength: float | None = None,
    settings: dict[str, Any] | None = None,
) -> Record:
    """What made a picture: enough to make it again.

    Args:
        settings: what only this command has, beside what every picture has.
    """
    model = studio.model
    used = [
        {"name": one.token.name, "hash": one.token.hash, "placeholder": one.placeholder, "weight": one.weight}
        for one in styles
    ]
    return Record(
        prompt=run.prompt if run.prompt is not None else default_prompt(studio, styles),
        negative_prompt=run.negative_prompt,
        steps=num_steps,
        sampler=SAMPLER_NAMES[run.sampler],
        cfg_scale=float(guidance_scale),
        seed=seed,
        width=result.shape[3],
        height=result.shape[2],
        model=model.name,
        model_hash=model.revision_hash,
        strength=strength,
        token_hashes={one.token.name: one.token.hash[:12] for one in styles},
        settings={
            "sampler": run.sampler,
            "styles": used,
            "dtype": str(studio.placement.dtype).removeprefix("torch."),
            "torch": torch.__version__,
        }
        | (settings or {}),
    )


def _photo_record(
    studio: Studio,
    run: StylizeRun,
    styles: Sequence[UsedStyle],
    settings: PhotoSettings,
    result: Image,
    content: Picture,
) -> Record:
    own = ("tone", "keep_colors", "inversion", "resolution")
    return make_record(
        studio,
        run,
        styles,
        result,
        seed=settings.seed,
        num_steps=settings.num_steps,
        guidance_scale=settings.guidance_scale,
        strength=settings.strength,
        settings={name: getattr(settings, name) for name in own} | {"content_sha256": content.sha256},
    )


def _texts(record: Record) -> dict[str, str]:
    return {"parameters": a1111_parameters(record), "inst": to_json(record)}


def _write_batch_record(path: Path, written: list[dict[str, Any]]) -> None:
    """One record for a folder; pictures of an earlier batch that still lie there keep theirs."""
    before = read_json(path).get("pictures", []) if path.is_file() else []
    new = {row["file"] for row in written}
    kept = [row for row in before if row["file"] not in new and (path.parent / row["file"]).is_file()]
    write_json(path, {"pictures": kept + written})
