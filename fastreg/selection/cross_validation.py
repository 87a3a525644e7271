"""Cross-validation of paths: training fits at every strength, and their errors on held-out rows.

    error of fold f = Σ_{i in test f} w_i (y_i − b − x_iᵀθ)²/Σ w_i,  (b, θ) fitted to train f

| route | when | reads of X |
|---|---|---|
| moments | few columns beside rows, folds that are unions of cells | one for everything |
| rows | else | those of a path for each fold: rows held out have weight zero |

The error of a loss that is no square is its mean deviance (`loss_fits`).

X is never copied. On the first route a training set is the whole less its test cells, or the sum
of its own where too little would be left; the errors come from the moments of the test cells.
Every error has a bound (`fold_fits`); where the first route misses it, the second is taken.
"""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastreg import moments
from fastreg._jit import run_blocks, serial, single_threaded_blas
from fastreg.design import Design, nonfinite_message
from fastreg.moments import Moments
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.problems.from_moments import summarise
from fastreg.problems.in_memory import standardise
from fastreg.selection.choice import Errors
from fastreg.selection.class_fits import ClassFits
from fastreg.selection.fold_fits import Test, Verdict, from_moments, relaxed_from_moments
from fastreg.selection.folds import Cells, Split, cells, check_weights
from fastreg.selection.loss_fits import LossFits
from fastreg.selection.row_fits import RowFits, weights_of
from fastreg.selection.wide_ridges import WideRidge
from fastreg.solvers import follow, follow_quickly

Array = np.ndarray
_SMALL = 200  # columns, beside their moments, up to which folds are fitted one after the other
_FEW = 200_000  # entries of X up to which they are
_WIDEST = 2048  # columns up to which moments of every cell are kept
MakeObjective = Callable[[Array | None, Array | None], Objective]  # of (weights, strengths)
Seen = Callable[[int, Array, Array], None]  # of (fold, coef (n, K), intercept (K,))


class _Asked(NamedTuple):
    """What is fitted to every training set."""

    make: MakeObjective
    strengths: Array
    tol: float
    max_iter: int
    gamma: float | None
    seen: Seen | None = None
    wide: WideRidge | None = None


