"""The first read of a CSV file, which finds the levels of its texts, beside `pandas.read_csv`.

    python -m benchmarks.tables [--megabytes 218]

Seconds, the least of five in turn, of the same file in the page cache: eight floats, a whole
number, four columns of texts with 6 to 4000 levels, and y. `fastreg.read` finds the levels;
pandas makes a frame of all of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import fastreg

ROUNDS = 5
LEVELS = (6, 40, 700, 4000)
_ROWS = 50_000  # that repeat


def write(path: Path, size: int) -> None:
    """A file of about so many bytes."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{k}": rng.standard_normal(_ROWS).round(6) for k in range(8)}
    columns["count"] = rng.integers(0, 100, _ROWS)
    for k, count in enumerate(LEVELS):
        columns[f"text{k}"] = [f"level {each}" for each in rng.integers(0, count, _ROWS)]
    rows = pd.DataFrame(columns | {"y": rng.standard_normal(_ROWS).round(6)})
    heading, text = rows.to_csv(index=False).split("\n", 1)
    with path.open("w", encoding="utf-8") as file:
        file.write(heading + "\n")
        for _ in range(max(1, size // len(text))):
            file.write(text)


def least(calls: Sequence[Callable[[], Any]]) -> list[float]:
    """Seconds of each, in turn."""
    best = [np.inf] * len(calls)
    for _ in range(ROUNDS):
        for k, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[k] = min(best[k], time.perf_counter() - start)
    return best


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=float, default=218.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path, int(1e6 * parser.parse_args(argv).megabytes))
        many = [f"text{k}" for k, count in enumerate(LEVELS) if count > LEVELS[0]]
        calls = {
            "fastreg.read, rows sparse": lambda: fastreg.read(str(path), target="y"),
            "fastreg.read, rows dense": lambda: fastreg.read(str(path), target="y", drop=many),
            "pandas.read_csv": lambda: pd.read_csv(path),
        }
        print(f"{path.stat().st_size / 1e6:.0f} MB")
        for name, seconds in zip(calls, least([*calls.values()]), strict=True):
            print(f"{name:28} {seconds:.2f} s")


if __name__ == "__main__":
    main()
