"""Style tokens: the learned style of a painting, and its file format."""

from __future__ import annotations

import base64
import datetime
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image as PilImage
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from inst.diffusion.transport import PatchDistribution, is_distribution
from inst.errors import ConfigError, InputError, TokenError
from inst.files import read_safetensors, sha256_bytes, write_safetensors
from inst.image import to_pil
from inst.inversion.dialects import write_diffusers, write_shared
from inst.shapes import Image, TokenVectors

MAX_BYTES = 64 * 2**20


class NotAStyleTokenError(TokenError):
    """A safetensors file is not a style token of this package. It may be an embedding of another tool."""


@dataclass(frozen=True, kw_only=True)
class StyleToken:
    """A learned style. :func:`inst.learn_style` returns it, :func:`inst.load_style` reads it from a file.

    Attributes:
        name: the name of the style: letters, digits, ``_`` and ``-``.
        vectors: (n, d) float32, the token vectors that a placeholder such as ``[C]`` stands for.
        module: the parameters of the inversion module by name; empty if the style has none.
        patches: the patch distribution of the painting, for patch transport; ``None`` in styles of other tools.
        metadata: what the style was learned from and which model it fits: ``model``, ``model_hash``, ``text_encoder``,
            ``clip``, ``style_sha256``, ``settings``, ``step``, ``seed`` …. Strings and numbers, never a local path.
        thumbnail: a small JPEG of the painting, or empty.

    Raises:
        TokenError: the vectors contain NaN or infinity, or one of them is zero.

    >>> import inst
    >>> style = inst.load_style("night")
    >>> style.name, style.vectors.shape[1] == inst.load_model("mini").model.text.token_dim
    ('night', True)
    """

    name: str
    vectors: TokenVectors
    module: Mapping[str, Tensor] = field(default_factory=dict)
    patches: PatchDistribution | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    thumbnail: bytes = b""

    def __post_init__(self) -> None:
        check_vectors(self.vectors, self.name)

    @property
    def hash(self) -> str:
        """The SHA-256 of the vectors, which is recorded in pictures that are made with this style."""
        return sha256_bytes(safetensors_bytes({"vectors": self.vectors.contiguous()}))

    def rename(self, name: str) -> StyleToken:
        """The same style under another name."""
        return replace(self, name=name)

    def save(self, path: str | Path) -> Path:
        """Write the style to a ``.safetensors`` file, atomically. An existing file is replaced.

        Returns:
            The path.

        Raises:
            InputError: the path has another suffix, or the file cannot be written.

        >>> import inst, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> path = inst.load_style("night").save(f"{folder}/mine.safetensors")
        >>> inst.load_style(path).name
        'night'
        """
        path = Path(path)
        if path.suffix != ".safetensors":
            raise InputError(f"{path}: a style is written to a file ending in .safetensors")
        save_token(path, self)
        return path

    def export(
        self, path: str | Path, *, form: Literal["shared", "diffusers"] = "shared", token: str | None = None
    ) -> Path:
        """Write the token vectors in a format that other tools read.

        Args:
            path: ends in ``.safetensors``. With ``shared``, the file's name without its suffix is the trigger word.
            form: ``shared`` for AUTOMATIC1111, ComfyUI, InvokeAI and kohya; ``diffusers`` for
                ``pipe.load_textual_inversion``.
            token: the word that stands for the style in a prompt, with ``diffusers``; ``<name>`` by default.

        Returns:
            The path.

        Raises:
            InputError: the name or token cannot be used in other tools, or the file cannot be written.
            ConfigError: ``form`` is unknown.

        >>> import inst, tempfile
        >>> inst.load_style("night").export(f"{tempfile.mkdtemp()}/night.safetensors").name
        'night.safetensors'
        """
        path = Path(path)
        if form == "diffusers":
            write_diffusers(path, token or f"<{self.name}>", self.vectors)
            return path
        if form != "shared":
            raise ConfigError(f"form={form} is not known: choose shared | diffusers")
        header = {
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.architecture": architecture(self.vectors.shape[1]),
            "modelspec.title": self.name,
            "modelspec.trigger_phrase": path.stem,
            "modelspec.date": str(self.metadata.get("date", today())),
        }
        write_shared(path, self.vectors, header)
        return path


def check_vectors(vectors: Tensor, name: str) -> None:
    """Refuse vectors with which a model would produce black images without an error.

    Args:
        vectors: the token vectors (n, d).
        name: the name of the style, for the error message.

    Raises:
        TokenError: the vectors contain NaN or infinity, or one of them is zero.
    """
    if not torch.isfinite(vectors).all():
        raise TokenError(f"the style {name} contains NaN or infinite values: learn it again")
    if (vectors.norm(dim=-1) == 0).any():
        raise TokenError(f"the style {name} contains a vector of zeros: learn it again")


