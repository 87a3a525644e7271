"""`LogisticRegressionCV`: choose C and l1_ratio by cross-validation."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import _check_method_params, check_is_fitted

from fastreg.certificate import losses
from fastreg.design import as_weights, feature_names
from fastreg.linear_model.base import STREAMED, per_weight, warn_of_choice
from fastreg.linear_model.classifiers import check_inverse
from fastreg.linear_model.cross_validated import ratios_of
from fastreg.linear_model.generalized_cv import class_splits, fold_errors
from fastreg.linear_model.logistic import LogisticRegression, LogOdds
from fastreg.linear_model.odds import Labels, Odds, as_odds, known_share, label_array, shares
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.progress import CallbackSupportMixin, with_callbacks
from fastreg.linear_model.routing import routed, router
from fastreg.linear_model.several_classes import Shares, finish, mean_log_loss
from fastreg.linear_model.state import atomic, note_features
from fastreg.objectives import offset_of
from fastreg.plots import Curve, draw_errors
from fastreg.selection.choice import (
    ChoiceCertificate,
    Errors,
    certificate_of,
    least_of,
    spread_over_folds,
)
from fastreg.selection.cross_validation import Validation
from fastreg.selection.loss_fits import errors_of_source

Array = np.ndarray
_LIKELIHOOD = "neg_log_loss"  # minus half the mean deviance


class Shifted(LogOdds):
    """Predict with a fixed offset, because scorers pass none."""

    def __init__(self, model=None, offset=None) -> None:
        self.model = model
        self.offset = offset
        if model is not None:
            self.classes_ = model.classes_

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        return self.model.decision_function(X, self.offset)


class LogisticRegressionCV(CallbackSupportMixin, LogOdds):  # type: ignore[misc]
    """Fit logistic regression, with C and l1_ratio chosen by cross-validation.

    More than two classes get the symmetric multinomial model. Each training set gets a path of all
    C, and each fit has a certificate. X is not copied. Only scorers of scikit-learn get a copy of
    the held-out rows.

    Parameters
    ----------
    Cs : int or array-like of shape (n_Cs,), default=10
        Number of C, or the values, above 0. A number gives a geometric grid from 1e-4 to 1e4.
    l1_ratios : array-like of shape (n_l1_ratios,) or None, default=(0.0,)
        Shares of the L1 penalty to try, from 0 to 1. None means 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds. For a number of folds, each has the same share of every class.
    dual : bool, default=False
        Ignored. It exists for compatibility with scikit-learn.
    penalty : {"l1", "l2", "elasticnet"}, default="deprecated"
        Deprecated; set `l1_ratios`. "l1" means 1 and "l2" means 0. "elasticnet" keeps `l1_ratios`.
    scoring : str, callable or None, default="neg_log_loss"
        "neg_log_loss" is minus half the mean deviance of held-out rows, with the weights of the
        fit. It includes `class_weight`. Any other is a scorer of scikit-learn, which gets
        `sample_weight` alone and needs ``target="labels"``. None means accuracy.
    solver : str, default="lbfgs"
        Ignored. It exists for compatibility with scikit-learn.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    max_iter : int, default=100
        Largest number of steps at each strength.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; it multiplies `sample_weight`. "balanced" gives all classes the same
        total weight.
    n_jobs : object, default=None
        Ignored. `fastreg.set_num_threads` sets the number of threads.
    verbose : bool, default=0
        Whether to draw a progress bar of the folds on standard error.
    refit : bool, default=True
        Whether to fit all rows at the end. If not, `C_` and `coef_` are means of the best of each
        fold, without a certificate.
    intercept_scaling : float, default=1.0
        Ignored. It exists for compatibility with scikit-learn.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    use_legacy_attributes : bool, default=False
        Whether attributes have the shapes of scikit-learn before 1.10, see Notes.
    rule : {"min", "1se"}, default="min"
        How to choose the strength. "min" takes the best mean score. "1se" takes the strongest
        penalty whose mean score is within one standard error of that.
    target : {"labels", "proportions", "counts"}, default="labels"
        What y holds. "labels": one label for each row. "proportions": shares of successes in [0,
        1]; `sample_weight` then holds the trials. "counts": two columns, successes and failures.
        For the last two, `classes_` is [0, 1], and 1 means success.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    bounds : tuple of (low, high) or None, default=None
        Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of shape
        (n_features,). An infinite end is no bound.
    penalty_factor : array-like of shape (n_features,) or None, default=None
        Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
        feature with factor 0 is not penalised.

    Attributes
    ----------
    C_ : float
        Chosen C.
    l1_ratio_ : float
        Chosen l1_ratio.
    C_min_ : float
        C that ``rule="min"`` chooses.
    C_1se_ : float
        C that ``rule="1se"`` chooses.
    Cs_ : ndarray of shape (n_Cs,)
        Values of C that were tried, in ascending order.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
        Values of l1_ratio that were tried.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
        Score of each test fold.
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_outputs, n_features + 1)
        Coefficients of each training fit, then its intercept. Without an intercept the last axis
        has length n_features. n_outputs is 1 for two classes, and n_classes for more.
    cv_certificate_ : ChoiceCertificate
        How wrong the deviance of each fold may be.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes, sorted. Odds of two are those of the second.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients w.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts b; 0.0 with ``fit_intercept=False``. Those of more than two classes have sum 0.
    dual_gap_ : float
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : ndarray of shape (1,)
        Number of steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    LogisticRegression : Fit one C.
    AdaptiveLogisticRegression : Choose one strength for each group of features.

    Notes
    -----
    Each fit minimises the objective of `LogisticRegression`::

        P(w, b) = (1/S) Σ_i s_i log(1 + exp(−y_i z_i))
                  + 1/(C·S) Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    with S the weight of its training rows, or that of `LogisticRegression` for more classes. For
    the rule of one standard error see [1]_.

    With ``use_legacy_attributes=True`` the shapes are those of scikit-learn before 1.10. `C_` and
    `l1_ratio_` are arrays of shape (n_outputs,). `scores_` and `coefs_paths_` are dicts, with the
    second of two classes as key, or all of more. Their arrays begin with the axes n_folds, n_Cs and
    n_l1_ratios; the third is left out if `l1_ratios` is None.

    References
    ----------
    .. [1] Hastie T., Tibshirani R., Friedman J., "The Elements of Statistical Learning", 2nd ed.,
       2009, section 7.10.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((300, 10))
    >>> y = np.where(2 * X[:, 0] - 2 * X[:, 1] + rng.logistic(size=300) > 0, "yes", "no")
    >>> model = fastreg.LogisticRegressionCV(Cs=20, l1_ratios=[1.0], rule="1se").fit(X, y)
    >>> model.scores_.shape, np.flatnonzero(model.coef_)
    ((5, 1, 20), array([0, 1]))
    """

    _chosen = True
    C_: Any
    l1_ratio_: Any
    C_min_: float
    C_1se_: float
    Cs_: Array
    l1_ratios_: Array
    scores_: Any
    coefs_paths_: Any
    cv_certificate_: ChoiceCertificate

    _parameter_constraints = {
        **LogOdds._parameter_constraints,
        "penalty": [
            StrOptions({"l1", "l2", "elasticnet"}),
            Hidden(StrOptions({"deprecated"})),
        ],
        "Cs": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "l1_ratios": ["array-like", None],
        "cv": ["cv_object"],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "refit": ["boolean"],
        "use_legacy_attributes": ["boolean"],
        "rule": [StrOptions({"min", "1se"})],
    }

    def __init__(
        self,
        *,
        Cs=10,
        l1_ratios=(0.0,),
        fit_intercept=True,
        cv=None,
        dual=False,
        penalty="deprecated",
        scoring=_LIKELIHOOD,
        solver="lbfgs",
        tol=1e-4,
        max_iter=100,
        class_weight=None,
        n_jobs=None,
        verbose=0,
        refit=True,
        intercept_scaling=1.0,
        random_state=None,
        use_legacy_attributes=False,
        rule="min",
        target="labels",
        positive=False,
        bounds=None,
        penalty_factor=None,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes
        self.rule = rule
        self.target = target
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor

    @atomic()
    @opens_sources
    @with_callbacks
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Choose C and l1_ratio, then fit to all rows.

        For data read in blocks `cv` must be a number of folds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Labels, shares or counts, as `target` states. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like, int or None, default=None
            Known part of the prediction, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros. If X is a source of two
            targets, the number 0 or 1 of the one that is the offset.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter and the scorer request.

        Returns
        -------
        LogisticRegressionCV
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong, y has one class, or a training set lacks a
            class. The message states which.

        Warns
        -----
        ConvergenceWarning
            The last fit did not reach `tol`, or the errors of some folds are uncertain.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset, params)
        design = self._opened(X, y)
        m, n = design.shape
        self.Cs_, ratios = self._tried()
        target = self._target(y, sample_weight, m)
        shift = offset_of(offset, m, target.share.shape[1] if target.share.ndim == 2 else 1)
        makers = [self._maker(n, ratio, shift) for ratio in ratios]
        asked, scored_by = routed(self, sample_weight, params)
        if isinstance(target, Shares):
            makers = [target.maker(make) for make in makers]
            splits = target.splits(self, X, asked)
        else:
            splits = class_splits(self, X, target, asked)
        note_features(self, X)
        self.classes_, self.l1_ratios_ = target.classes, np.array(ratios)
        order = np.argsort(self.Cs_, kind="stable")
        Cs = self.Cs_[order]
        found, paths = self._followed(design, target, splits, makers, Cs)
        self.cv_certificate_ = certificate_of(found, self.tol)
        if self.scoring != _LIKELIHOOD:
            table = design.matrix if feature_names(X) is None else X
            scores = self._scored(table, label_array(y, m), splits, paths, shift, scored_by)
            found = [
                dataclasses.replace(errors, mse=-2.0 * own)
                for errors, own in zip(found, scores.transpose(1, 2, 0), strict=True)
            ]
        which, best = self._choose(found, Cs)
        self._report(found, paths, order)
        warn_of_choice(self, self.cv_certificate_)
        if self.refit:
            strength = per_weight(np.array([1.0 / Cs[best]]), target.weights, m)
            objective = makers[which](target.weights, strength)
            if isinstance(target, Shares):
                finish(self, X, design, target, objective)
            else:
                self._finish(X, design, target.share, objective)
        else:
            self._average(found, paths, Cs)
        if self.use_legacy_attributes:
            self._as_before()
        return self

    def _target(self, y: Any, sample_weight: Any, m: int) -> Odds | Shares:
        if self.target == "labels":
            labels = Labels.of(y, sample_weight, m)
            if len(labels.classes) > 2:
                return Shares.of(labels, self.class_weight)
        odds = as_odds(self, y, sample_weight, m).weighted(self.class_weight)
        odds.check_both(self)
        return odds

    def _fit_source(self, X: Any, offset: Any, params: Any) -> Any:
        """Fit to a source. All folds share each read."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source = sources.opened(self, X, offset)
        if self.scoring != _LIKELIHOOD or not self.refit:
            raise ValueError(
                f"scoring must be {_LIKELIHOOD!r} and refit True where X is a source, of kind "
                f"{source.kind}: it is read by blocks"
            )
        self.Cs_, ratios = self._tried()
        order = np.argsort(self.Cs_, kind="stable")
        Cs, count = self.Cs_[order], sources.folds_of(self, source, params)
        makers = [self._maker(source.n_features, ratio, None) for ratio in ratios]
        paths = [
            sources.followed(self, source, make, 1.0 / Cs, n_folds=count, by_total=True)
            for make in makers
        ]
        self.classes_ = sources.classes_of(source, paths[0])
        self.l1_ratios_ = np.array(ratios)
        found = [errors_of_source(each) for each in paths]
        self.cv_certificate_ = certificate_of(found, self.tol)
        which, best = self._choose(found, Cs)
        width = source.n_features + bool(self.fit_intercept)
        training = np.stack([each.training[:width] for each in paths])
        if training.ndim == 4:  # (L, n + 1, K, F), and of several classes (L, n + 1, q, K, F)
            training = training[:, :, None]
        self._report(found, training.transpose(4, 0, 3, 2, 1), order)
        warn_of_choice(self, self.cv_certificate_)
        sources.finish(self, source, paths[which], makers[which], best)
        if self.use_legacy_attributes:
            self._as_before()
        return self

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the mean deviances against C.

        A band shows one standard error, and lines mark both choices. With another `scoring` it
        draws the mean scores. They are those of the l1_ratio with the best score.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on. None makes new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        check_is_fitted(self)
        scores = np.asarray(self.scores_)
        if self.use_legacy_attributes:
            own = next(iter(self.scores_.values()))  # the same for all classes
            scores = own[:, None] if own.ndim == 2 else own.swapaxes(1, 2)
        by_deviance = self.scoring == _LIKELIHOOD
        scores = -2.0 * scores if by_deviance else scores
        mean, folds = scores.mean(axis=0), len(scores)
        best = (np.nanargmin if by_deviance else np.nanargmax)(mean)
        which = int(np.unravel_index(best, mean.shape)[0])
        spread = spread_over_folds(scores[:, which].T)
        name = f"mean of {folds} folds"
        if len(mean) > 1:
            name += f", l1_ratio = {self.l1_ratios_[which]:g}"
        curve = Curve(self.Cs_, mean[which], spread, self._label(), name)
        marks = {"min": self.C_min_, "1se": self.C_1se_}
        return draw_errors(curve, marks, strength="C", ax=ax)

    def _label(self) -> str:
        """Return the name of the scores."""
        if self.scoring == _LIKELIHOOD:
            return "mean deviance"
        if callable(self.scoring):
            return "score"
        return "accuracy" if self.scoring is None else str(self.scoring).replace("_", " ")

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute the score that `scoring` names.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Labels, shares or counts, as `target` states.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like or None, default=None
            Known part of the prediction, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros.

        Returns
        -------
        float
            The score; larger is better.

        Raises
        ------
        ValueError
            X has other features than the fit, a value is NaN or infinite, or y is not what `target`
            states.
        """
        if self.scoring != _LIKELIHOOD:
            model = self if offset is None else Shifted(self, offset)
            given = {} if sample_weight is None else {"sample_weight": sample_weight}
            return self._scorer()(model, X, y, **given)
        if len(self.classes_) > 2:
            return -mean_log_loss(self, X, y, sample_weight, offset)
        z = self.decision_function(X, offset)
        if self.target == "labels":
            share, weights = known_share(self, y, len(z)), as_weights(sample_weight, len(z))
        else:
            share, weights = shares(self.target, y, sample_weight, len(z))
        lost = losses.value(self._loss, z, share) - losses.saturated(self._loss, share)
        return -float(np.average(lost, weights=weights))

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        if not self.refit:
            raise ValueError(
                "summary needs a fit to all rows, and refit=False averages fits to training sets: "
                "fit with refit=True"
            )
        C, ratio = (float(np.ravel(each)[0]) for each in (self.C_, self.l1_ratio_))
        return ratio, float(per_weight(np.array([1.0 / C]), weights, m)[0])

    def get_metadata_routing(self) -> Any:
        """Return what `fit` passes to the splitter and the scorer.

        See scikit-learn's guide to metadata routing.

        Returns
        -------
        MetadataRouter
            The requests of `fit`.
        """
        if self.scoring == _LIKELIHOOD:  # of our own
            return router(self, splitter=self.cv)
        return router(self, splitter=self.cv, scorer=self._scorer())

    def _scorer(self) -> Any:
        return get_scorer("accuracy" if self.scoring is None else self.scoring)

    def _tried(self) -> tuple[Array, list[float]]:
        """Check `scoring`, and return Cs (K,) and l1_ratios."""
        if self.target != "labels" and self.scoring != _LIKELIHOOD:
            raise ValueError(f"scoring must be 'neg_log_loss' with target={self.target!r}")
        Cs = np.logspace(-4, 4, self.Cs) if isinstance(self.Cs, Integral) else self.Cs
        Cs = np.asarray(Cs, float)
        if Cs.ndim != 1 or not len(Cs) or not (Cs > 0.0).all():
            raise ValueError(f"Cs must be a number of strengths, or numbers above 0, got {self.Cs}")
        check_inverse("Cs", Cs)
        if self.penalty in ("l1", "l2"):
            return Cs, [1.0 if self.penalty == "l1" else 0.0]
        if self.l1_ratios is None:
            if self.penalty == "elasticnet":
                raise ValueError("l1_ratios must be given with penalty='elasticnet', got None")
            return Cs, [0.0]
        return Cs, ratios_of(self.l1_ratios, "l1_ratios")

    def _followed(
        self, design: Any, target: Odds | Shares, splits: Any, makers: Any, Cs: Array
    ) -> tuple[list[Errors], Array]:
        """Fit all folds at ascending Cs.

        Return the errors of each l1_ratio, and coefficients (F, L, K, q, n) or (F, L, K, q, n + 1),
        with q the number of classes, or 1 of two.
        """
        n, intercept = design.shape[1], bool(self.fit_intercept)
        q = target.share.shape[1] if target.share.ndim == 2 else 1
        paths = np.empty((len(splits), len(makers), len(Cs), q, n + intercept))
        validation = Validation(
            design, target.share, target.weights, splits, intercept, of_squares=False
        )

        def keep(which: int, f: int, coef: Array, own: Array) -> None:
            paths[f, which, :, :, :n] = coef.reshape(n, q, len(Cs)).T
            if intercept:
                levels = own.reshape(q, len(Cs)).T
                # Of several classes a constant added to all changes nothing.
                centred = levels - levels.mean(axis=1, keepdims=True)
                paths[f, which, :, :, n] = centred if q > 1 else levels

        mass = np.array([validation.training_weight(f) for f in range(len(splits))])
        strengths = [(1.0 / Cs)[:, None] / mass] * len(makers)
        return fold_errors(self, validation, makers, strengths, keep), paths

    def _parted(self, both: Array) -> tuple[Array, Array]:
        """Coefficients (q, n) and intercepts (q,) of a fit (q, n + 1), or (q, n) without."""
        n = self.n_features_in_
        levels = both[:, n] if self.fit_intercept else np.zeros(len(both))
        return np.ascontiguousarray(both[:, :n]), levels.copy()

    def _scored(
        self, X: Any, labels: Array, splits: Any, paths: Array, shift: Array | None, given: Any
    ) -> Array:
        """Compute scores (F, L, K) by a scorer of scikit-learn."""
        scorer, out, model = self._scorer(), np.empty(paths.shape[:3]), LogisticRegression()
        model.classes_, model.n_features_in_ = self.classes_, self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            model.feature_names_in_ = self.feature_names_in_
        for f, (_, test) in enumerate(splits):
            rows, own = _safe_indexing(X, test), _check_method_params(X, given, test)
            for place in np.ndindex(*out.shape[1:]):
                model.coef_, model.intercept_ = self._parted(paths[(f, *place)])
                asked = model if shift is None else Shifted(model, shift[test])
                out[(f, *place)] = scorer(asked, rows, labels[test], **own)
        return out

    def _choose(self, found: list[Errors], Cs: Array) -> tuple[int, int]:
        """Choose, and return the places of the l1_ratio and of C in ascending Cs."""
        which = least_of(found)
        best = {rule: found[which].choose(rule) for rule in ("min", "1se")}
        self.C_min_, self.C_1se_ = (float(Cs[best[rule]]) for rule in ("min", "1se"))
        self.C_ = self.C_min_ if self.rule == "min" else self.C_1se_
        self.l1_ratio_ = float(self.l1_ratios_[which])
        return which, best[self.rule]

    def _report(self, found: list[Errors], paths: Array, order: Array) -> None:
        """Set scores and coefficients, in the given order of Cs."""
        back = np.argsort(order)
        self.scores_ = np.stack([-0.5 * errors.mse.T for errors in found], axis=1)[:, :, back]
        self.coefs_paths_ = paths[:, :, back]

    def _average(self, found: list[Errors], paths: Array, Cs: Array) -> None:
        """Set the averages of the best C, l1_ratio and coefficients of each fold."""
        mse = np.stack([errors.mse for errors in found])  # (L, K, F)
        folds = range(mse.shape[2])
        places = [np.unravel_index(np.nanargmin(mse[:, :, f]), mse.shape[:2]) for f in folds]
        mean = np.mean([paths[(f, *place)] for f, place in zip(folds, places, strict=True)], axis=0)
        self.coef_, self.intercept_ = self._parted(mean)
        self.C_ = float(np.mean([Cs[k] for _, k in places]))
        self.l1_ratio_ = float(np.mean([self.l1_ratios_[which] for which, _ in places]))
        self.n_iter_ = np.zeros(1, np.int32)

    def _as_before(self) -> None:
        """Give attributes the shapes of scikit-learn before 1.10."""
        scores, paths = self.scores_.swapaxes(1, 2), self.coefs_paths_.swapaxes(1, 2)
        if self.l1_ratios is None:
            scores, paths = scores[:, :, 0], paths[:, :, 0]
        keys = self.classes_ if len(self.classes_) > 2 else self.classes_[1:]
        self.scores_ = dict.fromkeys(keys, scores)
        self.coefs_paths_ = {key: paths[..., k, :] for k, key in enumerate(keys)}
        self.C_, self.l1_ratio_ = (np.full(len(keys), each) for each in (self.C_, self.l1_ratio_))
