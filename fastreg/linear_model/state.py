"""A fit is whole or has not been: what an estimator knows comes from one fit.

`fit` runs on a draft, a copy of the estimator that has forgotten the fit before. At its end the
estimator takes over the draft's state, in one step. An error, a warning that is an error or Ctrl-C
leaves the estimator as it was.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from fastreg._interrupts import interruptible
from fastreg.design import feature_names

Fit = TypeVar("Fit", bound=Callable[..., Any])


class Estimator(BaseEstimator):  # type: ignore[misc]
    """Whose parameters are looked up once: scikit-learn reads the signature of `__init__` whenever
    it wants their names, several times a fit, for 0.1 ms each.

    Notebooks show scikit-learn's diagram, and below it what the fit is worth.
    """

    @property
    def _repr_html_(self) -> Callable[[], str]:
        shown = super()._repr_html_  # AttributeError where scikit-learn's `display` is "text"
        return lambda: shown() + certificates_of(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += certificates_of(self)
        return bundle

    @classmethod
    @functools.cache
    def _get_param_names(cls) -> list[str]:
        names: list[str] = super()._get_param_names()
        return names


def certificates_of(model: Any) -> str:
    """The certificates of a fit as HTML, empty before one."""
    known = (getattr(model, name, None) for name in ("certificate_", "cv_certificate_"))
    return "".join(each._repr_html_() for each in known if each is not None)


def note_features(model: Any, X: Any) -> None:
    """`n_features_in_` and `feature_names_in_` of a fit to X (m, n).

    As scikit-learn's `validate_data` has it, which looks at arrays for 16 µs, and at the names of a
    frame of 20 000 columns for 26 ms.
    """
    names = feature_names(X)
    if names is not None and set(map(type, names)) <= {str}:
        model.n_features_in_, model.feature_names_in_ = len(names), np.array(names, dtype=object)
    elif type(X) is np.ndarray and not hasattr(model, "feature_names_in_"):
        model.n_features_in_ = X.shape[1]
    else:
        validate_data(model, X, skip_check_array=True)


def check_features(model: Any, X: Any) -> None:
    """ValueError if X (m, n) has other features than the fit; scikit-learn words it."""
    known = getattr(model, "feature_names_in_", None)
    if known is None:
        same = type(X) is np.ndarray and X.shape[1] == model.n_features_in_
    else:
        same = feature_names(X) == known.tolist()
    if not same:
        validate_data(model, X, reset=False, skip_check_array=True)


def atomic(*kept: str) -> Callable[[Fit], Fit]:
    """`fit` whose attributes are set together or not at all.

    Parameters
    ----------
    kept : attributes of the fit before that this one begins from
    """

    def decorate(fit: Fit) -> Fit:
        @functools.wraps(fit)
        def whole(self: Any, *args: Any, **more: Any) -> Any:
            draft = object.__new__(type(self))
            kind: Any = type(self)
            forgotten = fitted_attributes(kind) - set(kept)
            draft.__dict__.update(
                (name, value) for name, value in vars(self).items() if name not in forgotten
            )
            with interruptible:
                fit(draft, *args, **more)
            self.__dict__ = draft.__dict__
            return self

        return whole  # type: ignore[return-value]

    return decorate


@functools.cache
def fitted_attributes(kind: type) -> frozenset[str]:
    """What fits of a class set: the names ending in an underscore that it and its parents in this
    package annotate. Those of a class derived elsewhere are its own affair."""
    ours = (each for each in kind.__mro__ if each.__module__.partition(".")[0] == "fastreg")
    return frozenset(
        name
        for each in ours
        for name in inspect.get_annotations(each)
        if name.endswith("_") and not name.startswith("_")
    )
