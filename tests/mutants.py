"""Small faults put into kernels, solvers and certificates, and how many of them the tests notice.

    python -m tests.mutants --count 20 --seed 0              # the everyday tests
    python -m tests.mutants --count 20 --seed 0 --thorough   # then the others, on what was missed

A mutant is the package with one operator turned: < and <=, + and -, * and /, and and or. Those
that compute the same (a block that ends elsewhere, a threshold of speed) cannot be noticed: what is
missed is printed as a line of the source, to be read.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("kernels", "solvers", "certificate")
TURNED = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
LIMIT = 2400  # seconds for the tests of a mutant, with an empty cache: one that never ends


class Mutant(NamedTuple):
    """`path` of the package with `old` at `place` of its text replaced by `new`."""

    path: Path
    place: int
    old: str
    new: str

    def source(self) -> str:
        text = self.path.read_text(encoding="utf-8")
        return text[: self.place] + self.new + text[self.place + len(self.old) :]

    def __str__(self) -> str:
        text = self.path.read_text(encoding="utf-8")
        number = text.count("\n", 0, self.place)
        line = text.splitlines()[number].strip()
        return f"{self.path.relative_to(ROOT)}:{number + 1}: {self.old} → {self.new}: {line}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    text = path.read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    data = text.encode()
    for operation, left, right in _operations(ast.parse(text)):
        if type(operation) not in TURNED:
            continue
        old, new = TURNED[type(operation)]
        first = starts[left.end_lineno - 1] + left.end_col_offset
        last = starts[right.lineno - 1] + right.col_offset
        between = re.sub("#.*", lambda note: "#" * len(note[0]), data[first:last].decode())
        found = re.search(rf"(?<!\w){re.escape(old)}(?!\w)", between)
        if found:  # positions within f-strings are wrong before Python 3.12
            yield Mutant(path, len(data[:first].decode()) + found.start(), old, new)


def _operations(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.expr, ast.expr]]:
    """(operator, what is left of it, what is right of it)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            yield node.op, node.left, node.right
        elif isinstance(node, ast.Compare):
            yield node.ops[0], node.left, node.comparators[0]
        elif isinstance(node, ast.BoolOp):
            yield node.op, node.values[0], node.values[1]


def chosen(count: int, seed: int) -> list[Mutant]:
    """Some of all mutants of `PARTS`, each as likely as another."""
    files = sorted(path for part in PARTS for path in (ROOT / "fastreg" / part).rglob("*.py"))
    return random.Random(seed).sample([each for path in files for each in mutants_of(path)], count)


def verdict(copy: Path, mutant: Mutant, *options: str) -> str:
    """What the tests of a copy of the project say with the mutant in it."""
    path = copy / mutant.path.relative_to(ROOT)
    path.write_text(mutant.source(), encoding="utf-8")
    try:
        status = run(copy, *options)
    finally:
        shutil.copyfile(mutant.path, path)
    return {0: "MISSED", None: "no end"}.get(status, "noticed")


def run(copy: Path, *options: str) -> int | None:
    """The exit status of the tests, None where they do not end."""
    command = ["-m", "pytest", "-x", "-q", "-n", "auto", "--dist", "loadfile", *options]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=copy, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of the files that git tracks, as they are."""
    with tempfile.TemporaryDirectory() as folder:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
        for name in listed.stdout.decode().splitlines():
            target = Path(folder) / "fastreg" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
        yield Path(folder) / "fastreg"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--thorough", action="store_true")
    options = parser.parse_args(arguments)
    mutants = chosen(options.count, options.seed)
    with copied() as copy:
        if run(copy) != 0:
            print("the tests fail without a mutant")
            return 1
        missed = _missed(copy, mutants)
        print(f"everyday tests: {len(mutants) - len(missed)} of {len(mutants)} noticed")
        if options.thorough:
            still = _missed(copy, missed, "-m", "thorough")
            print(f"thorough tests: {len(missed) - len(still)} of these {len(missed)} noticed")
    return 0


def _missed(copy: Path, mutants: list[Mutant], *options: str) -> list[Mutant]:
    missed = []
    for mutant in mutants:
        said = verdict(copy, mutant, *options)
        print(f"{said:8} {mutant}", flush=True)
        if said == "MISSED":
            missed.append(mutant)
    return missed


if __name__ == "__main__":
    sys.exit(main())
