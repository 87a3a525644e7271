"""glmnet, in an R process that reads the data once and measures its own time."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

Array = np.ndarray
SCRIPT = Path(__file__).with_name("glmnet.R")
_VERSION = 'if (requireNamespace("{0}", quietly=TRUE)) cat(format(packageVersion("{0}")))'


@functools.cache
def version(package: str = "glmnet") -> str | None:
    """Version of an R package, None without R or without the package."""
    if shutil.which("Rscript") is None:
        return None
    done = subprocess.run(
        ["Rscript", "-e", _VERSION.format(package)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


class Fit(NamedTuple):
    """seconds inside R, coefs (n, K)."""

    seconds: float
    coefs: Array


class Server:
    """R with X (m, n), dense or CSC, y (m,), α (K,) and a method.

    That is "naive" or "covariance" for "gaussian", "Newton" or "modified.Newton" for "binomial",
    and without use for "poisson", "gamma", "tweedie", which has power 1.5, and "multinomial". y of
    that is classes, and its coefficients (targets·n, K) stand class by class. Starts at once, and
    anew with the first fit after one that was interrupted.
    """

    def __init__(
        self,
        X: Any,
        y: Array,
        alphas: Array,
        intercept: bool,
        method: str,
        *,
        family: str = "gaussian",
        l1_ratio: float = 1.0,
        weights: Array | None = None,
        targets: int = 1,
    ):
        self._width = X.shape[1] * targets
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="glmnet")
        sparse = scipy.sparse.issparse(X)
        self._write("y", y)
        self._write("lambda", alphas)
        self._write("weights", np.ones(len(y)) if weights is None else weights)
        if sparse:
            self._write("i", X.indices, np.int32)
            self._write("p", X.indptr, np.int32)
        self._write("x", X.data if sparse else X.T)  # R is column-major
        header = (*X.shape, X.nnz if sparse else -1, len(alphas), int(intercept))
        header += (method, family, l1_ratio)
        self._path("header").write_text(" ".join(map(str, header)), encoding="utf-8")
        self._start()

    def fit(self, thresh: float) -> Fit:
        try:
            if self._process is None:
                self._start()
            columns = self._ask(f"{thresh:.17g}\n", "fit")
        except BaseException:  # also when time is up: R would still be at work
            self._stop()
            raise
        return Fit(float(columns[0]), self._coefs(int(columns[1]), int(columns[2])))

    def close(self) -> None:
        self._stop()
        self._folder.cleanup()

    def _start(self) -> None:
        with open(self._path("messages"), "w", encoding="utf-8") as messages:
            self._process = subprocess.Popen(
                ["Rscript", "--vanilla", str(SCRIPT), self._folder.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
            )
        self._ask("", "ready")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, line: str, answer: str) -> list[str]:
        """The words after `answer`."""
        assert self._process is not None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()
        word, *rest = self._process.stdout.readline().split() or [""]
        if word != answer:
            said = self._path("messages").read_text(encoding="utf-8").split("\n")
            raise RuntimeError(f"R ended without an answer: {' '.join(said).strip()}")
        return rest

    def _coefs(self, columns: int, entries: int) -> Array:
        with open(self._path("beta"), "rb") as file:
            indptr = np.fromfile(file, np.int32, columns + 1)
            indices = np.fromfile(file, np.int32, entries)
            values = np.fromfile(file, np.float64, entries)
        shape = (self._width, columns)
        return scipy.sparse.csc_array((values, indices, indptr), shape=shape).toarray()

    def _path(self, name: str) -> Path:
        return Path(self._folder.name, name)

    def _write(self, name: str, values: Array, dtype: type = np.float64) -> None:
        np.ascontiguousarray(values, dtype).tofile(self._path(name))
