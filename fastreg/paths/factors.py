"""Compute how strongly each feature is penalised, from factors and standard deviations.

With x̃ = x/s and w̃ = s·w, the penalty on standardised columns is a penalty on w with other factors:

    f (ρ│w̃│ + ½(1 − ρ) w̃²) = ρ (f s)│w│ + ½(1 − ρ)(f s²) w²

Thus X is neither copied nor changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fastreg.design import Design, deviations, merge, spreads
from fastreg.design.spreads import Spreads
from fastreg.penalties import as_bounded
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Factors:
    """Hold the factors of the penalty on each feature.

    l1, l2 : (n,) factors ≥ 0 of the L1 part and of the ridge part
    kind : function from L1 strengths (n,) to the penalty
    """

    l1: Array
    l2: Array
    kind: Callable[[Array], Any]

    def penalty(self, ratio: float) -> Any:
        """Return the penalty at strength 1, for the L1 share `ratio`."""
        return self.kind(self.l1 * ratio)

    def ridge(self, ratio: float) -> Array:
        """Return the ridge factors (n, 1) at strength 1, for the L1 share `ratio`."""
        return (self.l2 * (1.0 - ratio))[:, None]

    def standardised(self, spread: Array, fit_intercept: bool) -> Factors:
        """Return the factors for columns divided by their standard deviations (n,).

        Coefficients of constant columns stay at zero. With an intercept they do so by themselves.
        Without one a bound holds them.
        """
        constant = spread == 0.0
        unit = np.where(constant, 1.0, spread)
        with np.errstate(over="ignore", under="ignore"):
            factors = self.l1 * unit, self.l2 * unit**2
        held = constant.any() and not fit_intercept
        return Factors(*factors, partial(_held, self.kind, constant) if held else self.kind)


def _held(kind: Callable[[Array], Any], columns: Array, l1: Array) -> Any:
    """Return the penalty that holds some columns, (n,) bool, at zero."""
    box = as_bounded(kind(l1), len(l1))
    return box._replace(low=np.where(columns, 0.0, box.low), high=np.where(columns, 0.0, box.high))


def spread_of(X: Design, weights: Array | None) -> Array:
    """Return the standard deviations (n,) of the columns, 0 for constant ones, in one read of X."""
    return deviations(spreads(X, weights))


def spread_of_source(source: Source) -> Array:
    """Return the standard deviations (n,) of the columns of a source, in one read of it."""
    return deviations(source.reduce(partial(_of_block, source.layout), merge))


def _of_block(layout: Layout, block: Block, row: int) -> Spreads:
    rows = layout.check(block)
    try:
        return spreads(rows.X, rows.weights)
    except ValueError as error:
        raise layout.error(block, error) from None
