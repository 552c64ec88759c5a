"""Face editing from Python: a generator with its networks, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import PIL.Image
import torch
from torch import Tensor

from inst.assets import AVATARS
from inst.errors import ConfigError, InputError
from inst.gan import edits as gan_edits
from inst.gan.codes import Codes, read_codes
from inst.gan.edits import Edit, check_edit
from inst.gan.generator import Noise
from inst.gan.latent_space import check_layers
from inst.image import PictureInput, to_pil
from inst.options import settings_of
from inst.pipelines.faces.editing import EditStep, FaceEdit, edit_in_batches, render
from inst.pipelines.faces.embedded import edit_defaults, find_file
from inst.pipelines.faces.inversion import InversionStep, InvertedFace, edited_faces, invert_photo
from inst.pipelines.faces.methods import MAKERS, choose_method, make_editor
from inst.pipelines.faces.networks import FaceNetworks
from inst.pipelines.faces.photos import LandmarkInput, check_landmark_source, open_photo, paste_faces
from inst.pipelines.faces.settings import TRUNCATION, EditSettings, EncodeSettings, PhotoEditSettings
from inst.seeds import MAX_SEED, noise
from inst.shapes import Image, WPlus
from inst.training.progress import with_bar

if TYPE_CHECKING:
    from inst.gan.styleclip.prepared import Prepared
    from inst.gan.trained import TrainedEditor
    from inst.pipelines.faces.directions import MeasuringStep
    from inst.pipelines.faces.training import EditorTrainingStep


def load_generator(
    generator: str | Path = AVATARS,
    *,
    clip: str = "auto",
    identity: str | Path | None = None,
    encoder: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
) -> FaceSession:
    """A StyleGAN2 generator with the networks that editing its faces needs. Each is loaded when it is first used.

    Args:
        generator: ``avatars`` (embedded: drawn faces), or a file: rosinality's ``.pt``, NVIDIA's StyleGAN2-ADA
            ``.pkl``, inst's ``.safetensors``.
        clip: the CLIP that compares pictures with texts: ``auto`` (``avatars`` for that generator, else ViT-B-32),
            an open_clip ``name[/tag]``, ``local-dir:folder``, ``hf:id``, ``avatars`` or ``mini``; ``none`` for none.
        identity: ArcFace (``model_ir_se50.pth``) or an identity network of inst, which keeps a face's identity and
            measures it; ``None`` is the generator's own for ``avatars`` and none for others; ``none`` is none.
        encoder: e4e for this generator, which gives the codes of photos; the defaults are those of ``identity``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        InputError: a file that is not there.
        ModelError: the embedded generator is asked for, and not in this copy of the package.
        ConfigError: a device that is not there, or a precision that it does not support.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> pictures = faces.synthesize(faces.sample(seed=7, num=2))
    """
    return FaceSession(generator, clip=clip, identity=identity, encoder=encoder, device=device, dtype=dtype)


class FaceSession(FaceNetworks):
    """A generator and the networks around it. `load_generator` makes one; the arguments are the same.

    W+ codes are float32 tensors (b, k, d): a code of width d for each of the k layers of b faces. Edited codes are a
    list, either of one W+ tensor or, in StyleSpace, of a (b, C) tensor for each style.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> w = faces.sample(seed=7, num=2)
    >>> edited = faces.edit(w, "a face with blue hair", method="directions", alpha=3)
    >>> before, after = faces.synthesize(w), faces.synthesize(edited)
    """

    def sample(self, seed: int = 0, num: int = 1, truncation: float = TRUNCATION) -> WPlus:
        """W+ codes (num, k, d) of random faces.

        Args:
            seed: of the first face; the j-th has ``seed + j``, and is the same whatever ``num`` is.
            num: number of faces.
            truncation: truncation ψ (Karras et al. 2019, section B): 0 is the mean face, 1 is no truncation.

        Raises:
            ConfigError: a value out of its range.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> faces.sample(seed=7, num=4).shape[0]
        4
        """
        if not (isinstance(num, Integral) and isinstance(seed, Integral) and isinstance(truncation, Real)):
            raise ConfigError("sample needs whole numbers as seed and num, and a number as truncation")
        if num < 1 or not 0 <= seed <= MAX_SEED or not 0 <= truncation <= 2:
            raise ConfigError(
                f"sample(seed={seed}, num={num}, truncation={truncation}) is out of range: give a seed of 0 to "
                f"{MAX_SEED}, 1 or more faces, and a truncation of 0 to 2"
            )
        # one by one: in a batch the last bits of a face depend on how many there are
        with torch.no_grad():
            return torch.cat([self.sample_w(1, seed + index, truncation) for index in range(num)])

    def sample_w(self, count: int, seed: int, truncation: float) -> WPlus:
        """As `sample`, in one batch: faster for the thousands of codes that training needs."""
        z = noise(seed, (count, self.generator.config.z_width)).to(self.placement.device)
        return self.generator.truncate(self.generator.map(z), truncation)

    def load_latents(self, file: str | Path) -> WPlus:
        """W+ codes (b, k, d) from a file, checked against the generator.

        Args:
            file: ``.npy``, ``.pt`` or ``.safetensors``; ``avatars`` for the codes of the embedded examples.

        Raises:
            InputError: the file is missing, or holds no W+ codes.
            ModelError: the codes belong to another generator.

        >>> import inst
        >>> inst.load_generator("avatars").load_latents("avatars").ndim
        3
        """
        path = find_file(file, "latents")
        assert path is not None
        codes = read_codes(path)
        if len(codes) != 1 or codes[0].ndim != 3:
            raise InputError(f"{path} holds StyleSpace: give W+ codes (b, k, d)")
        remedy = "give the generator they were made with"
        check_layers(codes[0].shape[1:], self.generator.config, f"{path} holds codes of", remedy)
        return codes[0].to(self.placement.device)

    def edit(
        self, latents: WPlus, text: str | None, *, method: str = "auto", progress: bool = False, **settings: Any
    ) -> Codes:
        """Edit faces by a text.

        Args:
            latents: W+ codes (b, k, d); not changed.
            text: what the faces should show, such as "a face with glasses"; ``None`` for a mapper, which was trained
                for its text.
            method: ``optimize``, ``mapper`` or ``directions`` (StyleCLIP, Patashnik et al. 2021, sections 4 to 6) or
                ``ffclip`` (Zhu et al. 2022); ``auto`` is the one whose network is given, else ``directions`` for
                avatars and ``optimize`` for other generators.
            progress: show a progress bar.
            settings: of `EditSettings`, as on the command line: ``strength``, ``alpha``, ``beta``, ``neutral``,
                ``steps`` … ``mapper``, ``ffclip`` and ``directions`` take a file, or what `train_mapper`,
                `train_ffclip` and `prepare_directions` returned.

        Returns:
            Edited codes for `synthesize`: W+ or, for ``directions``, StyleSpace.

        Raises:
            ConfigError: a setting that is unknown or out of range, or a text that CLIP cannot read.
            InputError, ModelError: a file that is missing, or that belongs to another generator or CLIP.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> w = faces.sample(seed=7, num=2)
        >>> pictures = faces.synthesize(faces.edit(w, "a face with glasses", alpha=3))
        """
        chosen, objects = _edit_settings(EditSettings, {**settings, "method": method})
        edit = self.prepare_edit(text, chosen, objects)
        parts = self._w_plus(latents).split(edit.at_once(chosen.batch_size))
        results = [
            step.codes
            for step in with_bar(_all_steps(edit, parts), "editing", show=progress)
            if step.step % edit.num_steps == 0
        ]
        return [torch.cat(rows) for rows in zip(*results, strict=True)]

    def edit_steps(
        self, latents: WPlus, text: str | None, *, method: str = "auto", **settings: Any
    ) -> Iterator[EditStep]:
        """The steps of `edit`, all faces edited at once. Only ``optimize`` has more than one.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> for step in faces.edit_steps(faces.sample(seed=7), "an old man", method="optimize", steps=2):
        ...     picture = step.preview()
        """
        chosen, objects = _edit_settings(EditSettings, {**settings, "method": method})
        return self.prepare_edit(text, chosen, objects).steps(self._w_plus(latents))

    def prepare_edit(
        self, text: str | None, settings: EditSettings, objects: Mapping[str, Any] | None = None
    ) -> FaceEdit:
        """An edit with its networks loaded and its files and text checked, to be applied to many faces.

        Args:
            objects: trained networks by their method (``mapper``, ``ffclip``, ``directions``), used instead of files.

        Raises:
            ConfigError, InputError, ModelError: as `edit`.
        """
        objects = objects or {}
        method = choose_method(settings, text, self.files, objects)
        settings = edit_defaults(settings, embedded=self.files.embedded)
        editor = make_editor(self, settings, method, text, objects)
        return FaceEdit(self.generator, method, text or "", editor, strength=settings.strength)

    def apply(self, latents: WPlus, edits: Edit | Sequence[Edit]) -> Codes:
        """Apply edits that were made before, of this session or loaded by `load_edit`.

        Args:
            latents: W+ codes (b, k, d); not changed.
            edits: one or several, which are added up: first those in W+, then those in StyleSpace. An edit made on b
                faces is applied face by face; of any other number, the mean of its rows is applied.

        Raises:
            ModelError: an edit that was made with another generator.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> w = faces.sample(seed=7)
        >>> edit = faces.edit_between(w, faces.edit(w, "an old man"))
        >>> codes = faces.apply(faces.sample(seed=8), edit.scaled(0.5))
        """
        listed = [edits] if isinstance(edits, Edit) else edits
        if not isinstance(listed, Sequence) or not all(isinstance(edit, Edit) for edit in listed):
            raise InputError("edits are what faces.edit_between and inst.load_edit return: give one, or a list of them")
        *_, last = self.saved_edit(listed).steps(self._w_plus(latents))
        return last.codes

    def saved_edit(self, edits: Sequence[Edit]) -> FaceEdit:
        """Edits that were made before, checked against the generator.

        Raises:
            ModelError: one that was made with another generator.
        """
        for edit in edits:
            check_edit(edit, self.generator, own=self.fingerprint)
        return FaceEdit(self.generator, "edits", edits=edits)

    def edit_between(self, latents: WPlus, codes: Sequence[Tensor], **metadata: Any) -> Edit:
        """The edit that leads from W+ codes to edited codes, to be saved or applied to other faces.

        Args:
            latents: W+ codes (b, k, d).
            codes: what `edit` made of them.
            metadata: JSON data that is saved with the edit, such as its text.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> w = faces.sample(seed=7)
        >>> faces.edit_between(w, faces.edit(w, "an old man"), text="an old man").save("old.safetensors")
        """
        with torch.no_grad():
            latents = self._w_plus(latents)
            return gan_edits.edit_between(self.generator, latents, codes, own=self.fingerprint, **metadata)

    def synthesize(self, codes: Tensor | Sequence[Tensor], noise: Noise = "fixed") -> list[PIL.Image.Image]:
        """Faces as PIL images.

        Args:
            codes: W+ (b, k, d), W (b, d), or what `edit` returned.
            noise: per-pixel noise: ``fixed`` (that of the generator), ``none``, a random generator for each face, or
                noise maps, as in `InvertedFace.noise`.

        Raises:
            ConfigError: codes or noise of another generator.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> (picture,) = faces.synthesize(faces.sample(seed=7))
        """
        return [to_pil(image) for image in self.render(codes, noise).split(1)]

    def render(self, codes: Tensor | Sequence[Tensor], noise: Noise = "fixed") -> Image:
        """As `synthesize`: a tensor (b, 3, h, w) in [-1, 1], float32 on the CPU.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> faces.render(faces.sample(num=2)).shape[:2]
        torch.Size([2, 3])
        """
        listed = _tensors([codes] if isinstance(codes, Tensor) else codes)
        listed = [code.to(self.placement.device) for code in listed]
        if len(listed) == 1:
            listed = [self.generator.to_w_plus(listed[0])]
        return render(self.generator, listed, noise, EditSettings.batch_size)

    def invert(
        self,
        photo: PictureInput,
        *,
        landmarks: LandmarkInput = None,
        use_clip: bool = False,
        progress: bool = False,
        **settings: Any,
    ) -> list[InvertedFace]:
        """The latent codes of the faces in a photo: by the encoder, where the session has one, and by optimisation.

        Args:
            photo: a path, a PIL image, a (1, 3, h, w) tensor in [-1, 1] or a ``uint8`` array.
            landmarks: as in `align_faces`.
            use_clip: compare CLIP embeddings too during optimisation.
            progress: show a progress bar.
            settings: of `EncodeSettings`, as on the command line: ``face``, ``all``, ``aligned``, ``invert_steps``.

        Returns:
            One for each face: the largest, the one asked for, or all.

        Raises:
            InputError: the photo cannot be read, no such face is in it, or the generator cannot show it.
            ConfigError: a setting that is unknown or out of range.
            MissingExtraError: no landmarks are given and face-alignment is not installed.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> (avatar,) = faces.synthesize(faces.sample(seed=7))
        >>> (found,) = faces.invert(avatar)
        >>> (reconstruction,) = faces.synthesize(found.codes, found.noise)
        """
        steps = self.invert_steps(photo, landmarks=landmarks, use_clip=use_clip, **settings)
        *_, last = with_bar(steps, "inverting", show=progress)
        return list(last.faces)

    def invert_steps(
        self, photo: PictureInput, *, landmarks: LandmarkInput = None, use_clip: bool = False, **settings: Any
    ) -> Iterator[InversionStep]:
        """The steps of `invert`; the last one has the faces.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> (avatar,) = faces.synthesize(faces.sample(seed=7))
        >>> *_, last = faces.invert_steps(avatar, invert_steps=2)
        >>> last.faces[0].codes.ndim
        3
        """
        chosen = settings_of(EncodeSettings, settings)
        landmarks = chosen.landmarks if landmarks is None else landmarks
        picture = open_photo(photo)
        check_landmark_source(landmarks, 1, aligned=chosen.aligned, embedded=self.files.embedded)
        return invert_photo(self, picture, chosen, landmarks, use_clip=use_clip)

    def edit_photo(
        self,
        photo: PictureInput,
        text: str | None,
        *,
        landmarks: LandmarkInput = None,
        progress: bool = False,
        **settings: Any,
    ) -> PIL.Image.Image:
        """Edit the faces of a photo by a text: they are inverted, edited and pasted back.

        Args:
            photo: a path, a PIL image, a (1, 3, h, w) tensor in [-1, 1] or a ``uint8`` array.
            text: what the faces should show.
            landmarks: as in `align_faces`.
            progress: show a progress bar.
            settings: of `PhotoEditSettings`, as on the command line: those of `edit` and `invert`, and ``feather``.

        Returns:
            The photo, unchanged outside of the faces. An aligned face comes back at the generator's resolution.

        Raises:
            InstError: as `invert` and `edit`.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> (avatar,) = faces.synthesize(faces.sample(seed=7))
        >>> picture = faces.edit_photo(avatar, "a face with blue hair")
        """
        chosen, objects = _edit_settings(PhotoEditSettings, settings)
        edit = self.prepare_edit(text, chosen, objects)
        picture = open_photo(photo)
        landmarks = chosen.landmarks if landmarks is None else landmarks
        check_landmark_source(landmarks, 1, aligned=chosen.aligned, embedded=self.files.embedded)
        inversion = invert_photo(self, picture, chosen, landmarks, use_clip=edit.uses_clip)
        *_, last = with_bar(inversion, "inverting", show=progress)
        codes: list[tuple[WPlus, Noise]] = [(face.codes, face.noise) for face in last.faces]
        steps = edit_in_batches(edit, codes, edit.at_once(chosen.batch_size))
        images = [image for step in with_bar(steps, "editing", show=progress) for image in step.finished]
        return to_pil(paste_faces(picture.image, edited_faces(images, last.faces), chosen.feather))

    def train_mapper(self, text: str, **arguments: Any) -> TrainedEditor:
        """Train a mapper for one text, for `edit` and its ``mapper``; the arguments are those of `train_mapper`.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> mapper = faces.train_mapper("a hat", max_train_steps=2, samples=4, validation_samples=2)
        >>> edited = faces.edit(faces.sample(), None, mapper=mapper)
        """
        from inst.pipelines.faces.train_mapper import train_mapper

        return train_mapper(self, text, **arguments)

    def train_mapper_steps(self, text: str, **arguments: Any) -> Iterator[EditorTrainingStep]:
        """The steps of `train_mapper`. A caller that stops iterating leaves the checkpoint behind, to resume from.

        Args:
            arguments: those of `train_mapper` without ``progress``, and ``should_stop``, which is called after every
                step; a true answer saves the checkpoint and makes that step the last one, with ``stopped`` set.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> for step in faces.train_mapper_steps("a hat", max_train_steps=2, samples=4, validation_samples=2):
        ...     print(step.step, step.total, step.finished)
        0 2 False
        1 2 False
        2 2 True
        >>> mapper = step.editor()
        """
        from inst.pipelines.faces.train_mapper import train_mapper_steps

        return train_mapper_steps(self, text, **arguments)

    def train_ffclip(self, prompts: Sequence[str], **arguments: Any) -> TrainedEditor:
        """Train FFCLIP on a list of texts, for `edit` and its ``ffclip``; the arguments are those of `train_ffclip`.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> ffclip = faces.train_ffclip(["a hat", "glasses"], max_train_steps=2, samples=4, validation_samples=2)
        >>> edited = faces.edit(faces.sample(), "a face with glasses", ffclip=ffclip)
        """
        from inst.pipelines.faces.train_ffclip import train_ffclip

        return train_ffclip(self, prompts, **arguments)

    def train_ffclip_steps(self, prompts: Sequence[str], **arguments: Any) -> Iterator[EditorTrainingStep]:
        """The steps of `train_ffclip`; ``should_stop`` and the steps are as in `train_mapper_steps`.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> steps = faces.train_ffclip_steps(["a hat", "glasses"], max_train_steps=2, samples=4, validation_samples=2)
        >>> *_, last = steps
        >>> ffclip = last.editor()
        """
        from inst.pipelines.faces.train_ffclip import train_ffclip_steps

        return train_ffclip_steps(self, prompts, **arguments)

    def prepare_directions(self, **arguments: Any) -> Prepared:
        """Measure the channels of StyleSpace, for `edit` and its ``directions``; see `prepare_directions`.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> directions = faces.prepare_directions(samples=1, statistics_samples=10, max_side=4)
        >>> edited = faces.edit(faces.sample(), "a face with glasses", directions=directions)
        """
        from inst.pipelines.faces.directions import prepare_directions

        return prepare_directions(self, **arguments)

    def prepare_directions_steps(self, **arguments: Any) -> Iterator[MeasuringStep]:
        """The steps of `prepare_directions`, one for each channel; the last one has the ``directions``.

        Args:
            arguments: those of `prepare_directions` without ``progress``, and ``should_stop``, which is called after
                every channel; a true answer saves the checkpoint and ends the measurement, with ``stopped`` set.

        >>> import inst
        >>> faces = inst.load_generator("avatars")
        >>> *_, last = faces.prepare_directions_steps(samples=1, statistics_samples=10, max_side=4)
        >>> last.step == last.total == len(last.directions.relevance)
        True
        """
        from inst.pipelines.faces.directions import prepare_directions_steps

        return prepare_directions_steps(self, **arguments)

    def _w_plus(self, latents: WPlus) -> WPlus:
        (latents,) = _tensors([latents])
        return self.generator.to_w_plus(latents.to(self.placement.device))


def _tensors(codes: Any) -> list[Tensor]:
    if not isinstance(codes, Sequence) or not codes or not all(isinstance(code, Tensor) for code in codes):
        raise InputError(
            "latent codes are tensors: give W+ (b, k, d), as faces.sample and faces.load_latents return, or what "
            "faces.edit returned"
        )
    return list(codes)


def _edit_settings(schema: type[Any], given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Keyword settings of an edit, and apart from them the networks that were given as objects."""
    objects = {name: value for name, value in given.items() if name in MAKERS and not _is_file(value)}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return settings_of(schema, {name: value for name, value in plain.items() if name not in objects}), objects


def _is_file(value: object) -> bool:
    return value is None or isinstance(value, str | Path)


def _all_steps(edit: FaceEdit, parts: Sequence[WPlus]) -> Iterator[EditStep]:
    """The steps of all parts, numbered on."""
    total = len(parts) * edit.num_steps
    for number, part in enumerate(parts):
        for step in edit.steps(part):
            yield replace(step, step=number * edit.num_steps + step.step, total=total)
