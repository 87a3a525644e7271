"""Attack on bounds of the deviances of folds, of classes and counts, before an 80-bit judge.

    python -m tests.choices_of_losses --count 5000 --seed 1

A problem of `tests.smooth` is split into rows to train on and rows to test on, and fitted to gaps
from 1e-3 to none. The judge goes to the minimum by Newton's method, on the columns that are in use
there. A deviance outside of its bound is a fault.
"""

from __future__ import annotations

import argparse
import dataclasses
import warnings

import numpy as np

import fastreg
from fastreg.certificate import held_out, held_out_losses
from fastreg.certificate import losses as certified
from fastreg.design import as_design
from fastreg.objectives import check_target
from fastreg.problems.in_memory import standardise
from fastreg.problems.smooth import smooth as smooth_problem
from fastreg.solvers import solve
from tests import smooth
from tests.choices import LD, SILENT, Outcome, back, forward, qr, run


def losses(seed: int) -> Outcome | None:
    """Fits of classes and counts to a training set, from far off to as near as they get."""
    rng = np.random.default_rng([seed, 4])
    given, y, options = smooth.draw(rng)
    X, m = as_design(given), len(y)
    weights = options.get("sample_weight")
    w = np.ones(m) if weights is None else np.asarray(weights, float)
    test = rng.random(m) < rng.choice([0.1, 0.3, 0.5])
    train, test = w * ~test, w * test
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            path = fastreg.path(given, y, alphas=3, eps=10.0 ** rng.uniform(-4, -1), **options)
            if not train.any():
                return None
            objective = dataclasses.replace(path.data.objective, weights=train)
            check_target(objective, y)
            smooth_problem(X, y, objective)
        except ValueError:  # no training set, or an offset that leaves float64
            return None
        if not test.any():
            return None
        out = Outcome(seed, f"{options['family']} {options['l1_ratio']}", 0.0, 0.0, True)
        for alpha in path.alphas:
            _judge_loss(out, X, y, dataclasses.replace(objective, strength=np.array([alpha])), test)
    return out if out.judged else None


def _judge_loss(out: Outcome, X, y, objective, test) -> None:
    judge = smooth.Judge(X.matrix, y, objective, objective.strength[0])
    fits = [
        solve(X, y[:, None], objective, tol=tol, max_iter=1000) for tol in (0.0, 1e-3, 1e-6, 1e-9)
    ]
    best = _polished(judge, fits[0].coef[:, 0], fits[0].intercept[0])
    if best is None:
        return
    seen = test > 0
    own = LD(2) * test[seen] / test.sum()
    columns = standardise(
        X, np.zeros((len(y), 1)), dataclasses.replace(objective, offset=None)
    ).columns
    fold = held_out.Fold(X, y, objective.weights, test, columns)

    def deviance(beta, b):
        offset = 0 if objective.offset is None else judge.offset[seen]
        z = offset + b + judge.X[seen] @ beta
        loss = judge.of(z, judge.y[seen])[0]
        least = certified.saturated(objective.loss, y[seen, None])[:, 0]
        return own @ (loss - least)

    truth = deviance(*best)
    for fit in fits:
        coef, b = fit.coef, fit.intercept
        bound = held_out_losses.bounds(fold, objective, coef, b, np.arange(1))[0]
        off = abs(deviance(coef[:, 0].astype(LD), LD(b[0])) - truth)
        out.judged += 1
        size = float(abs(truth)) + 1e-300
        if fit is fits[0]:
            out.bound, out.error = max(out.bound, bound / size), max(out.error, float(off) / size)
            out.met &= bool(bound <= SILENT * size)
        if off > bound * (1 + 1e-9) + LD(1e-13) * LD(1 + size):
            out.fault = f"outside its bound: off by {float(off):.1e}, bound {bound:.1e}"


def _polished(judge, beta, b):
    """(β, b) of the minimum, by Newton's method in 80 bits on the coefficients that are free; None
    if these are others there, or nobody knows."""
    beta, b = beta.astype(LD), LD(b)
    free = np.flatnonzero((beta != 0) & (beta > judge.low) & (beta < judge.high))
    signs = np.sign(beta)
    for _ in range(60):
        u, h = judge.derivatives(beta, b)
        root = np.sqrt(judge.w * h)
        A = root[:, None] * judge.X[:, free]
        g = (judge.w * u) @ judge.X[:, free] + judge.l1[free] * signs[free]
        g, ridge = g + judge.l2[free] * beta[free], judge.l2[free]
        if judge.intercept:
            A, g = np.column_stack([A, root]), np.append(g, judge.w @ u)
            ridge = np.append(ridge, LD(0))
        if not len(g):
            break
        _, R = qr(np.vstack([A, np.diag(np.sqrt(ridge))]))
        size = np.abs(np.diag(R))
        if not size.min() > 1e-9 * size.max():
            return None
        step = -back(R, forward(R, g))
        if not np.isfinite(step).all() or np.abs(step).max() > 1e3 * (1 + np.abs(beta).max()):
            return None
        beta[free] += step[: len(free)]
        b += step[-1] if judge.intercept else 0
        if np.abs(step).max() <= 1e-18 * (abs(b) + np.abs(beta).max()):
            break
    else:
        return None
    u, _ = judge.derivatives(beta, b)
    c = -(judge.w * u) @ judge.X - judge.l2 * beta
    held = beta == 0
    inside = (c <= judge.l1 + np.where(judge.high == 0, np.inf, 0)) & (
        c >= -judge.l1 - np.where(judge.low == 0, np.inf, 0)
    )
    pushed = np.where(beta > 0, c - judge.l1, -c - judge.l1)
    ends = ~held & ~np.isin(np.arange(len(beta)), free)
    right = (np.sign(beta) == signs).all() and inside[held].all() and (pushed[ends] >= 0).all()
    return (beta, b) if right else None


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    return run(parser, lambda options: losses, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
