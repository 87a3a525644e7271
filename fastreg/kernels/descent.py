"""The loop of gradient descent: gradient, update and record, step after step."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import jit
from fastreg.design import storages
from fastreg.kernels.rows import (
    CALL_ENTRIES,
    Workspace,
    _add_blocks,
    _gradient_blocks,
    _residuals_and_slopes,
)
from fastreg.kernels.update import update

RISE = 1e-10  # relative; a smaller rise of J is rounding


class Rule(NamedTuple):
    """What a step does: η, ridge, penalty, whether b moves, and 1/m."""

    eta: float
    l2: float | np.ndarray
    penalty: Any
    fit: bool
    scale: float


class State(NamedTuple):
    """What a step changes: θ, b (1,), history (K, 2) and room for ∇F (n,)."""

    theta: np.ndarray
    intercept: np.ndarray
    history: np.ndarray
    gradient: np.ndarray


def descent_steps(
    X,
    y,
    theta,
    intercept,
    *,
    eta,
    loss,
    l2,
    penalty,
    fit_intercept,
    history,
    first,
    last,
    scratch,
    workspace=None,
):
    """Steps first ≤ k < last of θ ← prox(θ − η∇), b ← b − η ∂F/∂b, in place.

    Parameters
    ----------
    X : storage, (m, n)
    y : (m,) float64
    theta : (n,) float64, changed in place
    intercept : (1,) float64, changed in place where `fit_intercept`
    eta, l2, penalty : as in `update`
    loss : tuple of `fastreg.losses`
    fit_intercept : bool, whether b moves
    history : (K, 2) float64; row k receives F and ‖∇F‖ at the θ before step k
    scratch : (n,) float64, overwritten
    workspace : `Workspace` of X, made here if None

    Returns
    -------
    The first step at which F rose or was not finite, or −1. Nothing of the size of X or θ is
    allocated. A small X is descended in one call, a large one block by block on all threads.
    """
    work = workspace or Workspace(X)
    scale = 1.0 / storages.shape(X)[0]
    rule = Rule(eta, l2, penalty, fit_intercept, scale)
    state = State(theta, intercept, history, scratch)
    if work.count == 1 and not storages.by_columns(X):
        chunk = max(1, 8 * CALL_ENTRIES // max(1, storages.stored(X) + len(theta)))
        for start in range(first, last, chunk):
            stop = min(start + chunk, last)
            risen = _serial_steps(
                X,
                work.bounds,
                (y, None, None),
                loss,
                work.partial,
                work.sums,
                start,
                stop,
                rule,
                state,
            )
            if risen >= 0:
                return risen
        return -1
    for k in range(first, last):
        _residuals_and_slopes(X, (y, None, None), theta, intercept[0], None, loss, work)
        if _finish_step(work.partial, work.sums, k, rule, state):
            return k
    return -1


@jit
def _serial_steps(X, bounds, rows, loss, partial, sums, first, last, rule, state):
    for k in range(first, last):
        theta, b = state.theta, state.intercept[0]
        _gradient_blocks(X, bounds, 0, sums.shape[0], rows, theta, b, None, loss, partial, sums)
        if _finish_step(partial, sums, k, rule, state):
            return k
    return -1


@jit
def _finish_step(partial, sums, k, rule, state):
    """Add up the blocks, update, record; whether F rose."""
    g, history = state.gradient, state.history
    value, slope = _add_blocks(partial, sums, rule.scale, g)
    added, square, _, _ = update(state.theta, g, rule.eta, rule.l2, rule.penalty)
    if rule.fit:
        state.intercept[0] -= rule.eta * slope
        square += slope * slope
    history[k, 0] = value + added
    history[k, 1] = math.sqrt(square)
    if not math.isfinite(history[k, 0]):
        return True
    before = history[k - 1, 0]
    return k > 0 and history[k, 0] > before + RISE * abs(before)  # F of counts may be below zero
