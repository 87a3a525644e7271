"""A lasso path of a hundred strengths of any loss, of more data than a fit holds, beside one read.

    python -m benchmarks.outofcore_losses --folder /scratch              # 15 000 000 × 100, 12 GB
    python -m benchmarks.outofcore_losses --folder /scratch --rows 1000000 --columns 1000
    python -m benchmarks.outofcore_losses --folder /scratch --folds 10    # with cross-validation
    python -m benchmarks.outofcore_losses --rows 1000000 --columns 50 --family gamma
    python -m benchmarks.outofcore_losses --rows 200000                   # a small one

The data are those of `benchmarks.outofcore`; y is whether its target is above 3, in which of four
ranges it lies, or an amount or a count that grows with it. Every measurement is a process of its
own, with the files dropped from the page cache before; the path's later reads find in it what fits
there. The answer is compared on the first rows with rows in memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import outofcore
from fastreg.losses import NegativeBinomial, Tweedie

LEVEL = 3.0
FAMILIES: dict[str, Any] = {
    "binomial": "binomial", "poisson": "poisson", "gamma": "gamma", "tweedie": Tweedie(1.5),
    "negative_binomial": NegativeBinomial(2.0), "squared_hinge": "squared_hinge",
    "multinomial": "multinomial",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=outofcore.FULL)
    parser.add_argument("--columns", type=int, default=outofcore.COLUMNS)
    parser.add_argument("--folder", type=Path, help="where the data stays")
    parser.add_argument("--family", choices=tuple(FAMILIES), default="binomial")
    parser.add_argument("--folds", type=int, default=0, help="of classes alone")
    parser.add_argument("--tol", type=float, default=1e-4)
    parser.add_argument("--task", choices=("read", "fit"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folds and options.family != "binomial":
        parser.error("--folds is for --family binomial")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        path = outofcore.generate(folder, options.rows, options.columns, "npy")
        if options.task == "read":
            print(json.dumps(outofcore.read(path)))
        elif options.task == "fit":
            print(json.dumps(fit(path, options.family, options.tol, options.folds)))
        else:
            report(path, folder, options)


def target(y: np.ndarray, family: str) -> np.ndarray:
    """A class, an amount or a count that grows with y."""
    if family in ("binomial", "squared_hinge"):
        return (y > LEVEL) * 1.0
    if family == "multinomial":
        return np.digitize(y, (LEVEL - 2.0, LEVEL, LEVEL + 2.0)) * 1.0
    amounts = np.exp(np.clip(0.3 * (y - LEVEL), -3.0, 3.0))
    if family == "gamma":
        return amounts
    counts = np.floor(2.0 * amounts)
    return np.where(counts > 0.0, amounts, 0.0) if family == "tweedie" else counts


def source(path: Path, family: str) -> Any:
    """Rows with such a target."""
    import fastreg

    y = path.with_name(path.name.replace("X_", f"{family}_"))
    if not y.exists():
        np.save(y, target(np.load(outofcore._target(path)), family))
    return fastreg.read(path, y, memory=0)


def fit(path: Path, family: str, tol: float, folds: int) -> dict[str, Any]:
    """The path, machine code loaded before on a few rows."""
    import fastreg

    X, y = outofcore.block(0, 5, 2000)
    loss = FAMILIES[family]
    fastreg.path(fastreg.read([(X, target(y, family))]), family=loss, alphas=5)
    data, made = source(path, family), []

    def work() -> None:
        if folds:
            Cs = 1.0 / (np.geomspace(0.2, 2e-4, 100) * data.n_rows)
            model = fastreg.LogisticRegressionCV(Cs=Cs, l1_ratios=[1.0], cv=folds, tol=tol)
            made.append(model.fit(data))
        else:
            made.append(fastreg.path(data, family=loss, tol=tol))

    found = outofcore._timed(work)
    certificate = made[0].certificate_ if folds else made[0].certificate
    return found | {
        "reads": certificate.passes,
        "gap": float(certificate.relative_gap.max()),
        "chosen": float(made[0].C_) if folds else None,
    }


def compare(path: Path, family: str) -> float:
    """Largest difference of objectives between blocks and memory, of the first rows."""
    import fastreg

    X, y, loss = np.load(path, mmap_mode="r"), np.load(outofcore._target(path)), FAMILIES[family]
    X, y = np.array(X[: outofcore.COMPARED]), target(y[: outofcore.COMPARED], family)
    blocks = fastreg.path(fastreg.read(X, y, memory=0), family=loss, tol=1e-7)
    memory = fastreg.path(X, y, family=loss, alphas=blocks.alphas, tol=1e-7)
    return float(np.abs(blocks.certificate.objective - memory.certificate.objective).max())


def report(path: Path, folder: Path, options: Any) -> None:
    print(f"{path.name}: {path.stat().st_size / 1e9:.3g} GB", flush=True)
    source(path, options.family)
    apart = compare(path, options.family)
    print(f"first rows, blocks beside memory: objectives differ by {apart:.1e}", flush=True)
    found = {}
    for task in ("read", "fit"):
        outofcore.drop(path)
        found[task] = _run(task, folder, options)
    read, own = found["read"], found["fit"]
    print(
        f"one read from disk {read['seconds']:.2f} s; path of 100 to {options.tol:g}"
        f"{f', {options.folds} folds' if options.folds else ''}: {own['reads']} reads, "
        f"{own['seconds']:.1f} s, {own['seconds'] / read['seconds']:.1f} × the read; gap "
        f"{own['gap']:.1e}; peak {own['peak_mb']:.0f} MB, {own['before_mb']:.0f} before"
    )


def _run(task: str, folder: Path, options: Any) -> dict[str, Any]:
    """A task in a process of its own."""
    command = [
        sys.executable, "-m", "benchmarks.outofcore_losses", "--task", task, "--folder",
        str(folder), "--rows", str(options.rows), "--columns", str(options.columns), "--folds",
        str(options.folds), "--tol", str(options.tol), "--family", options.family,
    ]  # fmt: skip
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
