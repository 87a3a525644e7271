"""Training fits from the rows of X, those held out of weight zero, and what they are worth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fastreg.certificate import held_out
from fastreg.certificate.held_out import Fold
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import Bounded
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.selection.fold_fits import Fits, Verdict, certain, mixed, verdict
from fastreg.selection.folds import Split
from fastreg.selection.relaxed import relax
from fastreg.solvers import approach, solve

Array = np.ndarray


def weights_of(split: Split, m: int, weights: Array | None) -> tuple[Array, Array]:
    """(m,) weights of the training rows and of the test rows of a split."""
    train, test = (np.bincount(rows, minlength=m) * 1.0 for rows in split)
    return (train, test) if weights is None else (train * weights, test * weights)


@dataclass(frozen=True, eq=False)
class RowFits(Fits):
    """The fits of one fold, of squares."""

    def verdict(self, strengths: Array, gamma: float | None) -> Verdict:
        """At descending strengths; where the quick way is not enough, by the one with a certificate
        of its own."""
        Y, objective = self.y[:, None], self.make(self.train, strengths)
        tol, limit = self.tol, self.max_iter
        problem, coef, _, claims = approach(self.X, Y, objective, tol=tol, max_iter=limit)
        found = self._judge(problem, objective, coef, gamma, claims)
        missed = np.flatnonzero(~found.met)
        if not len(missed):
            return found
        objective = dataclasses.replace(objective, strength=strengths[missed])
        better = solve(self.X, Y, objective, tol=tol, max_iter=limit)
        again = self._judge(problem, objective, better.coef, gamma)
        return found.with_points(missed, again)

    def _judge(
        self,
        problem: InMemoryProblem,
        objective: Objective,
        coef: Array,
        gamma: float | None,
        claims: Array | None = None,
    ) -> Verdict:
        fold = self._fold(problem)
        found = held_out.judge(fold, objective, coef, certain, self.tol, claims)
        mse, lost, move, gap, mean_square = found
        if gamma is not None:
            mse, lost, mean_square, free = self._relaxed(fold, coef, gamma)
            move = mixed(gamma, move, free)
        return verdict(mse, lost, move, gap, certain(mse, mean_square), self.tol)

    def _fold(self, problem: InMemoryProblem) -> Fold:
        """With the columns as the solver knows them."""
        return Fold(self.X, self.y, self.train, self.test, problem.columns)

    def _relaxed(self, fold: Fold, coef: Array, gamma: float) -> tuple[Array, Array, float, Array]:
        """(mse, lost, mean square of y, τε of the least squares fits) of relaxed fits."""
        plain = self.make(self.train, None)
        problem = standardise(self.X, self.y[:, None], plain)
        relaxed = relax(problem, coef, gamma).coefs
        mse, lost, mean_square = held_out.errors(fold, plain, relaxed)
        free = np.zeros(len(mse))
        used = np.flatnonzero(coef.any(axis=1))
        if gamma < 1.0 and len(used):
            own, lasso = (relaxed - gamma * coef)[used] / (1.0 - gamma), coef[used]
            for k in range(len(mse)):
                free[k] = self._free(fold, used, own[:, k], lasso[:, k] != 0.0)
        return mse, lost, mean_square, free

    def _free(self, fold: Fold, used: Array, coef: Array, support: Array) -> float:
        """τε of least squares on a support: a problem whose other coefficients are held at zero."""
        part = dataclasses.replace(
            fold, X=as_design(fold.X.matrix[:, used]), columns=fold.columns.of(used),
        )  # fmt: skip
        open_to = np.where(support, np.inf, 0.0)
        plain = self.make(self.train, None)
        objective = Objective(
            np.zeros((1, 1)), Bounded(np.zeros(len(used)), -open_to, open_to), self.train,
            plain.fit_intercept,
        )  # fmt: skip
        return float(held_out.judge(part, objective, coef[:, None], certain, 0.0).move[0])
