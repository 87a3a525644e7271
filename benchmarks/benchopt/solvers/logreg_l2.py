"""fastreg in benchopt's benchmark_logreg_l2: copy this file to its `solvers/fastreg.py`.

It minimises Σ log(1 + exp(−y_i(x_iᵀβ + b))) + ½ lmbd·‖β‖², with b last in β if there is one.
"""

import numpy as np
from benchopt import BaseSolver

import fastreg


class Solver(BaseSolver):
    """Newton steps with a certified gap."""

    name = "fastreg"
    requirements = ["pip::fastreg"]
    sampling_strategy = "tolerance"

    def set_objective(self, X, y, lmbd, fit_intercept=False):
        self.X, self.y = X, y
        self.model = fastreg.LogisticRegression(C=1.0 / lmbd, fit_intercept=fit_intercept)

    def warm_up(self):
        """Compile, or read compiled code from the disk, before the clock starts."""
        self.run(1.0)

    def run(self, tolerance):
        # benchopt asks for an infinite tolerance first.
        self.model.set_params(tol=min(tolerance, 1.0)).fit(self.X, self.y)

    def get_result(self):
        beta = self.model.coef_[0]
        if self.model.fit_intercept:
            beta = np.append(beta, self.model.intercept_)
        return {"beta": beta}
