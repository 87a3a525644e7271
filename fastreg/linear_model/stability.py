"""`StabilitySelection`: the features that a lasso path selects in most halves of the data."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from fastreg.certificate import Certificate
from fastreg.design import Design, as_design
from fastreg.linear_model.base import single_target
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.progress import CallbackSupportMixin, told, with_callbacks
from fastreg.linear_model.state import Estimator, atomic, note_features
from fastreg.paths import path

Array = np.ndarray


class StabilitySelection(CallbackSupportMixin, SelectorMixin, Estimator):  # type: ignore[misc]
    """Select features that enter early on paths of most halves of the rows.

    The rows are split into two halves at random, `n_pairs` times. Each half gets an elastic-net
    path, and selects the first `n_first` features that enter it. A feature is kept if at least a
    share `threshold` of the halves selects it. X is not copied: rows that are left out have weight
    0.

    Parameters
    ----------
    n_first : int or None, default=None
        Number of features that each half selects. None means the largest number whose bound is at
        most one false feature, but at least 1.
    threshold : float, default=0.75
        Share of the halves that must select a feature, above 0.5 and at most 1.
    n_pairs : int, default=50
        Number of pairs of halves.
    l1_ratio : float, default=1.0
        Share of the L1 penalty, above 0 and at most 1.
    alphas : int, default=50
        Number of strengths of a path.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    random_state : int, RandomState instance or None, default=None
        Seed of the halves.
    verbose : bool, default=False
        Whether to draw a progress bar of the halves on standard error.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_features,)
        Share of the halves that select each feature.
    n_first_ : int
        Number of features that each half selects.
    error_bound_ : float
        Bound on the expected number of falsely kept features.
    gap_ : float
        Largest relative duality gap of all fits.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    path : Fit one path.

    Notes
    -----
    Let q be `n_first_` and n be n_features. The expected number of falsely kept features is at
    most::

        q²/((2·threshold − 1)·n)

    if the selection is no worse than guessing and noise features are exchangeable [1]_. For
    complementary halves see [2]_.

    References
    ----------
    .. [1] Meinshausen N., Bühlmann P., "Stability selection", J. R. Stat. Soc. B 72, 2010.
    .. [2] Shah R., Samworth R., "Variable selection with error control: another look at stability
       selection", J. R. Stat. Soc. B 75, 2013.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((150, 200))
    >>> y = X[:, :3] @ [2.0, -2.0, 2.0] + rng.standard_normal(150)
    >>> model = fastreg.StabilitySelection(random_state=0, n_pairs=10).fit(X, y)
    >>> model.get_support(indices=True), model.transform(X).shape
    (array([0, 1, 2]), (150, 3))
    """

    frequencies_: Array
    n_first_: int
    error_bound_: float
    gap_: float
    n_features_in_: int
    feature_names_in_: Array
    encoding_: Any

    _parameter_constraints = {
        "n_first": [Interval(Integral, 1, None, closed="left"), None],
        "threshold": [Interval(Real, 0.5, 1, closed="right")],
        "n_pairs": [Interval(Integral, 1, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="right")],
        "alphas": [Interval(Integral, 2, None, closed="left")],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_first=None,
        *,
        threshold=0.75,
        n_pairs=50,
        l1_ratio=1.0,
        alphas=50,
        fit_intercept=True,
        tol=1e-4,
        random_state=None,
        verbose=False,
    ) -> None:
        self.n_first = n_first
        self.threshold = threshold
        self.n_pairs = n_pairs
        self.l1_ratio = l1_ratio
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags

    @atomic()
    @opens_sources
    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:
        """Select the features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,), default=None
            Target. None where X is a source, which has it.

        Returns
        -------
        StabilitySelection
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.
        """
        self._validate_params()
        design = as_design(X)
        m, n = design.shape
        target = single_target(y, m)
        if m < 4:
            raise ValueError(f"two halves need 4 rows or more, got n_samples = {m}")
        q = self.n_first or max(1, int(np.sqrt((2 * self.threshold - 1) * n)))
        random, counts, gap = check_random_state(self.random_state), np.zeros(n), 0.0
        halves = (
            half for _ in range(self.n_pairs) for half in np.array_split(random.permutation(m), 2)
        )
        with told(self, "half", 2 * self.n_pairs, bar=self.verbose) as tell:
            for half in halves:
                own = np.zeros(m)
                own[half] = 1.0
                first, certificate = self._first(design, target, own, q)
                counts[first] += 1.0
                gap = max(gap, float(certificate.relative_gap.max()))
                tell()
        note_features(self, X)
        self.frequencies_ = counts / (2 * self.n_pairs)
        self.n_first_, self.gap_ = q, gap
        self.error_bound_ = float(q * q / ((2 * self.threshold - 1) * n))
        return self

    def _first(self, X: Design, y: Array, weights: Array, q: int) -> tuple[Array, Certificate]:
        """The first q features to enter the path; of those that enter together the largest."""
        found = path(
            X, y, l1_ratio=self.l1_ratio, alphas=self.alphas, sample_weight=weights,
            eps=0.01 if 2 * X.shape[1] > len(y) else 0.001,  # rows of a half beside columns
            fit_intercept=self.fit_intercept, tol=self.tol,
        )  # fmt: skip
        inside = found.coefs != 0.0
        entered = np.flatnonzero(inside.any(axis=1))
        when = inside[entered].argmax(axis=1)
        size = np.abs(found.coefs[entered, when])
        return entered[np.lexsort((-size, when))[:q]], found.certificate

    def _get_support_mask(self) -> Array:
        check_is_fitted(self)
        return self.frequencies_ >= self.threshold
