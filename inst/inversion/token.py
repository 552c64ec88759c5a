"""The style token: what was learned of one painting, in one file."""

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
    """A safetensors file that is not a style token of ours; it may be another tool's embedding."""


@dataclass(frozen=True, kw_only=True)
class StyleToken:
    """A learned style.

    Attributes:
        name: what it is called; letters, digits, ``_`` and ``-``.
        vectors: the rows of the token embedding that spell ``[C]``, (n, d) float32.
        module: the inversion module's parameters, empty where there is none.
        patches: the painting's, as patch transport takes them; nothing where another tool made the style.
        metadata: what it was learned from and fits: ``model``, ``model_hash``, ``text_encoder``, ``clip``,
            ``style_sha256``, ``settings``, ``step``, ``seed`` …; strings and numbers, never a local path.
        thumbnail: a small JPEG of the painting, or nothing.
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
        """SHA-256 of the vectors: what pictures made with this style record."""
        return sha256_bytes(safetensors_bytes({"vectors": self.vectors.contiguous()}))

    def rename(self, name: str) -> StyleToken:
        """The same style under another name."""
        return replace(self, name=name)

    def save(self, path: str | Path) -> Path:
        """Write the style to a ``.safetensors`` file, which an existing file of that name gives way to.

        Returns:
            The path.

        Raises:
            InputError: another file ending, or a place that cannot be written.

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
        """Write the style's token vectors in the form that other tools read.

        Args:
            path: ends in ``.safetensors``. In the shared form the file's name, without the ending, is the trigger word.
            form: ``shared`` for AUTOMATIC1111, ComfyUI, InvokeAI and kohya; ``diffusers`` for
                ``pipe.load_textual_inversion``.
            token: the word that calls the style in the diffusers form, ``<name>`` unless given.

        Returns:
            The path.

        Raises:
            InputError: a name that the other tools cannot call, or a place that cannot be written.

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
    """Refuse vectors that would make black pictures without an error.

    Raises:
        TokenError: a NaN or infinity, or a vector of zeros.
    """
    if not torch.isfinite(vectors).all():
        raise TokenError(f"the style {name} holds NaN or infinite values: learn it again")
    if (vectors.norm(dim=-1) == 0).any():
        raise TokenError(f"the style {name} holds a vector of zeros: learn it again")


def check_fits(
    token: StyleToken,
    *,
    model: str,
    token_dim: int,
    text_encoder: str,
    vocabulary_norm: float,
    max_norm_ratio: float = 100.0,
) -> None:
    """Hold a style to the model that is to use it.

    Args:
        token_dim: width of the model's token embedding.
        text_encoder: the fingerprint of its token embedding; styles of other tools do not record one.
        vocabulary_norm: mean norm of its vocabulary.
        max_norm_ratio: how many times as long a style's vectors may be; a model whose own inversion module makes longer
            ones says so.

    Raises:
        TokenError: naming the model the style was learned on and the one it is to be used with.
    """
    width = token.vectors.shape[1]
    learned_on = token.metadata.get("model", "another model")
    if width != token_dim:
        raise TokenError(
            f"the style {token.name} has vectors {width} wide (learned on {learned_on}) and {model} takes {token_dim}: "
            f"give the --model it was learned on, or learn the painting again with --model {model}"
        )
    recorded = token.metadata.get("text_encoder")
    if recorded and recorded != text_encoder:
        raise TokenError(
            f"the style {token.name} was learned on {learned_on} with another text encoder than {model}'s: give the "
            f"--model it was learned on, or learn the painting again with --model {model}"
        )
    ratio = token.vectors.norm(dim=-1).max().item() / vocabulary_norm
    if ratio > max_norm_ratio:
        raise TokenError(
            f"the style {token.name} has vectors {ratio:.0f} times as long as {model}'s vocabulary: it is damaged, or "
            "was learned on another model"
        )


def save_token(path: Path, token: StyleToken) -> None:
    """Write a style token file: ``vectors``, ``module.*``, ``patches`` and header other tools show.

    Raises:
        TokenError: the vectors are not finite; nothing is written.
        InputError: the file cannot be written.
    """
    tensors = {"vectors": token.vectors} | {f"module.{k}": v for k, v in token.module.items()}
    if token.patches is not None:
        tensors["patches"] = token.patches.half()
    write_safetensors(path, {k: v.detach().cpu().contiguous() for k, v in tensors.items()}, _metadata(token))


def load_token(path: Path) -> StyleToken:
    """Read a style token file.

    Raises:
        InputError: no such file, or not safetensors.
        NotAStyleTokenError: safetensors, but not a style of ours.
        TokenError: damaged.
    """
    tensors, header = read_safetensors(path, max_bytes=MAX_BYTES)
    if "vectors" not in tensors or "inst.facts" not in header:
        raise NotAStyleTokenError(
            f"{path} is not a style token of inst: it holds {', '.join(sorted(tensors)[:4]) or 'nothing'}"
        )
    vectors = tensors.pop("vectors")
    if vectors.ndim != 2:
        raise TokenError(f"{path} holds vectors of shape {tuple(vectors.shape)}; a style has (count, width)")
    patches = tensors.pop("patches", None)
    if patches is not None and not is_distribution(patches):
        raise TokenError(f"{path} holds patches that are none of a painting: it is damaged, learn the painting again")
    patches = None if patches is None else patches.float()
    foreign = [key for key in tensors if not key.startswith("module.")]
    if foreign:
        raise TokenError(f"{path} holds keys that no style token has: {', '.join(sorted(foreign)[:4])}")
    module = {k.removeprefix("module."): v for k, v in tensors.items()}
    metadata = json.loads(header["inst.facts"])
    uri = header.get("modelspec.thumbnail", "")
    thumbnail = base64.b64decode(uri.split(",", 1)[1]) if "," in uri else b""
    name = header.get("inst.name", path.stem)
    return StyleToken(
        name=name, vectors=vectors.float(), module=module, patches=patches, metadata=metadata, thumbnail=thumbnail
    )


def _metadata(token: StyleToken) -> dict[str, str]:
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
    """The ``modelspec.architecture`` of an embedding, by its width."""
    family = {768: "stable-diffusion-v1", 1024: "stable-diffusion-v2-768-v"}.get(width, "inst-miniature")
    return f"{family}/textual-inversion"


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def make_thumbnail(image: Image, side: int = 128) -> bytes:
    """A JPEG of at most ``side`` pixels a side."""
    pil = to_pil(image)
    pil.thumbnail((side, side), PilImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    pil.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