class Validation:
    """The data of one cross-validation: moments are gathered once for all l1_ratios."""

    def __init__(
        self,
        X: Design,
        y: Array,
        weights: Array | None,
        splits: Sequence[Split],
        centred: bool,
        widest: int | None = None,
        targets: Array | None = None,
        of_squares: bool = True,
    ) -> None:
        """`targets` (m, k) have their moments gathered in place of y's: see `of_targets`. Other
        losses than squares are not `of_squares`: no moments say what they are."""
        self.X, self.y, self.weights, self.centred = X, y, weights, centred
        self.n_splits, self.has_rows, self.of_squares = len(splits), True, of_squares
        self.parts: list[Moments] = []
        self.whole: Moments | None = None
        check_weights(weights, splits)
        m, n = X.shape
        self.cells = cells(splits, m)
        # Row numbers of k training sets are k vectors of m: cells say the same.
        self.splits = list(splits) if self.cells is None else []
        del splits
        few = n <= (widest or 0) or (n <= _WIDEST and m >= 2 * n)
        if self.cells is not None and few and of_squares:
            Y = y[:, None] if targets is None else targets
            self._gather(self.cells, Y, always=widest is not None)

    @classmethod
    def of_targets(
        cls, X: Design, Y: Array, splits: Sequence[Split], centred: bool
    ) -> list[Validation]:
        """One for each column of Y (m, k), from one read of X for the moments of all."""
        both, k = cls(X, Y[:, 0], None, splits, centred, targets=Y), Y.shape[1]
        out = []
        for t in range(k):
            own = copy.copy(both)
            own.y = Y[:, t]
            own.parts = [moments.of_target(part, t, k) for part in both.parts]
            own.whole = None if both.whole is None else moments.of_target(both.whole, t, k)
            out.append(own)
        return out

    @classmethod
    def of_moments(cls, parts: list[Moments], centred: bool) -> Validation:
        """Of the moments of each fold, without the rows."""
        self = cls.__new__(cls)
        self.weights, self.centred, self.splits, self.has_rows = None, centred, [], False
        self.of_squares = True
        self.parts, self.whole = parts, moments.total(parts)
        self.n_splits = len(parts)
        every = np.arange(len(parts))
        test = [every[f : f + 1] for f in every]
        self.cells = Cells(every, len(parts), [np.delete(every, f) for f in every], test)
        return self

    def split(self, f: int) -> Split:
        """Rows to train on, and to test on."""
        if self.cells is None:
            return self.splits[f]
        return self.cells.split(f)

    def training_weight(self, f: int) -> float:
        """Of the rows that fold f is fitted to."""
        if not self.has_rows:
            assert self.cells is not None
            return float(sum(self.parts[c].weight for c in self.cells.training[f]))
        if self.cells is not None and self.weights is None:
            sizes = np.bincount(self.cells.of_row, minlength=self.cells.count)
            return float(sizes[self.cells.training[f]].sum())
        train, _ = self.split(f)
        return float(len(train) if self.weights is None else self.weights[train].sum())

    def spread(self, f: int) -> tuple[float, int]:
        """Mean square of y about its mean over the test rows of fold f, and the count of these."""
        if not self.has_rows:
            assert self.cells is not None
            part = moments.total([self.parts[c] for c in self.cells.test[f]])
            square = float(part.scatter[-1, -1]) * float(part.frame.unit[-1]) ** 2
            return square / part.weight, part.count
        test = self.split(f)[1] if self.cells is None else self.cells.rows(self.cells.test[f])
        w = None if self.weights is None else self.weights[test]
        mean = np.average(self.y[test], weights=w)
        return float(np.average((self.y[test] - mean) ** 2, weights=w)), len(test)

    def _gather(self, found: Cells, Y: Array, always: bool) -> None:
        memory = 8 * (found.count + 3) * self.X.shape[1] ** 2
        if memory > 8 * max(self.X.nnz, 1 << 24) and not always:
            return
        frame = moments.Frame.of(self.X, Y, self.weights)
        with single_threaded_blas, np.errstate(over="ignore", invalid="ignore"):
            parts = moments.gather(self.X, Y, self.weights, found.of_row, found.count, frame)
            whole = moments.total(parts)
        if not np.isfinite(whole.scatter).all():
            message = nonfinite_message(self.X)
            if message:
                raise ValueError(message)
            return  # too large to be squared: the other route has units of its own
        if self.X.is_sparse and whole.is_far():
            return  # zeros that are not stored leave no origin to measure from
        self.parts, self.whole = parts, whole

    def largest(self, positive: bool = False) -> float:
        """max_j │Σ w x_j y│/Σ w about the means: the strength that holds all at zero; those that
        pull down count for nothing where coefficients must be positive."""
        blank = Objective(np.zeros((1, 1)), L1(0.0), self.weights, self.centred)
        if self.whole is not None:
            problem: Any = summarise(self.whole, blank)
        else:
            problem = standardise(self.X, self.y[:, None], blank)
        c, _ = problem.at_zero(0)
        live = ~problem.constant
        unit = float(problem.unit[0])
        slopes = c[live] if positive else np.abs(c[live])
        slopes = slopes / problem.scale[live] * unit
        return float(slopes.max(initial=0.0))

    def errors(
        self,
        make: MakeObjective,
        strengths: Array,
        tol: float,
        max_iter: int,
        *,
        gamma: float | None = None,
        tell: Callable[[], None] | None = None,
        seen: Seen | None = None,
    ) -> Errors:
        """Errors of every fold at descending strengths (K,), or (K, F) of their own in each, of
        relaxed fits unless `gamma` is None; `tell` is called after each, from any thread, and so is
        `seen`, with the fits of losses other than squares."""
        each = np.broadcast_to(
            strengths.reshape(len(strengths), -1), (len(strengths), self.n_splits)
        )
        out = [np.empty((len(strengths), self.n_splits)) for _ in range(3)]
        out.append(np.empty(out[0].shape, bool))
        wide = None
        if not self.of_squares and gamma is None and self.y.ndim == 1:
            wide = WideRidge.of(self.X, self.y, make(self.weights, each[:, 0]))

        def work(first: int, last: int) -> None:
            for f in range(first, last):
                asked = _Asked(make, each[:, f], tol, max_iter, gamma, seen, wide)
                for into, found in zip(out, self._fold(f, asked), strict=True):
                    into[:, f] = found
                if tell is not None:
                    tell()

        alone = serial() if self._is_small(wide) else contextlib.nullcontext()
        with single_threaded_blas, alone:
            run_blocks(work, self.n_splits, step=1)
        return Errors(*out)

    def _is_small(self, wide: WideRidge | None) -> bool:
        """Whether folds are so small that threads would wait for one another in the interpreter:
        2000 x 20 takes 42 ms on one and 76 on two."""
        if self.whole is not None:
            return len(self.whole.mean) <= _SMALL
        return (self.X if wide is None else wide.X).nnz <= _FEW

    def _fold(self, f: int, asked: _Asked) -> Verdict:
        """From moments where they are gathered; from rows where they are not, or not enough."""
        if self.whole is None:
            return self._by_rows(f, asked)
        found = self._by_moments(f, asked)
        missed = np.flatnonzero(~found.met)
        if not len(missed) or not self.has_rows:
            return found
        again = asked._replace(strengths=asked.strengths[missed])
        return found.with_points(missed, self._by_rows(f, again))

    def _by_moments(self, f: int, asked: _Asked) -> Verdict:
        assert self.cells is not None and self.whole is not None
        left_out = np.setdiff1d(np.arange(self.cells.count), self.cells.training[f])
        training = moments.without(self.parts, self.whole, left_out)
        test = moments.total([self.parts[c] for c in self.cells.test[f]])
        problem = summarise(training, asked.make(None, asked.strengths))
        held_out = Test.of(test, training, problem)

        def judge(coef: Array) -> Verdict:
            if asked.gamma is None:
                return from_moments(problem, coef, held_out, asked.tol)
            plain = summarise(training, asked.make(None, None))
            return relaxed_from_moments(plain, problem, coef, asked.gamma, held_out, asked.tol)

        coef = follow_quickly(problem, asked.tol, asked.max_iter)
        if coef is not None:
            found = judge(coef)
            if (found.gap <= asked.tol).all():
                return found
        return judge(follow(problem, asked.tol, asked.max_iter)[0])

    def _by_rows(self, f: int, asked: _Asked) -> Verdict:
        train, test = weights_of(self.split(f), len(self.y), self.weights)
        if self.of_squares:
            data = (self.X, self.y, train, test, asked.make, asked.tol, asked.max_iter)
            return RowFits(*data).verdict(asked.strengths, asked.gamma)
        found = None
        if asked.wide is not None:
            found = self._of_loss(f, asked, train, test, asked.wide)
        if found is None or not found.met.all():
            found = self._of_loss(f, asked, train, test, None)
        return found

    def _of_loss(
        self, f: int, asked: _Asked, train: Array, test: Array, wide: WideRidge | None
    ) -> Verdict:
        """Of a loss that is no square, to X or in the columns of a wide ridge."""
        X, make = (self.X, asked.make) if wide is None else (wide.X, wide.maker(asked.make))
        seen = None if asked.seen is None else functools.partial(asked.seen, f)
        kind = ClassFits if self.y.ndim == 2 else LossFits
        fits = kind(X, self.y, train, test, make, asked.tol, asked.max_iter, seen=seen, wide=wide)
        return fits.verdict(asked.strengths, asked.gamma)
