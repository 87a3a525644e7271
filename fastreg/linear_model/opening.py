"""Fit and predict data that is not in memory: files, streams and clusters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from fastreg.sources import Source, as_features, as_source
from fastreg.sources.names import check_order
from fastreg.statistics import SufficientStatistics

Array = np.ndarray
Fit = TypeVar("Fit", bound=Callable[..., Any])


def opens_sources(fit: Fit) -> Fit:
    """Decorate `fit`, so that it also takes a path, stream, `Source` or dask collection.

    Data that fit into `Source.memory` are read into memory. Otherwise `fit` gets the source in
    place of X if the class sets `_streams`, else the wrapper raises an error.
    `SufficientStatistics` stand for the rows they were collected from.
    """

    named = list(inspect.signature(fit).parameters)[4:]  # after sample_weight

    @functools.wraps(fit)
    def opened(
        self: Any, X: Any, y: Any = None, sample_weight: Any = None, *args: Any, **more: Any
    ) -> Any:
        given = _opened(X, y, sample_weight)
        if given is None:
            weights = () if sample_weight is None and not args else (sample_weight, *args)
            fit(self, X, y, *weights, **more)
            return self
        more |= dict(zip(named, args, strict=False))
        if isinstance(given, Source) and given.fits:
            X, y, read = given.whole()
            number = given.offset if more.get("offset") is None else more["offset"]
            if isinstance(number, int | np.integer):
                given.with_offset(number)  # raises if there is no such target
                more["offset"], y = y[:, number], y[:, 1 - number]
            if given.labels is not None and hasattr(self, "_of_labels"):
                y = given.labels_of(y)
            fit(self, X, y, *(() if read is None else (read,)), **more)
        elif getattr(self, "_streams", False):
            fit(self, given, None, **more)
        else:
            raise ValueError(_too_large(self, given))
        note_source(self, given)
        return self

    return opened  # type: ignore[return-value]


def _opened(X: Any, y: Any, sample_weight: Any) -> Source | SufficientStatistics | None:
    if not isinstance(X, SufficientStatistics):
        return as_source(X, y, sample_weight)
    if y is not None or sample_weight is not None:
        raise ValueError(
            "y and sample_weight must be None if X is SufficientStatistics, which has them"
        )
    return X


def _too_large(model: Any, given: Source | SufficientStatistics) -> str:
    name = type(model).__name__
    if isinstance(given, SufficientStatistics):
        return f"{name} needs rows: it cannot be fitted to statistics, give X and y"
    if given.size is None or not given.in_order:
        way = "X.compute()" if not given.in_order else "put the blocks into one array"
        return f"{name} needs all rows in memory, and {given.kind} does not hold them: {way}"
    return (
        f"{name} needs all rows in memory, and {given.kind} may have more than {given.memory} "
        "bytes: fastreg.read(…, memory=…) raises that limit"
    )


def note_source(model: Any, given: Source | SufficientStatistics) -> None:
    """Set the feature names and the encoding of a source."""
    note_names(model, given)
    _note_encoding(model, given.encoding)


def note_names(model: Any, given: Source | SufficientStatistics) -> None:
    """Set `n_features_in_` and `feature_names_in_` from a source."""
    model.n_features_in_ = given.n_features
    if given.feature_names is not None:
        model.feature_names_in_ = np.array(given.feature_names, dtype=object)
    elif hasattr(model, "feature_names_in_"):
        del model.feature_names_in_


def _note_encoding(model: Any, encoding: Any) -> None:
    """Set `encoding_` for a table. `predict` then takes tables with the same columns."""
    if encoding is not None:
        model.encoding_ = encoding


def predict_source(model: Any, X: Any, predict: Callable[[Any], Array]) -> Array | None:
    """Apply `predict` to each block of X. Return None if X is in memory."""
    names = getattr(model, "feature_names_in_", None)
    source = as_features(X, getattr(model, "encoding_", None), names, model.n_features_in_)
    if source is None:
        return None
    if source.n_features != model.n_features_in_:
        raise ValueError(
            f"X has {source.n_features} features, but {type(model).__name__} is expecting "
            f"{model.n_features_in_} features as input"
        )
    advice = "read it with encoding=model.encoding_, or put the columns in their order"
    check_order(names, source.feature_names, advice)
    coef = getattr(predict, "coef", model.coef_)
    n_outputs = 0 if coef.ndim == 1 else len(coef)
    found: Array = source.map(predict, n_outputs)
    return found
