"""The gate for CI sees what is slower, and what is missing, and nothing in noise."""

import subprocess
import textwrap

import pytest

from benchmarks import gate

CASES = """
    import time
    from dataclasses import dataclass

    @dataclass
    class Case:
        seconds: float
        sizes: tuple = ("quick",)

        def data(self, size):
            return self.seconds

        def fastreg(self, seconds):
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                pass

    CASES = {cases}
"""


def written(root, **seconds):
    cases = ", ".join(f"{name!r}: Case({value})" for name, value in seconds.items())
    text = textwrap.dedent(CASES).replace("{cases}", f"{{{cases}}}")
    (root / "benchmarks").mkdir(exist_ok=True)
    (root / "benchmarks" / "__init__.py").touch()
    (root / "benchmarks" / "cases.py").write_text(text)


@pytest.fixture
def repository(tmp_path):
    """A commit with cases of 1 ms, 1 ms and 20 µs."""
    root = tmp_path / "repository"
    root.mkdir()
    written(root, fit=1e-3, path=1e-3, tiny=2e-5)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git[:3], "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "cases"], check=True)
    return root


def rows(root, **how):
    return {row.case: row for row in gate.run("HEAD", root, "quick", (), **how)}


@pytest.mark.timed
@pytest.mark.thorough
def test_a_planted_slowdown_fails_and_what_is_below_the_floor_does_not(repository):
    written(repository, fit=1.2e-3, path=1e-3, tiny=2.6e-5)
    found = rows(repository)
    assert [name for name, row in found.items() if row.fails] == ["fit"]
    assert 1.15 < found["fit"].ratio < 1.3 and found["fit"].note == "slower"


@pytest.mark.timed
@pytest.mark.thorough
def test_the_same_tree_passes(repository):
    assert not any(row.fails for row in rows(repository).values())


def test_a_missing_case_fails_and_a_new_one_does_not(repository):
    written(repository, fit=1e-3, tiny=2e-5, fresh=1e-3)
    found = rows(repository)
    assert [name for name, row in found.items() if row.fails] == ["path"]
    assert found["fresh"].note == "new"
    text = gate.table(list(found.values()))
    assert "FAILS missing here" in text and "new" in text


def test_a_case_that_fails_in_the_base_is_told(repository):
    subprocess.run(["git", "-C", str(repository), "worktree", "list"], check=True)
    text = (repository / "benchmarks" / "cases.py").read_text()
    (repository / "benchmarks" / "cases.py").write_text(text + "\nCASES['fit'].data = None\n")
    with pytest.raises(RuntimeError, match="TypeError"):
        rows(repository)


@pytest.mark.thorough
def test_the_table_of_small_fits_runs(capsys):
    from benchmarks import small

    small.main(["--calls", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 4 * len(small.SHAPES) + 4
    assert all(float(line.split()[-1]) > 0.0 for line in lines[1:])
