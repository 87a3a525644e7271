"""What `fit` and `predict` do with data that is not in memory: files, streams, clusters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg.sources import Source, as_features, as_source

Array = np.ndarray


def opens_sources(fit: Callable[..., Any]) -> Callable[..., Any]:
    """`fit` of a path, stream, `Source` or dask collection as well as of what is in memory.

    What fits into `Source.memory` is read into it. Else `fit` is given the source in place of X
    where the class says `_streams`, and is refused where it does not.
    """

    @functools.wraps(fit)
    def opened(
        self: Any, X: Any, y: Any = None, sample_weight: Any = None, *args: Any, **more: Any
    ) -> Any:
        source = as_source(X, y, sample_weight)
        if source is None:
            weights = () if sample_weight is None and not args else (sample_weight, *args)
            fit(self, X, y, *weights, **more)
            _note_encoding(self, None)
            return self
        if source.fits:
            X, y, read = source.whole()
            fit(self, X, y, *(() if read is None else (read,)), **more)
        elif getattr(self, "_streams", False):
            fit(self, source, None, **more)
        else:
            raise ValueError(
                f"{type(self).__name__} needs all rows in memory, and {source.kind} has more than "
                f"{source.memory} bytes: fastreg.read(…, memory=…) raises that limit"
            )
        note_names(self, source)
        _note_encoding(self, source.encoding)
        return self

    return opened


def note_names(model: Any, source: Source) -> None:
    """`n_features_in_` and `feature_names_in_` of a source."""
    model.n_features_in_ = source.n_features
    if source.feature_names is not None:
        model.feature_names_in_ = np.array(source.feature_names, dtype=object)
    elif hasattr(model, "feature_names_in_"):
        del model.feature_names_in_


def _note_encoding(model: Any, encoding: Any) -> None:
    """`encoding_`, of tables with columns that are no numbers: `predict` takes such tables too."""
    if encoding is not None:
        model.encoding_ = encoding
    elif hasattr(model, "encoding_"):
        del model.encoding_


def predict_source(model: Any, X: Any, predict: Callable[[Any], Array]) -> Array | None:
    """predict(X of each block), or None if X is in memory."""
    names = getattr(model, "feature_names_in_", None)
    source = as_features(X, getattr(model, "encoding_", None), names)
    if source is None:
        return None
    if source.n_features != model.n_features_in_:
        raise ValueError(
            f"X has {source.n_features} features, but {type(model).__name__} is expecting "
            f"{model.n_features_in_} features as input"
        )
    return source.map(predict)