def check_fits(
    token: StyleToken,
    *,
    model: str,
    token_dim: int,
    text_encoder: str,
    vocabulary_norm: float,
    max_norm_ratio: float = 100.0,
) -> None:
    """Check that a style can be used with a model.

    Args:
        token: the style.
        model: the name of the model, for the error message.
        token_dim: width of the model's token embedding.
        text_encoder: the fingerprint of the model's token embedding. Styles of other tools do not record one.
        vocabulary_norm: mean norm of the token vectors in the model's vocabulary.
        max_norm_ratio: maximum norm of the style's vectors, relative to ``vocabulary_norm``. A model whose inversion
            module produces longer vectors sets it in its defaults.

    Raises:
        TokenError: the style does not fit; the message names the model it was learned on and the model it is to be used
            with.
    """
    width = token.vectors.shape[1]
    learned_on = token.metadata.get("model", "another model")
    if width != token_dim:
        raise TokenError(
            f"the style {token.name} has vectors of width {width} (learned on {learned_on}), but {model} needs "
            f"{token_dim}: give the --model it was learned on, or learn the painting again with --model {model}"
        )
    recorded = token.metadata.get("text_encoder")
    if recorded and recorded != text_encoder:
        raise TokenError(
            f"the style {token.name} was learned on {learned_on} with a different text encoder than that of {model}: "
            f"give the --model it was learned on, or learn the painting again with --model {model}"
        )
    ratio = token.vectors.norm(dim=-1).max().item() / vocabulary_norm
    if ratio > max_norm_ratio:
        raise TokenError(
            f"the style {token.name} has vectors {ratio:.0f} times as long as those in the vocabulary of {model}: it "
            "is damaged or was learned on another model; learn the painting again"
        )


def save_token(path: Path, token: StyleToken) -> None:
    """Write a style token file with the tensors ``vectors``, ``module.*`` and ``patches``.

    The header has the fields of the ModelSpec standard, which other tools display.

    Raises:
        InputError: the file cannot be written.
    """
    tensors = {"vectors": token.vectors} | {f"module.{k}": v for k, v in token.module.items()}
    if token.patches is not None:
        tensors["patches"] = token.patches.half()
    write_safetensors(path, {k: v.detach().cpu().contiguous() for k, v in tensors.items()}, _metadata(token))


def load_token(path: Path) -> StyleToken:
    """Read a style token file of this package.

    Raises:
        InputError: the file does not exist, is too large, or is not a safetensors file.
        NotAStyleTokenError: the file is a safetensors file, but not a style token of this package.
        TokenError: the file is damaged.
    """
    tensors, header = read_safetensors(path, max_bytes=MAX_BYTES)
    if "vectors" not in tensors or "inst.facts" not in header:
        raise NotAStyleTokenError(
            f"{path} is not a style token of inst: it contains {', '.join(sorted(tensors)[:4]) or 'nothing'}"
        )
    vectors = tensors.pop("vectors")
    if vectors.ndim != 2:
        raise TokenError(
            f"{path} contains vectors of shape {tuple(vectors.shape)}, but a style has the shape (number, width): it "
            "is damaged"
        )
    patches = tensors.pop("patches", None)
    if patches is not None and not is_distribution(patches):
        raise TokenError(f"{path} contains an invalid patch distribution: it is damaged, learn the painting again")
    patches = None if patches is None else patches.float()
    unexpected = [key for key in tensors if not key.startswith("module.")]
    if unexpected:
        raise TokenError(f"{path} contains keys that no style token has: {', '.join(sorted(unexpected)[:4])}")
    module = {k.removeprefix("module."): v for k, v in tensors.items()}
    uri = header.get("modelspec.thumbnail", "")
    try:
        metadata = dict(json.loads(header["inst.facts"]))
        thumbnail = base64.b64decode(uri.split(",", 1)[1]) if "," in uri else b""
    except (ValueError, TypeError, RecursionError) as error:
        raise TokenError(f"{path} has a damaged header: get the file again, or learn the painting again") from error
    name = header.get("inst.name", path.stem)
    return StyleToken(
        name=name, vectors=vectors.float(), module=module, patches=patches, metadata=metadata, thumbnail=thumbnail
    )


def _metadata(token: StyleToken) -> dict[str, str]:
    """The header of the file. The key ``inst.facts`` is part of the file format."""
    metadata = dict(token.metadata)
    header = {
        "inst.name": token.name,
        "inst.facts": json.dumps(metadata, sort_keys=True),
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": architecture(token.vectors.shape[1]),
        "modelspec.title": token.name,
        "modelspec.date": str(metadata.get("date", today())),
        "modelspec.trigger_phrase": token.name,
        "modelspec.usage_hint": "[C] in a prompt stands for the style",
        "modelspec.hash_sha256": "0x" + token.hash,
    }
    if token.thumbnail:
        header["modelspec.thumbnail"] = "data:image/jpeg;base64," + base64.b64encode(token.thumbnail).decode()
    return header


def architecture(width: int) -> str:
    """The value of ``modelspec.architecture`` for an embedding of the given width."""
    family = {768: "stable-diffusion-v1", 1024: "stable-diffusion-v2-768-v"}.get(width, "inst-miniature")
    return f"{family}/textual-inversion"


def today() -> str:
    """Today's date in UTC, as ``2025-01-31``."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def make_thumbnail(image: Image, side: int = 128) -> bytes:
    """A JPEG thumbnail of an image (1, 3, h, w) in [-1, 1], whose longer side has at most ``side`` pixels."""
    pil = to_pil(image)
    pil.thumbnail((side, side), PilImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    pil.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
