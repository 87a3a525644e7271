"""What a package index and other tools read: the description, extras, versions, the citation."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import fastreg

ROOT = Path(__file__).resolve().parent.parent
TOML = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, BUILD = TOML["project"], TOML["tool"]["hatch"]["build"]["targets"]

RELATIVE = re.compile(r"""(?:\]\(|(?:src|srcset|href)=")(?![a-z]+:|#)([^)"\s]+)""")


def absolute(text):
    """A text as the build puts it into the metadata."""
    for each in TOML["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    return text


def test_the_description_has_no_relative_link():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert RELATIVE.search(readme)
    assert RELATIVE.findall(absolute(readme)) == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](b.md#c)", "[a](https://github.com/fastreg/fastreg/blob/main/b.md#c)"),
        ("[a](https://b.org)", "[a](https://b.org)"),
        ("[a](#b)", "[a](#b)"),
        ("![a](b.png)", "![a](https://raw.githubusercontent.com/fastreg/fastreg/main/b.png)"),
        (
            "[![a](b.png)](c.md)",
            "[![a](https://raw.githubusercontent.com/fastreg/fastreg/main/b.png)]"
            "(https://github.com/fastreg/fastreg/blob/main/c.md)",
        ),
        (
            '<a href="b"><img alt="a" src="c.png">',
            '<a href="https://github.com/fastreg/fastreg/blob/main/b">'
            '<img alt="a" src="https://raw.githubusercontent.com/fastreg/fastreg/main/c.png">',
        ),
    ],
)
def test_links_become_absolute(written, shown):
    assert absolute(written) == shown


def test_the_built_metadata_holds_that_description(monkeypatch):
    for module in ("hatchling", "hatch_fancy_pypi_readme"):
        pytest.importorskip(module)
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    core = ProjectMetadata(str(ROOT), PluginManager()).core
    assert core.readme_content_type == "text/markdown"
    assert core.readme == absolute((ROOT / "README.md").read_text(encoding="utf-8"))


def test_every_file_of_the_source_distribution_exists():
    for name in BUILD["sdist"]["include"]:
        assert (ROOT / name.removeprefix("/")).exists(), name


def test_every_file_that_git_knows_of_is_in_the_source_distribution():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    included = {name.split("/")[1] for name in BUILD["sdist"]["include"]}
    by_itself = {"LICENSE", "pyproject.toml", ".gitignore"}  # hatchling puts these in
    of_a_checkout = {".pre-commit-config.yaml"}
    tops = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert tops <= included | by_itself | of_a_checkout


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    recipe = (ROOT / "recipe/meta.yaml").read_text(encoding="utf-8")
    stated = re.search(r'set version = "(.*)"', recipe)[1]
    assert PROJECT["version"] == fastreg.__version__ == citation["version"] == stated


def test_the_recipe_needs_what_the_project_needs():
    recipe = (ROOT / "recipe/meta.yaml").read_text(encoding="utf-8")
    needed = set(re.findall(r"^    - (\S+ >=\S+)$", recipe, re.M))
    stated = {name.replace(">=", " >=") for name in PROJECT["dependencies"]}
    build = {name.replace(">=", " >=") for name in TOML["build-system"]["requires"]}
    assert needed == stated | build


def test_the_support_policy_states_the_lowest_versions():
    page = (ROOT / "docs/support.md").read_text(encoding="utf-8")
    for requirement in PROJECT["dependencies"]:
        name, lowest = requirement.split(">=")
        assert re.search(rf"^\| {name} +\| {re.escape(lowest)} ", page, re.M | re.I), requirement
    assert re.search(
        rf"^\| Python +\| {PROJECT['requires-python'].removeprefix('>=')} ", page, re.M
    )


def test_all_has_every_extra_of_a_user():
    named = re.fullmatch(r"fastreg\[(.*)\]", PROJECT["optional-dependencies"]["all"][0])[1]
    tools = {"all", "docs", "test", "dev"}
    assert set(named.split(",")) == set(PROJECT["optional-dependencies"]) - tools


def lowest_versions(project):
    return runpy.run_path(str(ROOT / ".ci/lowest_versions"))["lowest_versions"](project)


def test_every_requirement_states_its_lowest_version():
    found = lowest_versions(PROJECT)
    assert found["scipy"] == "1.12" and found["dask"] == "2024.8" and "fastreg" not in found


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        (["numpy"], "'numpy' must be of the form name>=version"),
        (["numpy>=1.26,<3"], "must be of the form"),
        (["numpy>=1.26", "numpy>=2.0"], "'numpy' has the lowest versions 1.26 and 2.0"),
    ],
)
def test_a_requirement_without_one_lowest_version_is_refused(requirements, message):
    project = {"name": "a", "dependencies": requirements, "optional-dependencies": {"b": []}}
    with pytest.raises(ValueError, match=re.escape(message)):
        lowest_versions(project)
