"""The parameters of a pickled ``torch.nn.Module``, without the module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from inst.files.pickles.machine import Inert, PickleError

_MAX_DEPTH = 64
_MAX_MODULES = 100_000


def module_state_dict(module: Inert) -> dict[str, Tensor]:
    """Parameters and buffers by dotted name, as ``module.state_dict()`` would give them had the module been made.

    Args:
        module: an object of ``read_pickle`` whose state is a module's ``__dict__``.

    Raises:
        PickleError: it is no module, or it contains itself.
    """
    state: dict[str, Tensor] = {}
    for count, (name, tensor) in enumerate(_named_tensors(module, "", 0)):
        if count >= _MAX_MODULES:
            raise PickleError("a module in it has no end")
        state[name] = tensor
    return state


def _named_tensors(module: Inert, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if depth > _MAX_DEPTH:
        raise PickleError("a module in it contains itself")
    members = module.state
    if not isinstance(members, Mapping) or "_parameters" not in members:
        raise PickleError(f"{module.name} in it is no torch module")
    for kind in ("_parameters", "_buffers"):
        yield from ((f"{prefix}{k}", v) for k, v in _items(members.get(kind)) if isinstance(v, Tensor))
    for name, child in _items(members.get("_modules")):
        if isinstance(child, Inert):
            yield from _named_tensors(child, f"{prefix}{name}.", depth + 1)


def _items(mapping: object) -> list[tuple[str, object]]:
    return [(k, v) for k, v in mapping.items() if isinstance(k, str)] if isinstance(mapping, Mapping) else []
