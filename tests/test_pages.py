"""README and the pages of docs/: the Python in them runs, the parser accepts their commands, links lead somewhere.

Examples in docstrings are run by test_examples.py, notebooks by test_notebooks.py, and ``make docs`` builds the site.
"""

import importlib.util
import re
import shlex
import tomllib

import pytest
import torch
from PIL import Image as PilImage
from skimage import data
from support.documents import PAGES, ROOT, blocks, commands, quick_model, shortened  # noqa: F401  (a fixture)

import inst
from inst.cli.commands import COMMANDS
from inst.cli.config import build
from inst.cli.parser import parse

NEED_WEIGHTS = {"docs/how-to/stable-diffusion.md", "docs/how-to/other-tools.md", "docs/how-to/photographs-of-faces.md"}
"""Pages with an example that is compiled only, since it needs files which no test may download."""


@pytest.fixture(autouse=True)
def folder_of_a_reader(tmp_path, monkeypatch):
    """The files that examples speak of."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    PilImage.fromarray(data.astronaut()).resize((96, 96)).save("photo.jpg")
    PilImage.open(ROOT / "style_images" / "night.jpg").resize((96, 96)).save("painting.jpg")
    PilImage.open(ROOT / "docs" / "images" / "avatar.png").save("avatar.png")
    inst.load_style("night").rename("painting").export("painting.learned_embeds.safetensors", form="diffusers")


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.usefixtures("quick_model")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=named)
def test_python_of_a_page_runs_from_top_to_bottom(page):
    names = {}
    for block in blocks(page, "python"):
        code = compile("\n" * (block.line - 1) + shortened(block.text), named(page), "exec")
        if block.reason is None:
            exec(code, names)


def test_only_examples_that_need_weights_are_not_run():
    left_out = {named(page) for page in PAGES for block in blocks(page, "python") if block.reason is not None}
    assert left_out == NEED_WEIGHTS


WRITTEN = sorted({(command, named(page)) for page in PAGES for command in commands(page)})


@pytest.mark.parametrize(("command", "page"), WRITTEN, ids=[f"{page}-{i}" for i, (_, page) in enumerate(WRITTEN)])
def test_commands_of_the_pages_exist_with_their_options(command, page, monkeypatch):
    monkeypatch.chdir(ROOT)  # configs/ is there
    match shlex.split(command, comments=True):
        case ["inst", "COMMAND" | "--help", *_]:
            pass
        case ["inst", *arguments]:
            accepted(arguments)
        case ["python", "stylize.py", *arguments]:
            accepted(["stylize", *arguments])
        case ["accelerate", "launch", "--num_processes", _, "train_inversion.py", *arguments]:
            accepted(["train", *arguments])
        case ["accelerate", "launch", "train_inversion.py", *arguments]:
            accepted(["train", *arguments])
        case ["torchrun", "--nproc_per_node", _, "-m", "inst.cli", *arguments]:
            accepted(arguments)
        case ["make", *targets]:
            assert set(wanted(targets)) <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
        case ["python", "-m", module, *_] if module.startswith(("benchmarks", "miniature", "experiments")):
            assert importlib.util.find_spec(module), f"there is no module {module}"
        case ["pip", "install", package]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            assert set(re.findall(r"\[(\w+)\]", package)) <= set(extras)
        case ["pre-commit", "install"]:
            pass
        case _:
            pytest.fail(f"{page} has a command that no rule knows: {command}")


def wanted(targets):
    """The targets among the words after ``make``, without variables."""
    return [target for target in targets if "=" not in target]


def accepted(arguments):
    """Hold a command line of ``inst`` to the parser, and its options to their ranges. Nothing is run."""
    name = next(name for name in COMMANDS if arguments[: len(name.split())] == name.split())
    rest = arguments[len(name.split()) :]
    if rest != ["--help"]:
        build(COMMANDS[name].options, *parse(name, rest))


MARKDOWN = [
    path
    for folder in ("", "docs", "benchmarks", "experiments", "miniature", "inst", "style_images")
    for path in sorted((ROOT / folder).glob("*.md" if not folder else "**/*.md"))
    if "_build" not in path.parts and path.name != "card.md"  # a part of the model card of the avatars
]
SOURCES = [
    ROOT / "Makefile",
    *(path for folder in ("inst", "benchmarks", "experiments", "miniature") for path in (ROOT / folder).rglob("*.py")),
]
MODULE = re.compile(r"-m\s+((?:inst|benchmarks|experiments|miniature)(?:\.[a-z]\w*)*)(?![.\w]*[A-Z$])")
"""A module after ``-m``; a placeholder such as ``miniature.NAME`` is none."""
LINK = re.compile(r"\]\(([^()\s#:]+)(?:#[^()\s]*)?\)")


def test_every_module_that_is_named_to_be_run_exists():
    """``python -m MODULE`` in pages, docstrings and the Makefile."""
    named_in = {(module, named(path)) for path in (*MARKDOWN, *SOURCES) for module in MODULE.findall(path.read_text())}
    assert len(named_in) > 50
    assert not {(module, page) for module, page in named_in if not runnable(module)}


def runnable(module):
    """Whether ``python -m`` finds something to run."""
    place = ROOT.joinpath(*module.split("."))
    return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files(page):
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing


def test_every_public_name_is_in_the_reference():
    reference = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\.\. (?:auto\w+:: inst\.|py:data:: )(\w+)", reference, re.M))
    assert set(inst.__all__) - {"diffusers"} <= documented


def test_the_tables_of_the_benchmarks_are_those_of_the_results():
    """Every row of a table stands in a file of results, as the command printed it."""
    results = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks" / "results").glob("*.md"))
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) > 50 and not set(rows) - set(results.splitlines())
