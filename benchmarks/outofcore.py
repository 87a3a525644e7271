"""`LassoCV`, ten folds and a hundred alphas, of more data than a fit holds, beside merely reading.

    python -m benchmarks.outofcore --folder /scratch                    # 15 000 000 × 100, 12 GB
    python -m benchmarks.outofcore --folder /scratch --form parquet
    python -m benchmarks.outofcore --rows 200000                        # a small one

Each measurement is a process of its own: its wall time from a warm interpreter, and its peak
memory, in which the page cache has no part (blocks are read into buffers, not mapped). "cold" has
the files dropped from the page cache before. The answer is compared on the first rows with the fit
to the same rows in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

FULL, COLUMNS, STEP = 15_000_000, 100, 100_000
COMPARED = 100_000  # rows of the comparison in memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=FULL)
    parser.add_argument("--columns", type=int, default=COLUMNS)
    parser.add_argument("--folder", type=Path, help="where the data stays")
    parser.add_argument("--form", choices=("npy", "parquet"), default="npy")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--task", choices=sorted(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(TASKS[options.task](options.path)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        path = generate(folder, options.rows, options.columns, options.form)
        for line in report(path, options.repeats):
            print(line, flush=True)


# ---------------------------------------------------------------- data


def block(number: int, n: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of equally correlated columns, some of which matter."""
    rng = np.random.default_rng([number, n])
    X = rng.standard_normal((rows, n))
    X += rng.standard_normal((rows, 1))
    coef = np.where(np.arange(n) % 10 == 0, 1.0 / (1.0 + np.arange(n)), 0.0)
    return X, X @ coef + 3.0 + rng.standard_normal(rows)


def generate(folder: Path, m: int, n: int, form: str) -> Path:
    """X and y in `folder`, made once."""
    path = folder / f"X_{m}_{n}.{form}"
    if path.exists():
        return path
    starts = range(0, m, STEP)
    made = (block(i, n, min(STEP, m - start)) for i, start in enumerate(starts))
    writer = _npy if form == "npy" else _parquet
    writer(path, made, m, n)
    return path


def _npy(path: Path, made: Any, m: int, n: int) -> None:
    X = np.lib.format.open_memmap(path, "w+", np.float64, (m, n))
    y, at = np.empty(m), 0
    for rows, target in made:
        X[at : at + len(rows)], y[at : at + len(rows)] = rows, target
        at += len(rows)
    X.flush()
    np.save(_target(path), y)


def _parquet(path: Path, made: Any, m: int, n: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"x{j}" for j in range(n)]
    schema = pa.schema([(name, pa.float64()) for name in [*names, "y"]])
    options = {"compression": "none", "use_dictionary": False}
    with pq.ParquetWriter(path, schema, **options) as writer:
        for rows, target in made:
            columns = [pa.array(column) for column in [*np.ascontiguousarray(rows.T), target]]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _target(path: Path) -> Path:
    return path.with_name(path.name.replace("X_", "y_"))


def source(path: Path, **options: Any) -> Any:
    import fastreg

    target = "y" if path.suffix == ".parquet" else _target(path)
    return fastreg.read(path, target, **options)


# ---------------------------------------------------------------- tasks, each in a process


def read(path: Path) -> dict[str, Any]:
    """Merely read, as the fit does."""
    data = source(path)
    return _timed(lambda: data.reduce(_count, int.__add__))


def _count(block: Any, row: int) -> int:
    return int(block.n_rows)


def fit(path: Path) -> dict[str, Any]:
    """`LassoCV`, machine code loaded before on a few rows."""
    import fastreg

    X, y = block(0, 5, 2000)
    fastreg.LassoCV(cv=10).fit(fastreg.read(X, y, memory=0))
    model: list[Any] = []
    found = _timed(lambda: model.append(fastreg.LassoCV(cv=10).fit(source(path, memory=0))))
    (one,) = model
    found["alpha"] = one.alpha_
    found["non_zero"] = int(np.count_nonzero(one.coef_))
    found["gap"] = float(one.certificate_.relative_gap[0])
    return found


def compare(path: Path) -> dict[str, Any]:
    """The largest relative differences between blocks and memory, of the first rows."""
    import fastreg

    X, y = _first(path)
    blocks = fastreg.LassoCV(cv=10).fit(fastreg.read(X, y, memory=0))
    memory = fastreg.LassoCV(cv=10).fit(np.array(X), y)
    pairs = {
        "coef": (blocks.coef_, memory.coef_),
        "errors": (blocks.mse_path_, memory.mse_path_),
        "alphas": (blocks.alphas_, memory.alphas_),
    }
    return {key: float(np.abs(a - b).max() / np.abs(b).max()) for key, (a, b) in pairs.items()} | {
        "same_alpha": bool(np.isclose(blocks.alpha_, memory.alpha_, rtol=1e-9))
    }


def _first(path: Path) -> tuple[Any, np.ndarray]:
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r")[:COMPARED], np.load(_target(path))[:COMPARED]
    first = next(source(path).blocks())
    return first.X, first.y


TASKS = {"read": read, "fit": fit, "compare": compare}


def _timed(work: Any) -> dict[str, Any]:
    before = _peak()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "before_mb": before, "peak_mb": _peak()}


def _peak() -> float:
    """Most memory of this process so far, in MB; of this program, where that can be told."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage begins with what the parent had
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------- report


def report(path: Path, repeats: int) -> Any:
    """Lines of a report."""
    size = path.stat().st_size
    yield f"{path.name}: {size / 1e9:.3g} GB"
    found = run("compare", path)
    yield (
        f"the first rows, blocks beside memory: coefficients {found['coef']:.1e}, errors of folds "
        f"{found['errors']:.1e}, alphas {found['alphas']:.1e}, same alpha: {found['same_alpha']}"
    )
    for cold in (True, False):
        best: dict[str, dict[str, Any]] = {}
        for trial in range(repeats):
            order = ("read", "fit") if trial % 2 == 0 else ("fit", "read")
            for task in order:
                if cold:
                    drop(path)
                one = run(task, path)
                if task not in best or one["seconds"] < best[task]["seconds"]:
                    best[task] = one
        reading, fitting = best["read"], best["fit"]
        ratio = fitting["seconds"] / reading["seconds"]
        yield (
            f"{'cold' if cold else 'warm'}: read {reading['seconds']:.2f} s, LassoCV "
            f"{fitting['seconds']:.2f} s, {ratio:.2f} × the read; "
            f"peak {fitting['peak_mb']:.0f} MB, {fitting['before_mb']:.0f} of them before the fit"
        )
    yield (
        f"alpha {fitting['alpha']:.4g}, {fitting['non_zero']} coefficients, relative gap "
        f"{fitting['gap']:.1e}"
    )


def drop(path: Path) -> None:
    """Its pages out of the cache."""
    os.sync()
    for each in (path, _target(path)):
        if each.exists() and hasattr(os, "posix_fadvise"):
            with open(each, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run(task: str, path: Path) -> dict[str, Any]:
    """A task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.outofcore", "--task", task, "--path", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
