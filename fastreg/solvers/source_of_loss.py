"""A path of a loss that is no square, of rows that arrive in blocks, with its certificate.

The training sets of a cross-validation are points of the same reads, and of the same certificate.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from fastreg import losses
from fastreg._jit import single_threaded_blas
from fastreg.certificate import certify_source_of_loss
from fastreg.certificate.smooth_blocks import Claims
from fastreg.grids import Grid
from fastreg.objectives import Objective
from fastreg.problems import coupled_blocks, smooth_blocks
from fastreg.solvers import Solution
from fastreg.solvers.by_tangents import in_units_of_the_user
from fastreg.solvers.critical import critical_strength
from fastreg.solvers.tangents_by_reads import PathByReads, start
from fastreg.sources import Source

Array = np.ndarray
_PRECISE = 1e-10  # relative gap of what no strength holds, where a grid begins
_SHARES = (0.5, 0.05, 0.005)  # of the gap asked, to which steps go: the bound may be less tight


class Validated(NamedTuple):
    """A path of all rows, and fits to F training sets at as many strengths, coefficients and
    intercepts (n + 1, K, F), or (n + 1, q, K, F) of q classes; (K, F): what rows held out lose by
    them, by how much rounding may change it, what they lose by z = 0, and whether their
    certificates hold; and the gaps of these.
    """

    solution: Solution
    training: Array
    deviance: Array
    rounding: Array
    null: Array
    gap: Array
    met: Array
    least: float  # Σ w min ℓ/Σ w of all rows
    classes: Array | None = None  # of labels that are more than two


def validate(
    source: Source,
    objective: Objective,
    tol: float,
    max_iter: int,
    grid: Grid | None = None,
    *,
    n_folds: int = 0,
    by_total: bool = False,
    most_classes: int = 0,
) -> Validated:
    """Minimise at each strength, for all rows and for the training set of each fold.

    Parameters
    ----------
    n_folds : 0 for none
    by_total : whether strengths are beside the sum of losses, not their mean
    most_classes : of which y is labels, 0 and 1 or more whole numbers; 0 if it is none
    """
    with single_threaded_blas:
        own = dataclasses.replace(objective, penalty=grid.gauge) if grid else objective
        problem = _read(source, own, n_folds, most_classes)
        ratios = _training_ratios(problem, n_folds)
        if grid is not None:
            strengths = grid.below(_critical(problem, max_iter))
            problem = problem.with_penalty(objective)
        else:
            strengths = np.ones(1) if objective.strength is None else objective.strength
        strengths = strengths / problem.total if by_total else strengths
        K = len(strengths)
        betas, levels = start(problem.at_strengths(strengths), tol, max_iter)
        lanes = np.multiply.outer(ratios if by_total else np.ones(len(ratios)), strengths)
        points = problem.at_strengths(lanes.ravel(), np.repeat(np.arange(-1, n_folds), K))
        repeated = np.tile(betas, len(ratios)), np.tile(levels, (1, len(ratios)))
        found, held = _certified(points, *repeated, tol, max_iter)
    certificate = found.certificate
    worth = certificate.relative_gap[K:], certificate.met[K:]
    deviance, rounding, null, gap, met = (each.reshape(n_folds, K).T for each in (*held, *worth))
    both = np.concatenate([found.coef, found.intercept[None]])[..., K:]
    training = both.reshape(*both.shape[:-1], n_folds, K).swapaxes(-1, -2)
    return Validated(
        found.part(slice(0, K)), training, deviance, rounding, null, gap, met, problem.least,
        problem.classes,
    )  # fmt: skip


def _read(source: Source, objective: Objective, n_folds: int, most_classes: int) -> Any:
    """The problem of one prediction a row, or of several where y is labels of several classes."""
    if isinstance(objective.loss, losses.Multinomial):  # how many classes is not known yet
        objective = dataclasses.replace(objective, loss=losses.Logistic())
    first, folds, most = smooth_blocks.first_of(
        source, objective, max(1, n_folds), has_labels=most_classes > 0
    )
    if not most_classes:
        return smooth_blocks.problem_of(source, objective, first, folds, most)
    if first.classes is None:
        more = (
            f", or whole numbers for {most_classes} classes at most: for proportions set "
            "target='proportions'"
        )
        raise ValueError(f"y of {source.kind} must be 0 or 1{more if most_classes > 2 else ''}")
    labels = {label for own in first.classes.values() for label in own}
    if labels <= {0.0, 1.0}:
        return smooth_blocks.problem_of(source, objective, first, folds, most)
    if len(labels) < 3:
        told = " and ".join(f"{label:g}" for label in sorted(labels))
        raise ValueError(f"y of {source.kind} is {told}: give two classes as 0 and 1")
    if len(labels) > most_classes:
        raise ValueError(
            f"y of {source.kind} has {len(labels)} classes, and {type(objective.loss).__name__} "
            f"takes {most_classes} where rows are read in blocks: read the rows into memory"
        )
    own = dataclasses.replace(objective, loss=losses.Multinomial(len(labels)))
    return coupled_blocks.problem_of(source, own, first, folds, most)


def _certified(
    problem: Any, betas: Array, levels: Array, tol: float, max_iter: int
) -> tuple[Solution, Array]:
    """All points from a start, certified, and followed further where that says that it is not
    enough; and what rows held out lose."""
    strengths, fold_of = problem.objective.strength, problem.fold_of
    assert strengths is not None and fold_of is not None
    for share in _SHARES:
        PathByReads(problem, levels, share * tol, max_iter).follow(betas)
        coef, intercept = in_units_of_the_user(problem, betas.copy(order="F"), levels)
        certificate, held = certify_source_of_loss(
            problem.source, coef, intercept, problem.asked, _claims(problem), problem.folds,
            fold_of, problem.classes, tol=tol,
            method="proximal Newton, blocks", passes=problem.passes,
        )  # fmt: skip
        problem.passes += 1
        if certificate.converged or problem.passes >= max_iter:
            break
    reads = problem.passes
    solution = Solution(coef, intercept, strengths, certificate, reads, reads >= max_iter)
    return solution, held


def _training_ratios(problem: Any, n_folds: int) -> Array:
    """(1 + F,): weight of all rows over that of each training set."""
    held = [problem.parts[f].weight if f in problem.parts else 0.0 for f in range(n_folds)]
    if min(held, default=1.0) <= 0.0:
        raise ValueError(
            f"cv is {n_folds}, and some fold of {problem.source.kind} has no rows with a weight"
        )
    whole = problem.total
    return np.append(1.0, whole / (whole - np.array(held)))


def _claims(problem: Any) -> Claims:
    n, centred = problem.source.n_features, problem.objective.fit_intercept
    return Claims(
        np.zeros(n) if problem.shift is None else problem.shift,
        problem.scale[:n],
        problem.constant[:n] if centred else None,
        problem.null_levels,
    )


def _critical(problem: Any, max_iter: int) -> float:
    """The least strength at which the penalty holds at zero all that it can."""

    def refit(strength: float) -> Array:
        strict = problem.at_strengths(np.array([strength]))
        betas, levels = start(strict, _PRECISE, max_iter)
        (walker,) = PathByReads(strict, levels, _PRECISE, max_iter).follow(betas)
        problem.passes = strict.passes
        out: Array = -walker.stand.gradient
        return out

    return critical_strength(problem.base_penalty(0), -problem.null_gradient, refit)
