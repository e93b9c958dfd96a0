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
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

from apical.surrogate.fitting import model_card

ROOT = Path(__file__).parents[1]
STAGES = ("simulate", "surrogate", "tasks", "analysis", "cli")
# stage -> its rooms from the ground up: a room imports nothing that stands after it; modules beside the rooms by name
ROOMS = {
    "simulate": (
        ("schema",),
        ("folders", "cores", "names", "processes"),
        ("mechanisms",),
        ("cell",),
        ("stimulus",),
        ("engine",),
        ("config", "presets", "changes"),
        ("trial",),
        ("run",),
        ("neuronio",),
        ("elsewhere",),
        ("validation",),
    ),
    "surrogate": (
        ("ahead", "device", "provenance", "tensors", "processes"),
        ("kernels",),
        ("models",),
        ("fitting",),
        ("use",),
        ("population",),
        ("network",),
        ("sweep",),
        ("inside",),
        ("checkpoint",),  # for model cards of apical 0.1
    ),
    "tasks": (
        ("schema", "binning"),
        ("store",),
        ("blocks", "summary", "toy"),
        ("sequences", "inputs", "draw"),
        ("loader", "text"),
        ("digits", "sources"),
        ("models",),
        ("fitting",),
        ("sweep",),
    ),
    "analysis": (
        ("markup", "dataset_title"),
        ("metrics",),
        ("scores",),
        ("families", "style", "ticks", "plots"),
        ("comparison",),
        ("sequences",),
        ("pages",),
        ("inside",),
        ("report",),
        ("display", "accessor"),
    ),
    "cli": (
        ("options", "progress", "tables", "interrupts"),
        ("again",),
        ("spreading", "look_inside", "fit_settings", "live_fit", "on_tasks", "quickstart"),
        ("commands",),
        ("app", "__main__"),
    ),
}
A_DOZEN = 12
MORE_THAN_A_DOZEN = {  # folder -> why its modules are neighbours all the same
    "cli/commands": "a file for the commands of a kind",
    "simulate/cell": "the parts of a cell, a file each, and what puts them together",
    "simulate/engine/batched": "one generator, from NMODL to a kernel at work: each file is a step that only it takes",
    "simulate/run": "what a run over workers consists of, and the noise floor, which is one",
    "surrogate/models": "a file for each family, and the parts that two of them share",
    "surrogate/population": "what a network consists of, and an engine each for a CPU, a GPU and the truth",
    "surrogate/fitting": "one loop: what it reads, draws, steps, checks and writes",
    "analysis/metrics": "a metric a file",
}
FRONT_DOORS = (
    "simulate",
    "simulate/elsewhere",
    "surrogate",
    "surrogate/inside",
    "tasks",
    "analysis",
    "analysis/inside",
)
MOST_PUBLIC_NAMES = 15  # of a front door
# stage -> what it may import of its siblings
MAY_IMPORT = {
    "simulate": (),
    "surrogate": ("simulate.schema",),
    "tasks": ("simulate.schema", "simulate.cores", "simulate.names", "simulate.processes", "surrogate"),
    "analysis": ("simulate.schema",),
    "cli": STAGES,
}
# heavy library -> the only places that import it (the command line may, too)
HOME = {
    "neuron": "simulate",
    "torch": ("surrogate", "tasks"),
    "triton": "surrogate/kernels",
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
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
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
    assert set(setuptools_table()["packages"]) == on_disk | {"apical"}


@pytest.mark.parametrize("stage", STAGES)
def test_every_data_file_is_packaged(stage):
    packages, patterns = setuptools_table()["packages"], setuptools_table()["package-data"]
    folders = {ROOT.joinpath(*name.split(".")[1:]): patterns.get(name, []) for name in packages if name != "apical"}
    for path in (ROOT / stage).rglob("*"):
        if path.is_dir() or path.suffix in {".py", *BESIDE_CODE} or "__pycache__" in path.parts:
            continue
        package = next(parent for parent in path.parents if parent in folders)
        name = path.relative_to(package).as_posix()
        fits = [
            pattern for pattern in folders[package] if pattern.count("/") == name.count("/")
        ]  # as setuptools has it
        assert any(fnmatch(name, pattern) for pattern in fits), f"{stage}: {name} is in no package-data"


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


def module_file(name: str) -> Path | None:
    """The file of ours that the dotted name `name` is, or that it is defined in; None for what is not ours."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:n])
        if path.with_suffix(".py").is_file():
            return path.with_suffix(".py")
        if (path / "__init__.py").is_file():
            return path / "__init__.py"
    return None


def imports_of_ours(stage: str) -> dict[Path, set[Path]]:
    """Module -> the modules of its stage that it imports, in functions and for type checkers too.

    A module of another room brings that room's `__init__` with it.
    """
    found: dict[Path, set[Path]] = {}
    for path in sources(stage):
        names = {name for node in ast.walk(ast.parse(path.read_text())) for name in imported(path, node)}
        files = {file for name in names if name.split(".")[0] == stage and (file := module_file(name))}
        rooms = {parent / "__init__.py" for file in files for parent in file.relative_to(ROOT / stage).parents[:-1]}
        files |= {ROOT / stage / each for each in rooms if (ROOT / stage / each).parent not in path.parents}
        found[path] = files - {path}
    return found


def room(path: Path) -> int | None:
    """Place of the room in its stage's list; None for a stage's front door, which opens all of them."""
    stage, name = path.relative_to(ROOT).with_suffix("").parts[:2]
    if name == "__init__":
        return None
    at = next((at for at, names in enumerate(ROOMS[stage]) if name in names), None)
    assert at is not None, f"{path.relative_to(ROOT)}: {name} is not in the list of {stage}'s rooms"
    return at


@pytest.mark.parametrize("stage", STAGES)
def test_no_room_imports_a_later_one(stage):
    doors = {ROOT / door / "__init__.pyi" for door in FRONT_DOORS}
    for path, others in imports_of_ours(stage).items():
        for other in others if room(path) is not None else ():
            where = f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}"
            assert other.with_suffix(".pyi") not in doors, f"{where}: a front door is for others"
            assert room(other) <= room(path), where


@pytest.mark.parametrize("stage", STAGES)
def test_no_circle_of_imports(stage):
    graph = TopologicalSorter(imports_of_ours(stage))
    try:
        graph.prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(str(path.relative_to(ROOT)) for path in circle.args[1]))


def test_a_circle_would_be_seen(tmp_path, monkeypatch):
    """In functions too, through a room's own name, and for type checkers."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "simulate" / "cell").mkdir(parents=True)
    (tmp_path / "simulate" / "cell" / "__init__.py").touch()
    (tmp_path / "simulate" / "cell" / "a.py").write_text("def f():\n    from . import b\n")
    (tmp_path / "simulate" / "cell" / "b.py").write_text("if TYPE_CHECKING:\n    from .a import f\n")
    with pytest.raises(pytest.fail.Exception, match=r"a\.py -> .*b\.py"):
        test_no_circle_of_imports("simulate")


@pytest.mark.parametrize("stage", STAGES)
def test_no_folder_of_more_than_a_dozen_modules_without_a_reason(stage):
    for folder in {path.parent for path in sources(stage)}:
        modules_there = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        reason = MORE_THAN_A_DOZEN.get(folder.relative_to(ROOT).as_posix())
        assert (len(modules_there) > A_DOZEN) == bool(reason), f"{folder.relative_to(ROOT)}: {len(modules_there)}"


def public_names(door: str) -> list[str]:
    """What a front door's stub names, in its order."""
    tree = ast.parse((ROOT / door / "__init__.pyi").read_text())
    return [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_a_front_door_opens(door):
    names, stage = public_names(door), importlib.import_module(f"apical.{door.replace('/', '.')}")
    assert len(names) <= MOST_PUBLIC_NAMES
    assert sorted(stage.__all__) == sorted(names)
    for name in names:
        assert getattr(stage, name).__doc__, f"{door}: {name} has no docstring"


def test_version():
    import apical

    assert apical.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {"simulate", "surrogate", "analysis"} <= set(dir(apical))


PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
OTHER_PYTHON = re.compile(r"^ *(```|~~~) *\{?(py\b|pycon|python[^\n]|code-cell|ipython)|^ +```python|^~~~python", re.M)


def shown_python() -> list[tuple[str, str]]:
    """Where, and the code, of all Python that people are shown: README, docs, notebooks, model cards."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        assert not OTHER_PYTHON.search(page.read_text("utf-8")), f"{page.relative_to(ROOT)}: write Python as ```python"
    found = [(str(page.relative_to(ROOT)), "\n".join(PYTHON_BLOCK.findall(page.read_text("utf-8")))) for page in pages]
    found += [(path.name, path.read_text("utf-8")) for path in sorted((ROOT / "notebooks").glob("*.py"))]
    return [*found, ("a model card", model_card.LOAD)]


def test_what_people_are_shown_imports_public_names_only():
    known = {f"apical.{door.replace('/', '.')}": {*public_names(door)} for door in FRONT_DOORS}
    shown = [(where, ast.parse(code)) for where, code in shown_python()]
    assert sum(bool(tree.body) for _, tree in shown) > len(list((ROOT / "notebooks").glob("*.py")))
    for where, tree in shown:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    ours = alias.name.split(".")[0] == "apical"
                    assert not ours or alias.name == "apical" or alias.name in known, f"{where}: import {alias.name}"
            elif isinstance(node, ast.Attribute) and (name := ast.unparse(node)).startswith("apical."):
                inside, _, last = name.rpartition(".")
                fine = name in known or name == "apical.__version__" or last in known.get(inside, ())
                of_a_value = any(name.startswith(f"{door}.{each}.") for door in known for each in known[door])
                assert fine or of_a_value, f"{where}: {name}"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"apical\.\w+\.\w", node.value), f"{where}: {node.value!r}"
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "apical":
                for alias in node.names:
                    told = f"{where}: from {node.module} import {alias.name}"
                    assert f"{node.module}.{alias.name}" in known or alias.name in known.get(node.module, ()), told


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


def at_home(path: Path, library: str) -> bool:
    homes = HOME[library]
    return any(ROOT / home in path.parents for home in ([homes] if isinstance(homes, str) else homes))


@pytest.mark.parametrize("stage", STAGES)
def test_heavy_libraries_stay_at_home(stage):
    for path in sources(stage):
        tree = ast.parse(path.read_text())
        first = on_import(tree)
        for node in ast.walk(tree):
            for library in {name.split(".")[0] for name in imported(path, node)}:
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} imports {library}"
                assert stage == "cli" or library not in HOME or at_home(path, library), where
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
