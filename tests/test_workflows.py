"""The workflows of CI: what GitHub asks of their form, and that each command exists."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPT = runpy.run_path(str(ROOT / ".ci/workflow_commands"))

WORKFLOW = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB = {"name", "needs", "runs-on", "timeout-minutes", "strategy", "env", "environment"}
JOB |= {"permissions", "steps"}
STEP = {"name", "run", "uses", "with", "env"}


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def text(request):
    return request.param.read_text(encoding="utf-8")


@pytest.fixture
def workflow(text):
    return yaml.load(text, yaml.BaseLoader)  # `on` is a text here, and no True


def test_keys_are_known_and_jobs_that_are_waited_for_exist(workflow):
    assert workflow.keys() <= WORKFLOW and {"on", "jobs", "permissions"} <= workflow.keys()
    for job in workflow["jobs"].values():
        assert job.keys() <= JOB and {"runs-on", "timeout-minutes", "steps"} <= job.keys()
        assert job.get("needs", "") in ("", *workflow["jobs"])
        for step in job["steps"]:
            assert step.keys() <= STEP and ("run" in step) != ("uses" in step)


def test_actions_are_pinned_to_a_major_version(workflow):
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", step.get("uses", "a/a@v1"))


def test_expressions_are_closed_and_read_what_is_there(text, workflow):
    expressions = re.findall(r"\$\{\{ ([\w.]+) \}\}", text)
    assert len(expressions) == text.count("${{") == text.count("}}")
    jobs = workflow["jobs"].values()
    axes = {axis for job in jobs for axis in job.get("strategy", {}).get("matrix", {})}
    known = {"github.workflow", "github.ref"} | {f"matrix.{axis}" for axis in axes}
    assert set(expressions) <= known


def test_the_matrix_has_every_python_of_the_classifiers():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    matrix = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    found = matrix["jobs"]["tests"]["strategy"]["matrix"]
    assert found["python"] == re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert [name.split("-")[0] for name in found["os"]] == ["ubuntu", "macos", "windows"]


def missing(command):
    """What a command names and the repository has not; None if it has all."""
    words = shlex.split(command, comments=True)
    if words[:2] == ["nox", "-s"]:
        noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
        named = re.findall(r"^@nox\.session.*?^def (\w+)", noxfile, re.M | re.S)
        return next((name for name in words[2:] if name not in named), None)
    if words[:2] == ["python", "-m"] and words[2] not in ("pip", "build"):
        file = ROOT / (words[2].replace(".", "/") + ".py")
        return None if file.is_file() else words[2]
    return None


def test_every_command_exists():
    commands = SCRIPT["commands"]()
    assert len(commands) > 8
    absent = {command: missing(command) for command in commands}
    assert {command: name for command, name in absent.items() if name} == {}
    assert missing("nox -s nothing") == "nothing" and missing("python -m nothing.a") == "nothing.a"


def test_what_only_github_can_run_is_left_out():
    reason = SCRIPT["reason_against"]
    assert reason("nox -s lint") is None
    assert "only GitHub" in reason('echo "$GITHUB_REF_NAME"')
    assert "only GitHub" in reason("echo ${{ github.ref }}")
    assert "no origin/nothing" in reason("python -m benchmarks.gate origin/nothing")


def test_commands_are_listed_and_run_once_each(tmp_path, capfd, monkeypatch):
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    steps = "[{run: test $A = b}, {run: test $A = b}, {run: 'false'}, {run: echo $GITHUB_REF}]"
    (folder / "a.yml").write_text(f"env: {{A: b}}\njobs: {{c: {{steps: {steps}}}}}")
    inner = SCRIPT["main"].__globals__
    found = inner["commands"](tmp_path)
    monkeypatch.setitem(inner, "commands", lambda: found)
    assert SCRIPT["main"](["--list"]) == 0
    listed = capfd.readouterr().out.splitlines()
    assert listed[:2] == ["test $A = b", "false"] and listed[2].startswith("echo $GITHUB_REF  # ")
    assert SCRIPT["main"](["A", "echo"]) == 0
    assert SCRIPT["main"]([]) == 1
    assert capfd.readouterr().out.endswith("failed: false\n")
