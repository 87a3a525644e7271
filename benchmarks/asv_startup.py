"""For asv: what a user waits for before the first answer, each in a fresh process."""

from __future__ import annotations

import functools
import subprocess
import sys

# Timed with the import of fastreg; this is not.
DATA = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.standard_normal((200, 5))
y = X.sum(axis=1) + rng.standard_normal(200)
counts, classes = rng.poisson(1.0, 200), rng.integers(4, size=200)
amounts = rng.gamma(2.0, size=200)
"""

FIRST = {
    "gradient": "fastreg.gradient(X, y, X[0], 0.1)",
    "Ridge": "fastreg.Ridge().fit(X, y)",
    "Lasso": "fastreg.Lasso(alpha=0.01).fit(X, y)",
    "LogisticRegression": "fastreg.LogisticRegression().fit(X, y > 0)",
    "LogisticRegression, classes": "fastreg.LogisticRegression().fit(X, classes)",
    "LinearSVC": "fastreg.LinearSVC().fit(X, y > 0)",
    "PoissonRegressor": "fastreg.PoissonRegressor().fit(X, counts)",
    "GammaRegressor": "fastreg.GammaRegressor().fit(X, amounts)",
    "TweedieRegressor": "fastreg.TweedieRegressor(power=1.5).fit(X, counts * amounts)",
    "NegativeBinomialRegressor": "fastreg.NegativeBinomialRegressor().fit(X, counts)",
}

COLD = """
import os, tempfile
directory = tempfile.TemporaryDirectory()
os.environ["NUMBA_CACHE_DIR"] = directory.name
"""


@functools.cache
def fill_cache(call: str) -> None:
    """Run a first fit where the package keeps its machine code by default."""
    subprocess.run([sys.executable, "-c", f"{DATA}import fastreg\n{FIRST[call]}"], check=True)


class Import:
    params = ("numpy", "fastreg", "fastreg.kernels", "fastreg.linear_model")
    param_names = ("module",)

    def timeraw_import(self, module):
        return f"import {module}"


class FirstFit:
    params = tuple(FIRST)
    param_names = ("call",)
    number = 1
    repeat = (2, 5, 60.0)
    timeout = 300

    def setup(self, call):
        fill_cache(call)

    def timeraw_first_fit_cached(self, call):
        return f"import fastreg\n{FIRST[call]}", DATA

    def timeraw_first_fit_cold(self, call):
        return f"{COLD}import fastreg\n{FIRST[call]}", DATA
