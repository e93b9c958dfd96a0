"""The folders, the packaging table and the import rules agree."""

import ast
import doctest
import importlib.util
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STAGES = ("simulate", "surrogate", "analysis", "cli")
# stage -> what it may import of its siblings
MAY_IMPORT = {"simulate": (), "surrogate": ("simulate.schema",), "analysis": ("simulate.schema",), "cli": STAGES}
# heavy library -> the only place that imports it (the command line may, too)
HOME = {
    "neuron": "simulate",
    "torch": "surrogate",
    "triton": "surrogate/recurrence",
    "matplotlib": "analysis",
    "cupy": "simulate",
}
IN_FUNCTIONS = {"neuron", "matplotlib", "sklearn", "cupy"}  # imported inside the function that needs them, everywhere
BROUGHT_BY_TORCH = {"triton"}  # its builds for CUDA; without it there is another path
CUPY = ["cupy-cuda12x", "cupy-cuda13x"]  # which one, the driver says
BY_DRIVER = {"cupy": CUPY, "cupyx": CUPY}
NOT_FOR_HELP = {"neuron", "torch", "triton", "matplotlib", "sklearn", "scipy", "xarray", "zarr"}
BESIDE_CODE = {".md", ".pyc"}


def modules() -> list[str]:
    found = []
    for stage in STAGES:
        package = importlib.import_module(f"apical.{stage}")
        found += [package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))]
    absent = () if importlib.util.find_spec("triton") else ("gpu_kernels",)
    return sorted(name for name in found if not name.endswith(("__main__", *absent)))


def sources(stage: str) -> list[Path]:
    return sorted((ROOT / stage).rglob("*.py"))


def imported(path: Path, node: ast.AST) -> list[str]:
    """The dotted names that `node` imports, from the repository root where they are ours."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    if node.level == 0:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    base = path.relative_to(ROOT).parts[:-1]
    base = base[: len(base) - (node.level - 1)]
    return [".".join((*base, *((node.module,) if node.module else ()), alias.name)) for alias in node.names]


def on_import(tree: ast.Module) -> list[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, nothing for type checkers only."""
    found, waiting = [], list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        found.append(node)
        waiting += ast.iter_child_nodes(node)
    return found


def setuptools_table() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_on_disk_is_listed():
    on_disk = {
        ".".join(("apical", *init.parent.relative_to(ROOT).parts))
        for stage in STAGES
        for init in (ROOT / stage).rglob("__init__.py")
    }
    assert set(setuptools_table()["packages"]) == on_disk


@pytest.mark.parametrize("stage", STAGES)
def test_every_data_file_is_packaged(stage):
    packages, patterns = setuptools_table()["packages"], setuptools_table()["package-data"]
    folders = {ROOT.joinpath(*name.split(".")[1:]): patterns.get(name, []) for name in packages}
    for path in (ROOT / stage).rglob("*"):
        if path.is_dir() or path.suffix in {".py", *BESIDE_CODE} or "__pycache__" in path.parts:
            continue
        package = next(parent for parent in path.parents if parent in folders)
        name = path.relative_to(package).as_posix()
        assert any(fnmatch(name, pattern) for pattern in folders[package]), f"{stage}: {name} is in no package-data"


def test_every_import_is_a_listed_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = chain(project["dependencies"], *project["optional-dependencies"].values())
    listed = {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in requirements}
    brought_by = packages_distributions() | BY_DRIVER
    for path in (path for stage in STAGES for path in sources(stage)):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {name.split(".")[0] for name in imported(path, node)}
            for name in names - sys.stdlib_module_names - {*STAGES} - BROUGHT_BY_TORCH:
                where = f"{path.relative_to(ROOT)} imports {name}"
                assert {normal(found) for found in brought_by.get(name, [name])} & listed, f"{where}: not a dependency"


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("stage", STAGES)
def test_the_bare_folder_name_does_not_import(stage):
    with pytest.raises(ImportError):
        importlib.import_module(stage)


def test_no_module_is_loaded_under_two_names():
    for name in modules():
        importlib.import_module(name)
    ours = {"apical", *STAGES}
    loaded = [m for n, m in sys.modules.items() if n.split(".")[0] in ours and getattr(m, "__file__", None)]
    files = Counter(Path(m.__file__).resolve() for m in loaded)
    assert files
    assert [file for file, n in files.items() if n > 1] == []


@pytest.mark.parametrize("stage", STAGES)
def test_imports_point_up_the_pipeline(stage):
    allowed = {stage, *MAY_IMPORT[stage]}
    for path in sources(stage):
        for node in ast.walk(ast.parse(path.read_text())):
            for name in imported(path, node):
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} imports {name}"
                assert not name.startswith("apical"), f"{where}: use a relative import"
                if name.split(".")[0] in STAGES:
                    assert any(f"{name}.".startswith(f"{ok}.") for ok in allowed), where


@pytest.mark.parametrize("stage", STAGES)
def test_heavy_libraries_stay_at_home(stage):
    for path in sources(stage):
        tree = ast.parse(path.read_text())
        first = on_import(tree)
        for node in ast.walk(tree):
            for library in {name.split(".")[0] for name in imported(path, node)}:
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} imports {library}"
                assert stage == "cli" or library not in HOME or ROOT / HOME[library] in path.parents, where
                if library in IN_FUNCTIONS or (stage == "cli" and library in HOME):
                    assert node not in first, f"{where}: import it inside the function that needs it"


def test_help_loads_nothing_heavy():
    asked = "import sys; sys.argv = ['apical', '--help']\ntry:\n    from apical.cli.__main__ import main; main()\n"
    told = "finally:\n    print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", asked + told], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "simulate" in done.stdout
    assert not NOT_FOR_HELP & set(done.stderr.split())


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
