"""The roofline of sparse kernels on real matrices, repeated to 50 million entries.

    python -m benchmarks.text FOLDER [NAME …]

reads every `.npz` file in FOLDER, or those named, that holds a CSR matrix as scipy's `save_npz`
writes it (`data`, `indices`, `indptr`, `shape`), and prints the table of `benchmarks.roofline`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks import roofline
from fastreg.design import as_design
from fastreg.kernels import rows

ENTRIES = 50_000_000
ROUNDS = 7


def load(path: Path) -> Any:
    """The CSR matrix of a file in float64, None if it holds none."""
    with np.load(path, allow_pickle=False) as file:
        if not {"data", "indices", "indptr", "shape"} <= set(file.files):
            return None
        parts = file["data"].astype(np.float64), file["indices"], file["indptr"]
        return scipy.sparse.csr_array(parts, shape=tuple(int(n) for n in file["shape"]))


def repeated(X: Any, entries: int) -> Any:
    """X below itself until it has `entries` entries, with 32-bit indices."""
    times = max(1, -(-entries // X.nnz))
    indptr = np.concatenate(
        [X.indptr[:-1] + np.int64(k) * X.nnz for k in range(times)] + [[np.int64(times) * X.nnz]]
    )
    indices = np.tile(X.indices.astype(np.int32), times)
    shape = (times * X.shape[0], X.shape[1])
    return scipy.sparse.csr_array((np.tile(X.data, times), indices, indptr), shape=shape)


def problem(X: Any) -> roofline.Problem:
    """Vectors beside X, and room for results."""
    m, n = X.shape
    kept = as_design(X).storage
    rng = np.random.default_rng(0)
    y, theta = rng.standard_normal(m), rng.standard_normal(n)
    room = np.empty(m), np.empty(n)
    return roofline.Problem(X, kept, y, theta, y, theta, *room, np.arange(n), rows.Workspace(kept))


def bounds(name: str, X: Any) -> list[roofline.Bound]:
    """Gradient, Xᵀr and Xθ of a CSR and a CSC."""
    out = []
    for storage in ("CSR", "CSC"):
        data = problem(X if storage == "CSR" else X.tocsc())
        for kernel in ("gradient", "project", "predict"):
            _, run, reference, cost = roofline.KERNELS[kernel]
            title = f"{kernel} {storage} {name} {X.nnz / 1e6:.0f} M"
            out.append(
                roofline.Bound(
                    case=title,
                    name=title,
                    kernel=kernel,
                    storage=storage,
                    dtype="float64",
                    shape=X.shape,
                    make=lambda data=data: data,
                    run=run,
                    reference=reference,
                    **dict(zip(("bytes", "flops"), cost(_extent(X)), strict=True)),
                )
            )
    return out


def _extent(X: Any) -> roofline.Extent:
    return roofline.Extent(*X.shape, X.nnz, 12 * X.nnz)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="files without .npz, all if none")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args(argv)
    names = chosen.names or sorted(path.stem for path in chosen.folder.glob("*.npz"))
    print(roofline.header())
    for name in names:
        X = load(chosen.folder / f"{name}.npz")
        if X is None:
            continue
        for bound in bounds(name, repeated(X, chosen.entries)):
            print(roofline.line(roofline.measure(bound, chosen.rounds)), flush=True)


if __name__ == "__main__":
    main()
