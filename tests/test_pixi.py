"""pixi.toml obeys pixi's own schema and does what the Makefile does. (pixi itself is not needed here.)"""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def manifest():
    return tomllib.loads((ROOT / "pixi.toml").read_text())


@pytest.fixture
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_manifest_obeys_the_schema(manifest, shared):
    schema = json.loads(shared("data/pixi_schema.json").read_text())
    jsonschema.validate(manifest, schema, cls=jsonschema.Draft7Validator)


def makefile_commands() -> dict[str, str]:
    """The last command of each target's recipe, without what pixi says otherwise: the environment and arguments."""
    recipes = re.findall(r"^(\w+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {
        target: recipe.splitlines()[-1].strip().partition("$(BIN)/")[2].removesuffix(" $(ARGS)")
        for target, recipe in recipes
    }


@pytest.mark.parametrize("task", ["test", "quickstart", "lab"])
def test_a_task_runs_the_makefiles_command(manifest, task):
    assert manifest["tasks"][task]["cmd"] == makefile_commands()[task]


def test_nothing_is_listed_twice(manifest, project):
    """The package brings its own dependencies; a second mention may only say where torch comes from."""
    package = manifest["pypi-dependencies"]
    assert package == {"apical": {"path": ".", "editable": True, "extras": ["test"]}}
    assert manifest["dependencies"].pop("python") == project["requires-python"]
    assert set(manifest["dependencies"]) == {"cxx-compiler", "make"}
    for feature in manifest["feature"].values():
        for dependency in feature.get("pypi-dependencies", {}).values():
            assert dependency["version"] == "*"


def test_there_is_an_environment_for_the_cpu_and_one_for_cuda(manifest):
    environments = manifest["environments"]
    assert environments["default"]["features"] == environments["cpu"]["features"] == ["cpu"]
    assert manifest["feature"]["cpu"]["pypi-dependencies"]["torch"]["index"].endswith("/cpu")
    assert environments["cuda"]["features"] == ["cuda"]
    assert "cuda" in manifest["feature"]["cuda"]["system-requirements"]
