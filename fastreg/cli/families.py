"""Fit other families than gaussian for `fastreg fit`, in memory or in blocks, with an offset.

`--alpha` is 1/C of `LogisticRegression` or alpha of the others. `--model ridge` sets a ridge
penalty, `--model lasso` an L1 penalty.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from fastreg.cli.known_families import family_of, family_words
from fastreg.cli.streamed_rows import StreamedRows, words_of_classes

Array = np.ndarray
MEMORY = 4.0  # default limit for X in memory, in GB
_RATIOS = {"ridge": 0.0, "lasso": 1.0, "elasticnet": 0.5}


def targets(arguments: Any) -> Any:
    """Return the target for `fastreg.read`: the column, and that of the offset if there is one."""
    name = arguments.offset or arguments.exposure
    return [arguments.target, name] if name else arguments.target


# ---------------------------------------------------------------- fit


@dataclass(frozen=True)
class OffsetRows:
    """Hold all rows in memory, with offsets (m,) or None."""

    source: Any
    X: Any
    y: Array
    weights: Array | None
    offset: Array | None
    arguments: Any = field(repr=False)

    measure = "D² (training)"

    def fit(self, model: Any) -> None:
        from fastreg.linear_model.opening import note_source

        model.fit(self.X, self.y, self.weights, self.offset)
        note_source(model, self.source)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    def deviations(self) -> Array:
        """Compute the standard deviations (n,) of the columns."""
        from fastreg.cli.samples import column_deviations

        return column_deviations(self.X)

    def explained(self, model: Any) -> float:
        """Compute the share of the null deviance that the model explains."""
        from fastreg.linear_model.generalized import explained

        classes = family_of(self.arguments).has_classes
        y = (self.y == model.classes_[1]) * 1.0 if classes else self.y
        z = model._linear()(self.X)
        z = z if self.offset is None else z + self.offset
        return explained(model._loss, z, y, self.weights, self.offset)

    def words(self, model: Any) -> list[tuple[str, str]]:
        """Return the lines of the report on what is predicted, and from what."""
        family, out = family_of(self.arguments), []
        if family.has_classes:
            counts = [np.count_nonzero(self.y == each) for each in model.classes_]
            out.append(words_of_classes(model, counts))
        return [*out, *family_words(family, model, self.arguments)]


def rows_of(source: Any, arguments: Any) -> OffsetRows | StreamedRows:
    """Return the rows of a source: in memory, or in blocks if they exceed the memory limit."""
    if source.labels is not None:
        _check_two(source.labels, arguments)
    if not source.fits:
        return _streamed(source, arguments)
    X, y, weights = source.whole()
    offset = None
    if arguments.offset or arguments.exposure:
        y, offset = (
            np.ascontiguousarray(y[:, 0]),
            offset_of(y[:, 1], arguments, functools.partial(_place, source)),
        )
    if family_of(arguments).has_classes:
        y = _labels(source, y, weights, arguments)
    return OffsetRows(source, X, y, weights, offset, arguments)


def _streamed(source: Any, arguments: Any) -> StreamedRows:
    family = family_of(arguments)
    if arguments.exposure:
        _refuse(source, arguments, "--exposure is", "--offset takes a column of logarithms")
    if family.estimates and getattr(arguments, family.number) is None:
        flag = f"--{family.number}"
        _refuse(source, arguments, f"the estimate of {flag} is", f"{flag} 2 gives one")
    return StreamedRows(source, arguments)


def _refuse(source: Any, arguments: Any, what: str, instead: str) -> NoReturn:
    """Raise ValueError for what needs rows in memory."""
    size = (source.size or 0) / 1e9
    raise ValueError(
        f"{arguments.file}: {what} for rows in memory, and X may take {size:.3g} GB, more than "
        f"{source.memory / 1e9:g}: --memory {size + 0.1:.1f} allows it, --drop leaves columns out, "
        f"{instead}"
    )


def offset_of(values: Array, arguments: Any, place: Callable[[int], str]) -> Array:
    """Return the offsets: the column itself, or the log of an exposure.

    place : function from a row number to the name of the row, for messages
    """
    values = np.ascontiguousarray(values)
    if arguments.offset:
        return values
    if not (values > 0.0).all():
        i = int(np.argmin(values > 0.0))
        raise ValueError(
            f"--exposure {arguments.exposure}: an exposure must be above 0, {place(i)} has "
            f"{values[i]:g}: leave such rows out"
        )
    out: Array = np.log(values)
    return out


def _place(source: Any, number: int) -> str:
    """Return the name of a row. It reads the source again."""
    for block in source.blocks():
        if number < block.n_rows:
            return str(block.row(number))
        number -= block.n_rows
    return f"row {number}"


def _check_two(labels: Any, arguments: Any) -> None:
    if len(labels) != 2:
        raise ValueError(
            f"{arguments.file}: the target holds {len(labels)} different labels: two are needed. "
            "LogisticRegression takes more, in Python"
        )


def _labels(source: Any, y: Array, weights: Array | None, arguments: Any) -> Array:
    """Return text labels for y of 0 and 1, or numeric labels, as int64 if all are whole."""
    if source.labels is not None:
        return source.labels_of(y)
    seen = np.unique(y if weights is None else y[weights > 0.0])
    if y.ndim != 1 or len(seen) != 2:
        what = f"{arguments.file}: the target"
        raise ValueError(
            f"{what} must have two different values for --family {arguments.family}, got "
            f"{len(seen)}"
        )
    whole = (y == np.round(y)).all() and np.abs(y).max() < 2.0**53
    return y.astype(np.int64) if whole else y


def fitted(arguments: Any, data: OffsetRows | StreamedRows) -> Any:
    """Fit the model, at the given strength or at the one that cross-validation chooses."""
    model = _model(arguments)
    data.fit(model)
    if family_of(arguments).has_classes:
        _check_two(model.classes_, arguments)
    return model


def _model(arguments: Any) -> Any:
    import fastreg

    ratio = _RATIOS[arguments.model] if arguments.l1_ratio is None else arguments.l1_ratio
    options = {
        "fit_intercept": not arguments.no_intercept,
        "positive": arguments.positive,
        "tol": arguments.tol,
        "max_iter": arguments.max_iter,
    }
    given = {name: value for name, value in options.items() if value is not None}
    family = family_of(arguments)
    given |= family.parameters(arguments)
    if arguments.cv is not None:
        ratios = {"l1_ratios": [ratio]} if family.has_classes else {"l1_ratio": ratio}
        chosen = {"cv": arguments.cv, "verbose": int(sys.stderr.isatty())}
        return getattr(fastreg, f"{family.estimator}CV")(**ratios, **chosen, **given)
    alpha = 1.0 if arguments.alpha is None else arguments.alpha
    strength = {"alpha": alpha}
    if family.has_classes:
        strength = {"C": 1.0 / alpha if alpha > 0.0 else np.inf}
    return getattr(fastreg, family.estimator)(l1_ratio=ratio, **strength, **given)
