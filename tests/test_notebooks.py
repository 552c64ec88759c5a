"""The notebooks run, and are committed with their pictures.

Their cells are run in this process with few steps: types are checked as everywhere in the tests, and no kernel is
needed. ``make docs`` runs them as they are, in Jupyter.
"""

import ast
import json
import sys
import types

import pytest
import torch
from support.documents import NOTEBOOKS, ROOT, code_cells, quick_model, shortened  # noqa: F401  (a fixture)

MAX_BYTES = 1_500_000


@pytest.fixture
def notebook_folder(tmp_path, monkeypatch):
    """A folder from which the paths in the notebooks lead to the repository, and a stand-in where IPython is not."""
    (tmp_path / "style_images").symlink_to(ROOT / "style_images")
    (tmp_path / "docs" / "notebooks").mkdir(parents=True)
    (tmp_path / "docs" / "images").symlink_to(ROOT / "docs" / "images")
    monkeypatch.chdir(tmp_path / "docs" / "notebooks")
    display = types.ModuleType("IPython.display")
    display.Image = lambda file: file
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    torch.set_num_threads(1)


@pytest.mark.usefixtures("quick_model", "notebook_folder")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook):
    names = {}
    for number, source in enumerate(code_cells(notebook)):
        shown = run_cell(shortened(source), f"{notebook.name}, code cell {number}", names)
        if hasattr(shown, "_repr_jpeg_"):
            assert shown._repr_jpeg_().startswith(b"\xff\xd8")


def run_cell(source, title, names):
    """Run a cell; the value of its last expression, which Jupyter would display."""
    tree = ast.parse(source, title)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, title, "exec"), names)
    return eval(compile(ast.Expression(last.value), title, "eval"), names) if last else None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_as_it_ran(notebook):
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    pictures = [output for output in outputs if {"image/jpeg", "image/gif"} & set(output.get("data", ()))]
    assert len(pictures) >= 5


def test_notebooks_are_small():
    assert len(NOTEBOOKS) == 2
    assert sum(path.stat().st_size for path in NOTEBOOKS) < MAX_BYTES
