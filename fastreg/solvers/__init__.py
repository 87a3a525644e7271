"""One algorithm a file; `registry` says who solves what.

`descent` is the article's gradient descent, for its own sake.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import single_threaded_blas
from fastreg.certificate import (
    PER_POINT,
    Certificate,
    certify,
    certify_moments,
    certify_source,
)
from fastreg.design import Design
from fastreg.grids import Grid
from fastreg.losses import traits
from fastreg.moments import Moments
from fastreg.objectives import Objective
from fastreg.penalties import is_zero
from fastreg.problems import streamed
from fastreg.problems.from_moments import summarise
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.solvers import (
    conjugate_gradient,
    proximal_gradient,
    ridge,
    small,
    spectrum,
    working_set,
)
from fastreg.solvers.registry import DIRECT, FACTORISATIONS, METHODS, select_solver
from fastreg.solvers.solution import Solution
from fastreg.solvers.working_set import Progress
from fastreg.sources.blocks import Source

Array = np.ndarray
_ITERATIVE = 1500  # side of the least matrix that conjugate gradients may spare
_SPARSE_ITERATIVE = 400  # of a sparse X, whose passes cost next to nothing
_FLOPS, _ENTRY, _CALL = 1e11, 4e-9, 2e-4  # of a factorisation a second; seconds of a sparse pass
_PRECISE, _SHARPER = 1e-12, (1e-2, 1e-4)  # least aim of Newton's method, and shares of it
_RUNAWAY = 1e100  # of a coefficient in units near 1
_LOST = 1e-6  # of the null objective, by which an answer may be worse than none
_SURE = 1e-8  # of the objective, to which a ridge from moments is trusted
_EXACT = 1e-11  # of the objective, to which they then go: as near as a factorisation


def solve(
    X: Design,
    Y: Array,
    objective: Objective,
    *,
    tol: float,
    max_iter: int | None = None,
    start: Array | None = None,
    method: str = "auto",
    grid: Grid | None = None,
    progress: Progress | None = None,
) -> Solution:
    """Minimise the objective of `fastreg.certificate` at each of its points, and certify it.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k) finite float64, or (m, 1) for k strengths of one target, best descending; (m, K)
        shares of a loss of K outputs, whose offset is (m, K)
    objective : penalties, weights, intercept
    tol : relative duality gap to reach
    max_iter : epochs or steps at most, None for 1000
    start : (n, k) coefficients to start from, (n, K, k) of K outputs, None for zero
    method : one of METHODS
    grid : Grid of strengths to choose instead of those of `objective`, or None
    progress : called with (points done, points in all) along a path, or None

    Raises
    ------
    ValueError
        X contains NaN or infinity, or its units or those of y leave float64.
    """
    objective = objective.counted()
    chosen, method = method, select_solver(objective, X.shape, method)
    max_iter = 1000 if max_iter is None else max_iter
    if chosen == "auto" and start is None and grid is None and small.suits(X, Y, objective):
        answer = small.solve(X, Y, objective, tol, max_iter)
        if answer is not None:
            return _of_one(answer, objective)
    if method == "proximal Newton":
        from fastreg.solvers import by_tangents  # not part of a first fit

        several = traits(objective.loss).outputs > 1
        if several or _has_gram(objective, X.shape):
            try:
                return by_tangents.solve(X, Y, objective, tol, max_iter, start, grid, progress)
            except working_set.TooManyError:
                if several:
                    raise ValueError(
                        f"more than {working_set.MOST} coefficients of several classes differ from "
                        "zero: take a stronger penalty, or a ridge"
                    ) from None
        return _by_newton(X, Y, objective, tol, max_iter, start, grid, progress)
    with single_threaded_blas:  # once for all: bits must not depend on other fits
        # Ridge terms count for the size of a column once their strength is known.
        known = objective if grid is None else dataclasses.replace(objective, l2=np.zeros((1, 1)))
        problem = standardise(X, Y, known)
        if grid is not None:
            problem = dataclasses.replace(problem, objective=objective)
            problem = _on_grid(problem, grid, tol, max_iter)
            objective = problem.objective
        start = None if start is None else problem.scaled(start)
        # A Gram or a kernel matrix answers without another read of X, and nearly always to the
        # last digit that matters; where the certificate says no, X is asked.
        for by_gram in (True, False) if _is_whole(problem, method) else (False,):
            found = _minimise(problem, method, start, tol, max_iter, by_gram, progress)
            coef, intercept = problem.unscale(found.beta)
            intercept = intercept if found.intercept is None else found.intercept
            certificate = _certified(problem, coef, intercept, found, tol)
            if certificate.converged or found.n_iter >= max_iter:
                break
            start = problem.scaled(coef)
        lost = certificate.objective > certificate.null * (1.0 + _LOST)
        if np.any(lost):  # rounding has had its way with them: the null model is better
            coef[:, lost], intercept[lost] = 0.0, problem.mean[lost]
            certificate = _certified(problem, coef, intercept, found._replace(claims=None), tol)
    strengths = np.ones(problem.n_points) if objective.strength is None else objective.strength
    exhausted = method not in FACTORISATIONS and found.n_iter >= max_iter
    return Solution(coef, intercept, strengths, certificate, found.n_iter, exhausted)


def _of_one(answer: small.Answer, objective: Objective) -> Solution:
    """The solution of a single point."""
    strengths = np.ones(1) if objective.strength is None else objective.strength
    coef, intercept = answer.coef[:, None], np.array([answer.intercept])
    return Solution(coef, intercept, strengths, answer.certificate, answer.steps, False)


def _has_gram(objective: Objective, shape: tuple[int, int]) -> bool:
    """Whether the Gram matrix of the columns in use, or of the rows, fits."""
    return not is_zero(objective.penalty) or min(shape) <= DIRECT


def _by_newton(
    X: Design, Y: Array, objective: Objective, tol: float, max_iter: int, start: Array | None,
    grid: Grid | None, progress: Progress | None,
) -> Solution:  # fmt: skip
    """A path of `proximal_newton`, each point from the one before; sharper where the certificate
    says that this is not enough."""
    from fastreg.solvers.proximal_newton import ProximalNewton  # not part of a first fit

    def inner(own: Objective, t: Array, beta: Array, aim: float) -> tuple[Array, float, int]:
        problem, coef, intercept, _ = approach(
            X, t[:, None], own, tol=aim, max_iter=max_iter, start=beta
        )
        return coef[:, 0], float(intercept[0]), problem.passes

    with single_threaded_blas:
        newton = ProximalNewton(X, np.ascontiguousarray(Y[:, 0]), objective, inner)
        strengths = np.ones(1) if objective.strength is None else objective.strength
        if grid is not None:
            strengths = grid.below(newton.critical_strength(grid.gauge, _PRECISE, max_iter))
        objective = dataclasses.replace(objective, strength=strengths)
        problem = standardise(X, Y, dataclasses.replace(objective, offset=None))
        states, steps = [], np.zeros(len(strengths), int)
        state = newton.null if start is None else newton.state(start[:, 0])
        for t, strength in enumerate(strengths):
            before = newton.steps
            state = newton.run(float(strength), state, tol, max_iter)
            states.append(state)
            steps[t] = newton.steps - before
            if progress is not None:
                progress(t + 1, len(strengths))
        for share in (*_SHARPER, None):
            coef = np.asfortranarray(np.column_stack([each.beta for each in states]))
            intercept = np.array([each.intercept for each in states])
            certificate = certify(
                X, Y, coef, intercept, objective, tol=tol, method="proximal Newton",
                passes=newton.passes + problem.passes, columns=problem.columns,
            )  # fmt: skip
            if certificate.converged or share is None or steps.max() >= max_iter:
                break
            for t in map(int, np.flatnonzero(certificate.relative_gap > tol)):
                before, aim = newton.steps, max(tol, _PRECISE) * share
                states[t] = newton.run(float(strengths[t]), states[t], aim, max_iter)
                steps[t] += newton.steps - before
    most = int(steps.max())
    return Solution(coef, intercept, strengths, certificate, most, most >= max_iter)


def _is_whole(problem: InMemoryProblem, method: str) -> bool:
    """Whether one matrix of products may answer at all points."""
    if method == "direct":
        return spectrum.suits(problem)
    return method == "working set" and working_set.is_whole(problem)


def follow(problem: QuadraticProblem, tol: float, max_iter: int) -> tuple[Array, Array]:
    """coef (n, k), intercept (k,) at descending strengths from a Gram matrix alone, to a gap that
    it gives itself."""
    beta, is_exact = _swept(problem, tol, max_iter)
    if beta is None or not (is_exact or working_set.is_met(problem, beta, tol)):
        beta = np.zeros((problem.n_features, problem.n_points), order="F")
        working_set.solve(problem, working_set.WorkingSet(problem), beta, tol, max_iter)
    return problem.unscale(_tamed(beta))


def follow_quickly(problem: QuadraticProblem, tol: float, max_iter: int) -> Array | None:
    """coef (n, k) of `follow` before anybody has looked at the gaps, for a caller who does; None
    where columns are too many."""
    beta, _ = _swept(problem, tol, max_iter)
    return None if beta is None else problem.unscale(_tamed(beta))[0]


def _swept(problem: QuadraticProblem, tol: float, max_iter: int) -> tuple[Array | None, bool]:
    """(β (n, k) from one go through the strengths, None where columns are too many; whether it is
    in closed form)."""
    beta = np.zeros((problem.n_features, problem.n_points), order="F")
    if is_zero(problem.objective.penalty) and spectrum.solve(problem, beta):
        return beta, True
    if problem.n_features > 2 * working_set.WHOLE:
        return None, False
    working_set.sweep(problem, beta, tol, max_iter)
    return beta, False


def approach(
    X: Design,
    Y: Array,
    objective: Objective,
    *,
    tol: float,
    max_iter: int | None = None,
    start: Array | None = None,
) -> tuple[InMemoryProblem, Array, Array, Array | None]:
    """(problem, coef (n, k), intercept (k,), claims): `solve` to a gap that the solver gives
    itself, without a certificate: for the folds of a cross-validation, which have one of their own
    that may want the correlations that it claims (n, k), or None."""
    with single_threaded_blas:
        problem = standardise(X, Y, objective)
        method = select_solver(objective, X.shape)
        limit = 1000 if max_iter is None else max_iter
        begin = None if start is None else problem.scaled(start[:, None])
        found = _minimise(problem, method, begin, tol, limit, _is_whole(problem, method), None)
        coef, intercept = problem.unscale(found.beta)
        intercept = intercept if found.intercept is None else found.intercept
        return problem, coef, intercept, found.claims


def solve_moments(
    moments: Moments,
    objective: Objective,
    *,
    tol: float,
    max_iter: int | None = None,
    target: int = 0,
    n_targets: int = 1,
    passes: int = 0,
) -> Solution:
    """Minimise from moments alone, for one of their targets, and certify: as far as they are what
    they say they are.

    Parameters
    ----------
    objective : with weights of None: the moments have them
    passes : reads of X that the moments took
    """
    with single_threaded_blas:
        problem = summarise(moments, objective, target, n_targets)
        coef, intercept = follow(problem, tol, 1000 if max_iter is None else max_iter)
        strengths = np.ones(problem.n_points) if objective.strength is None else objective.strength
        certificate = certify_moments(
            problem.products,
            problem.start,
            problem.square,
            problem.scaled(coef),
            problem.base_ridge(0),
            problem.base_penalty(0),
            strengths,
            unit=float(problem.unit[0]),
            tol=tol,
            passes=passes,
        )
    return Solution(coef, intercept, strengths, certificate, 1, False)


def solve_source(
    source: Source, objective: Objective, *, tol: float, max_iter: int | None = None,
    grid: Grid | None = None,
) -> Solution:  # fmt: skip
    """Minimise by reads of a source, each target by itself, and certify in one more read.

    Parameters
    ----------
    objective : with weights of None: the source has them
    """
    limit = 1000 if max_iter is None else max_iter
    if not traits(objective.loss).quadratic:
        from fastreg.solvers.source_of_loss import validate  # not part of a first fit

        return validate(source, objective, tol, limit, grid).solution
    method = "conjugate gradients" if is_zero(objective.penalty) else "working set"
    with single_threaded_blas:
        problem = streamed.standardise(source, objective)
        found = _minimise(problem, method, None, tol, limit, False, None)
        coef, intercept = problem.unscale(found.beta)
        certificate = certify_source(
            source,
            coef,
            intercept,
            objective,
            tol=tol,
            method=f"{found.name}, blocks",
            passes=problem.passes,
            mean=problem.means,
            unit=problem.units,
            columns=problem.columns,
        )
    strengths = np.ones(problem.n_points) if objective.strength is None else objective.strength
    return Solution(coef, intercept, strengths, certificate, found.n_iter, found.n_iter >= limit)


def together(solutions: list[Solution]) -> Solution:
    """The solutions of several targets as one."""
    if len(solutions) == 1:
        return solutions[0]
    joined: dict[str, Any] = {}
    for name in PER_POINT:
        joined[name] = np.concatenate([getattr(each.certificate, name) for each in solutions])
    for name, some in (("converged", all), ("by_kkt", any)):
        joined[name] = some(getattr(each.certificate, name) for each in solutions)
    return Solution(
        np.hstack([each.coef for each in solutions]),
        np.concatenate([each.intercept for each in solutions]),
        np.concatenate([each.strength for each in solutions]),
        dataclasses.replace(solutions[0].certificate, **joined),
        max(each.n_iter for each in solutions),
        any(each.exhausted for each in solutions),
    )


def confirm(
    X: Design,
    Y: Array,
    objective: Objective,
    problem: QuadraticProblem,
    coef: Array,
    intercept: Array,
    *,
    tol: float,
    max_iter: int | None = None,
) -> Solution:
    """The certificate of an answer found from moments, in one read of X; solved again from there
    where that is not enough."""
    certificate = certify(
        X,
        Y,
        coef,
        intercept,
        objective,
        tol=tol,
        method="moments",
        passes=getattr(problem, "passes", 1),  # one to gather moments
        columns=problem.columns,
    )
    strengths = np.ones(coef.shape[1]) if objective.strength is None else objective.strength
    found = Solution(coef, intercept, strengths, certificate, 1, False)
    if certificate.converged and (not is_zero(objective.penalty) or _is_exact(certificate)):
        return found
    again = solve(X, Y, objective, tol=tol, max_iter=max_iter, start=coef)
    return again if again.certificate.converged or not certificate.converged else found


def _is_exact(certificate: Certificate) -> bool:
    """Whether an answer is as near the minimum as a factorisation goes, however small that is
    beside the null objective."""
    return not certificate.by_kkt and bool(np.all(certificate.gap <= _SURE * certificate.objective))


def _certified(
    problem: InMemoryProblem, coef: Array, intercept: Array, found: _Found, tol: float
) -> Certificate:
    return certify(
        problem.X, problem.target, coef, intercept, problem.objective, tol=tol, method=found.name,
        passes=problem.passes, columns=problem.columns, claims=found.claims,
    )  # fmt: skip


class _Found(NamedTuple):
    """β (n, k) in the problem's units, the intercept in the user's if it was refined."""

    beta: Array
    intercept: Array | None
    n_iter: int
    name: str
    claims: Array | None = None  # (n, k) correlations of X' with r in the user's units


def _minimise(
    problem: Any,
    method: str,
    start: Array | None,
    tol: float,
    max_iter: int,
    by_gram: bool,
    progress: Progress | None,
) -> _Found:
    beta = np.zeros((problem.n_features, problem.n_points), order="F")
    if start is not None:
        beta[:] = start
    if method == "conjugate gradients":
        steps, _ = conjugate_gradient.solve(problem, beta, tol, max_iter, exact=tol)
        return _Found(beta, None, steps, method)
    if method == "direct" and by_gram and spectrum.solve(problem, beta):
        claims = spectrum.claims(problem, beta)
        return _Found(beta, None, 1, "eigendecomposition for all strengths", claims)
    if method == "direct":
        return _ridge(problem, beta, tol)
    if method == "proximal gradient":
        return _Found(beta, None, proximal_gradient.solve(problem, beta, tol, max_iter), method)
    if method != "working set":
        return _Found(*ridge.solve(problem, method))
    if by_gram and start is None and working_set.is_at_once(problem):
        steps = working_set.sweep(problem, beta, tol, max_iter)
        return _Found(_tamed(beta), None, steps, "working set, coordinate and Newton steps")
    working = working_set.WorkingSet(problem)
    try:
        many = problem.n_targets == 1 and problem.n_points >= working_set.MANY
        claims = np.zeros(beta.shape, order="F") if many else None
        steps = working_set.solve(
            problem,
            working,
            beta,
            tol,
            max_iter,
            by_gram=by_gram,
            claims=claims,
            progress=progress,
        )
    except working_set.TooManyError:
        steps = proximal_gradient.solve(problem, beta, tol, max_iter)
        return _Found(beta, None, steps, "working set, then proximal gradient")
    beta = _tamed(beta)
    return _Found(beta, None, steps, "working set, coordinate and Newton steps", claims)


def _tamed(beta: Array) -> Array:
    """β with zero in place of points that ran away along a direction that rounding of a Gram matrix
    made flat: in units near 1 no answer is as large."""
    with np.errstate(invalid="ignore"):
        size = np.maximum(beta.max(axis=0, initial=0.0), -beta.min(axis=0, initial=0.0))
        beta[:, ~(size < _RUNAWAY)] = 0.0
    return beta


def _ridge(problem: InMemoryProblem, beta: Array, tol: float) -> _Found:
    """Ridge: conjugate gradients where they take less time than a factorisation."""
    steps = _worth(problem)
    if steps and problem.n_points == 1 and problem.objective.ridges().all():
        used, reached = conjugate_gradient.solve(
            problem, beta, tol, steps, exact=_EXACT, patient=False
        )
        if reached:
            return _Found(beta, None, used, "conjugate gradients")
    return _Found(*ridge.solve(problem, "auto"))


def _worth(problem: InMemoryProblem) -> int:
    """Steps of conjugate gradients in the time of a factorisation, 0 where these are too few to
    know, or passes lose the digits of a far column."""
    side, X = min(problem.X.shape), problem.X
    if X.is_sparse:
        steps = int(side**3 / (_FLOPS * (_ENTRY * X.nnz + _CALL)))
        return 0 if problem.far or steps < side // 30 or side < _SPARSE_ITERATIVE else steps
    # A Gram matrix costs as much as n/35 passes at 200 GFlop/s and 45 GB/s, a kernel matrix
    # of m rows m/25.
    return side // 30 if side >= _ITERATIVE else 0


def _on_grid(problem: InMemoryProblem, grid: Grid, tol: float, max_iter: int) -> InMemoryProblem:
    """The problem at the strengths of a grid."""
    objective = problem.objective
    gauge = dataclasses.replace(
        problem, objective=dataclasses.replace(objective, penalty=grid.gauge)
    )
    strengths = grid.below(working_set.largest_strength(gauge, tol, max_iter))
    unit, mean = (np.broadcast_to(each[:1], grid.count) for each in (problem.unit, problem.mean))
    objective = dataclasses.replace(objective, strength=strengths)
    return dataclasses.replace(problem, objective=objective, unit=unit, mean=mean, _bases={})


__all__ = [
    "FACTORISATIONS",
    "METHODS",
    "Solution",
    "approach",
    "confirm",
    "follow",
    "follow_quickly",
    "select_solver",
    "solve",
    "solve_moments",
    "solve_source",
    "together",
]
