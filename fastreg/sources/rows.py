"""A block of rows, and what is wrong with it: the file, the row, the column."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg.design import (
    Design,
    as_design,
    as_target,
    as_weights,
    first_nonfinite,
    nonfinite_kind,
)
from fastreg.sources.complaints import ComplaintError

Array = np.ndarray
MOST_CLASSES = 1000  # labels of more are taken for amounts


class Lines(str):
    """A text file whose rows are told by their lines, as an editor counts them."""

    line_of: Callable[[int], int]

    def __new__(cls, path: str, line_of: Callable[[int], int]) -> Lines:
        out = super().__new__(cls, path)
        out.line_of = line_of
        return out


def row_of(place: str, number: int) -> str:
    """The name of a row; the first of a file is 0."""
    if isinstance(place, Lines):
        return f"{place}, line {place.line_of(number)}"
    return f"{place}, row {number}" if place else f"row {number}"


class Block(NamedTuple):
    """Some rows as they are read, not checked.

    X : (b, n) array or scipy sparse matrix
    y : (b,) or (b, k), None where only features are read; weights : (b,) or None
    first : number of the first row, in its file or in all; or (b,) those of all rows
    place : the file, "" if there is none
    n_bytes : what was read for it
    """

    X: Any
    y: Any
    weights: Any
    first: Any
    place: str
    n_bytes: int

    @property
    def n_rows(self) -> int:
        return int(self.X.shape[0])

    def row(self, i: int) -> str:
        """Row i of the block, as it stands in its file."""
        return row_of(self.place, self.first + i if np.ndim(self.first) == 0 else self.first[i])

    def rows(self) -> str:
        """All of them."""
        return f"{self.row(0)} to {self.row(self.n_rows - 1).rpartition(' ')[2]}"


class Rows(NamedTuple):
    """The rows of a block, checked: Y (b, k), weights and offset, (b,) or None."""

    X: Design
    Y: Array
    weights: Array | None
    offset: Array | None = None


@dataclass(frozen=True)
class Layout:
    """What every block of a source must look like."""

    n_features: int
    n_targets: int
    feature_names: list[str] | None = None
    advice: str = ""  # about a missing value
    offset: int | None = None  # the target that is an offset, none of Y

    def name(self, j: int) -> str:
        """Of feature j."""
        return repr(self.feature_names[j]) if self.feature_names else f"column {j}"

    def check(self, block: Block) -> Rows:
        """The rows of a block.

        Raises
        ------
        ValueError
            Something is wrong with it; the message has the file, the row and the column.
        """
        try:
            X = as_design(block.X)
            y = as_target(block.y, X.shape[0])
            weights = block.weights
            if weights is not None:  # none of these rows may count: fine, if others do
                none = _are_zeros(weights, X.shape[0])
                weights = np.zeros(X.shape[0]) if none else as_weights(weights, X.shape[0])
        except ValueError as error:
            raise ComplaintError(self.fault(block) or f"{block.rows()}: {error}") from None
        Y = y[:, None] if y.ndim == 1 else y
        if X.shape[1] != self.n_features or Y.shape[1] != self.n_targets:
            raise ValueError(
                f"{block.rows()}: {X.shape[1]} features and {Y.shape[1]} targets where "
                f"{self.n_features} and {self.n_targets} are expected"
            )
        if self.offset is None:
            return Rows(X, Y, weights)
        return Rows(X, np.delete(Y, self.offset, axis=1), weights, Y[:, self.offset].copy())

    def error(self, block: Block, otherwise: object = "") -> ValueError:
        """The error of a block: where its first bad value stands, or what it is otherwise."""
        fault = self.fault(block)
        return ComplaintError(fault) if fault else ValueError(str(otherwise))

    def fault(self, block: Block) -> str:
        """Where the first value that is no finite number stands, "" if there is none."""
        spot = _spot(block.X)
        if spot is not None:
            i, j, value = spot
            advice = f"; {self.advice}" if self.advice and np.isnan(value) else ""
            return (
                f"Input X contains {nonfinite_kind(value)}: {block.row(i)}, {self.name(j)}{advice}"
            )
        for name, values in (("y", block.y), ("sample_weight", block.weights)):
            spot = None if values is None else _spot(np.asarray(values).reshape(-1, 1))
            if spot is not None:
                i = spot[0] // max(1, np.asarray(values).size // block.n_rows)
                advice = f"; {self.advice}" if self.advice and np.isnan(spot[2]) else ""
                return f"Input {name} contains {nonfinite_kind(spot[2])}: {block.row(i)}{advice}"
        return ""


def _are_zeros(weights: Any, count: int) -> bool:
    values = np.asarray(weights)
    return values.shape == (count,) and values.dtype.kind in "fiub" and not values.any()


def digest_of(*parts: Any) -> str:
    """Of arrays and sparse matrices, by their bytes."""
    found = hashlib.sha256()
    for part in parts:
        for array in (part.data, part.indices) if hasattr(part, "indptr") else (part,):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _spot(values: Any) -> tuple[int, int, float] | None:
    """The first value that is not finite, None of what is no matrix of numbers."""
    try:
        return first_nonfinite(as_design(values))
    except (TypeError, ValueError):
        return None
