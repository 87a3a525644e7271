"""fastreg as a solver of benchopt's lasso benchmark: copy this file to its `solvers/`.

git clone https://github.com/benchopt/benchmark_lasso
cp docs/examples/benchopt_lasso.py benchmark_lasso/solvers/fastreg.py
benchopt run benchmark_lasso -s fastreg -s celer -s sklearn

That benchmark minimises ½‖y − Xβ − b‖² + lmbd·‖β‖₁, with b last in β if there is one.
"""

import numpy as np
from benchopt import BaseSolver

import fastreg


class Solver(BaseSolver):
    """An active set on the Gram matrix of the columns in use, with a certified gap."""

    name = "fastreg"
    requirements = ["pip::fastreg"]
    sampling_strategy = "tolerance"

    def set_objective(self, X, y, lmbd, fit_intercept):
        self.X, self.y, self.fit_intercept = X, y, fit_intercept
        self.model = fastreg.Lasso(alpha=lmbd / len(y), fit_intercept=fit_intercept)

    def warm_up(self):
        """Compiled code is read from the disk, or made."""
        self.run(1.0)

    def run(self, tolerance):
        # benchopt asks for an infinite tolerance first.
        self.model.set_params(tol=min(tolerance, 1.0)).fit(self.X, self.y)

    def get_result(self):
        beta = self.model.coef_
        return {"beta": np.append(beta, self.model.intercept_) if self.fit_intercept else beta}
