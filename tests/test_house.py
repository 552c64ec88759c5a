"""The house rules that import-linter cannot express: who prints, who parses, who names output files."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "inst"
LIBRARY = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in {"cli", "commands", "__main__.py"}
)
OUTPUT_NAMES = re.compile(r"""["'](outputs|styles|\.unfinished)(/|["'])""")
BAR_OWNERS = {"training/progress.py"}
"""Public functions with ``progress=True`` show a bar."""


def name_of(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_neither_parses_nor_prints_nor_names_outputs(path):
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            forbidden = ("argparse", "inst.cli", "inst.commands")
            found = [name for name in modules if f"{name}.".startswith(tuple(f"{prefix}." for prefix in forbidden))]
            assert not found, f"{path}:{node.lineno} imports {found}"
            assert "tqdm" not in modules or name_of(path) in BAR_OWNERS, f"{path}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "input", "exit"}, f"{path}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Path" and node.args:
            first = node.args[0]
            literal = first.value if isinstance(first, ast.Constant) else ""
            assert literal not in {"outputs", "styles", ".unfinished"}, f"{path}:{node.lineno}"


def test_every_extra_named_in_a_message_exists():
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    named: set[str] = set()
    texts = [*PACKAGE.rglob("*.py"), *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for path in texts:
        source = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"inst\[(\w+)\]", source)) - {"extra"}
        if path.suffix == ".py":
            named |= {extra for extra in extras_of_errors(ast.parse(source)) if extra}
    assert {"faces", "video", "tensorboard", "wandb"} <= named | {"tensorboard", "wandb"}
    assert named <= extras, named - extras
    assert {"tensorboard", "wandb"} <= extras  # --report-to names its own


def extras_of_errors(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtraError" and len(node.args) > 1:
            yield node.args[1].value if isinstance(node.args[1], ast.Constant) else ""


OUTSIDE = sorted(
    path for folder in ("benchmarks", "miniature", "experiments") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_stands_beside_the_package_uses_its_public_side(path):
    """Measurements and the recipe use the API and the networks; the recipe knows no measurement."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            inner = ("inst.cli.", "inst.commands.", "inst.pipelines.")
            assert not f"{module}.".startswith(inner), f"{path.relative_to(ROOT)}:{node.lineno} imports {module}"
            if path.relative_to(ROOT).parts[0] == "miniature":
                assert module.split(".")[0] not in {"benchmarks", "experiments"}, f"{path}:{node.lineno}"
