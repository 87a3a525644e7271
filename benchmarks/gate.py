"""Whether the working tree is slower than a commit, in one run.

    python -m benchmarks.gate BASE [--only SUBSTRING …] [--size quick] [--json FILE]

Each side is a process that imports its own tree, with machine code of its own, compiled before
anything is timed. A case is timed in rounds, in turn and in the order ABBA, and the least of each
side counts: what else runs on a machine makes a call longer, never shorter. A case that looks
slower is timed again, and fails if it stays slower by 15 % *and* by 20 µs a call. A case of BASE
that the working tree has not fails; a new one is shown. Exit status 1 where something fails.

Times of the two are compared within a run, not with those of another day: on a shared machine
these differ by 30 %.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SLOWER, FLOOR = 1.15, 20e-6  # ratio and seconds a call, beyond which a case fails
_ROUNDS, _AGAIN = 6, 4  # at first, and how often what looks slower is timed again
_SPAN = 0.02  # seconds of a round, for calls that take less
_WORKER = Path(__file__).with_name("gate_worker.py")


@dataclass
class Row:
    """A case: the least seconds a call of either side, None where it is missing."""

    case: str
    base: float | None
    here: float | None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.base is None or self.here is None else self.here / self.base

    @property
    def is_slower(self) -> bool:
        if self.base is None or self.here is None:
            return False
        return self.here > SLOWER * self.base and self.here - self.base > FLOOR

    @property
    def fails(self) -> bool:
        return self.is_slower or self.here is None


class Side:
    """A process that times the cases of a tree."""

    def __init__(self, tree: Path, cache: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(cache)}
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=environment, cwd=cache,
        )  # fmt: skip

    def ask(self, **question: Any) -> Any:
        """The answer; RuntimeError with the other's words where it has none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended with status {self._process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["answer"]

    def close(self) -> None:
        with self._process:  # closes both pipes, and waits
            pass


@contextlib.contextmanager
def tree_of(commit: str, root: Path, folder: Path) -> Iterator[Path]:
    """The tree of a commit beside the working tree."""
    place = folder / "base"
    subprocess.run(
        ["git", "-C", str(root), "worktree", "add", "--quiet", "--detach", str(place), commit],
        check=True,
    )
    try:
        yield place
    finally:
        subprocess.run(
            ["git", "-C", str(root), "worktree", "remove", "--force", str(place)], check=True
        )


def compare(
    base: Side, here: Side, size: str = "quick", only: Sequence[str] = (), show: Any = None
) -> list[Row]:
    """Rows of all cases of either side."""
    there, ours = base.ask(list=size), here.ask(list=size)
    rows = []
    for name in (*ours, *(name for name in there if name not in ours)):
        if only and not any(part in name for part in only):
            continue
        rows.append(_compared(base if name in there else None, here if name in ours else None,
                              name, size))  # fmt: skip
        if show is not None:
            show(rows[-1])
    return rows


def _compared(base: Side | None, here: Side | None, name: str, size: str) -> Row:
    if here is None:
        return Row(name, None, None, "missing here")
    if base is None:
        return Row(name, None, here.ask(case=name, size=size, calls=1), "new")
    try:
        seconds = base.ask(case=name, size=size, calls=1)
    except RuntimeError as error:
        return Row(name, None, here.ask(case=name, size=size, calls=1), f"base fails: {error}")
    calls = max(1, int(_SPAN / max(seconds, 1e-9)))
    row = Row(name, seconds, here.ask(case=name, size=size, calls=1))
    for turn in range(1 + _AGAIN):
        for number in range(_ROUNDS):
            for side in (base, here) if number % 2 else (here, base):
                found = side.ask(case=name, size=size, calls=calls)
                if side is base:
                    row.base = min(row.base, found)  # type: ignore[type-var]
                else:
                    row.here = min(row.here, found)  # type: ignore[type-var]
        if not row.is_slower:
            break
        row.note = f"timed {turn + 2} times" if turn < _AGAIN else "slower"
    return row


def table(rows: Sequence[Row]) -> str:
    """One line a case."""
    lines = [f"{'case':34s} {'base':>10s} {'here':>10s} {'ratio':>6s}"]
    return "\n".join((*lines, *map(_line, rows)))


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    verdict = "FAILS" if row.fails else ""
    times = f"{_words(row.base):>10s} {_words(row.here):>10s}"
    return f"{row.case:34s} {times} {ratio:>6s} {verdict} {row.note}".rstrip()


def _words(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1.0 else f"{seconds:.2f} s"


def run(commit: str, root: Path, size: str, only: Sequence[str], show: Any = None) -> list[Row]:
    """Rows of the working tree at `root` against a commit of it."""
    with tempfile.TemporaryDirectory() as name, tree_of(commit, root, Path(name)) as place:
        folder = Path(name)
        caches = [folder / "code of base", folder / "code of here"]
        for each in caches:
            each.mkdir()
        sides = [Side(tree, cache) for tree, cache in zip((place, root), caches, strict=True)]
        try:
            return compare(*sides, size=size, only=only, show=show)
        finally:
            for side in sides:
                side.close()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("base", help="a commit")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--size", choices=("quick", "full"), default="quick")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    given = parser.parse_args(argv)
    print(table([]), flush=True)
    rows = run(given.base, ROOT, given.size, given.only, lambda row: print(_line(row), flush=True))
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    failed = [row.case for row in rows if row.fails]
    print(f"{len(rows)} cases; {', '.join(failed) or 'none'} slower or missing")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
