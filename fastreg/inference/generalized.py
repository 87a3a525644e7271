"""Standard errors of fits whose loss is minus a log-likelihood, or that times a scale φ.

With z the predictions, u = ℓ′(z), i the mean of ℓ″(z) over y, v = wi, x̃ = (1, x) (x without an
intercept), M = Σ w and D = M diag(0, l2), what the fit's second derivative is on average, and
Fisher's information times φ, are

    H = Σ v x̃x̃ᵀ + D,   J = Σ v x̃x̃ᵀ

| method | covariance | |
|---|---|---|
| classical | φ H⁻¹ J H⁻¹ | φ times the inverse of XᵀVX where D = 0: R's summary(glm) |
| HC0 | H⁻¹ (Σ w²u² x̃x̃ᵀ) H⁻¹ | R's sandwich(glm); Huber 1967, White 1982 |
| HC1, sandwich | HC0 · m/(m − tr H⁻¹J) | R's vcovHC(type="HC1") |
| clustered | H⁻¹ (Σ_g s_g s_gᵀ) H⁻¹ · G/(G − 1), s_g = Σ w u x̃ of a cluster | R's vcovCL(glm) |
| bayesian | φ H⁻¹ | the posterior's, about its mode, under w ~ N(0, φ/(M l2)), b flat |

φ is 1 for classes and counts. For amounts it is Pearson's estimate, χ²/(m − tr H⁻¹J) with
χ² = Σ w u²/i, and tests by "classical" and "bayesian" take Student's t with as many degrees of
freedom, as R does. The log likelihood takes φ = D/M, as R's does, D the deviance.

A ridge is treated as `ridge` treats it: classical and HC describe how the estimate scatters about
its mean, which the ridge has moved. A weight counts rows, or trials of a proportion; HC takes a row
for one observation, whatever its weight. Tests and intervals are Wald's: they hold for many rows.
The likelihood ratio (D_null − D)/φ is χ² with as many degrees of freedom as there are coefficients,
where nothing penalises these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import chdtrc, log_ndtr, ndtri, stdtr, stdtrit

from fastreg._jit import single_threaded_blas
from fastreg.certificate import losses
from fastreg.certificate.intercept import null_model
from fastreg.design import Design
from fastreg.inference.likelihood_table import LikelihoodInference
from fastreg.inference.table import caveat, named
from fastreg.losses import traits
from fastreg.objectives import Objective
from fastreg.penalties import is_absolute
from fastreg.selection import separation
from fastreg.selection.curvatures import Rows
from fastreg.solvers import solve
from fastreg.solvers.ridge import inverse

Array = np.ndarray
_ABOUT = (
    "Wald intervals, for many rows; they cover the mean of the estimate: the truth where nothing "
    "is penalised, else what the penalty has made of it."
)
ASSUMES = {
    "classical": f"Rows independent, y as the likelihood has it, weights count rows. {_ABOUT}",
    "HC0": f"Rows independent, one observation each whatever the weight, of any variance. {_ABOUT}",
    "bayesian": "Rows independent, y as the likelihood has it, coefficients drawn from "
    "N(0, 1/(l2·Σw)), l2 beside the mean loss; many rows. Intervals cover the coefficients on "
    "average over that prior.",
}
ASSUMES["HC1"] = ASSUMES["sandwich"] = ASSUMES["HC0"]
ASSUMES["clustered"] = f"Clusters of rows independent, rows of one as they may be. {_ABOUT}"
LIKELIHOOD_METHODS = ("classical", "sandwich", "HC0", "HC1", "clustered", "bayesian")
_BY_MODEL = ("classical", "bayesian")  # methods that take the variance of the likelihood
_L1 = (
    " An L1 penalty moves every coefficient towards zero; that it kept them all is taken for "
    "granted, and so are their signs."
)
_FIRTH = " Firth's term has moved the coefficients; the likelihood is that of the model without it."
_DIVIDES = "a weight divides the variance of its row"
_NEAR = 0.1  # standard errors from the minimum: 95 % intervals then cover 94.9 %
_SAFETY = 8.0  # of what a relative gap allows
_EXACT = 1e-12  # relative gap of a fit that goes on
_ALIASED = 1e-10  # of a column's square, below which the others say what it says
_CONSTANT = 1e-13  # of a mean: a spread that is rounding
_NAMED = 10  # features in a message


def likelihood_inference(
    X: Design, y: Array, objective: Objective, coef: Array, intercept: float, *,
    method: str = "classical", level: float = 0.95, names: Sequence[str] | None = None,
    chosen: bool = False, ratio: str = "ratio", slack: float = 1e-4, clusters: Array | None = None,
    estimated: int = 0, has_firth: bool = False,
) -> LikelihoodInference:  # fmt: skip
    """Inference of a fit to a loss that is minus a log-likelihood.

    Parameters
    ----------
    X : Design, (m, n)
    y : (m,)
    objective : of the fit, at one strength, without bounds
    coef, intercept : (n,) and float
    method : one of LIKELIHOOD_METHODS
    level : of the intervals
    names : (n,) of the features, or None
    chosen : whether strengths were chosen with these data
    ratio : what exp(coef) is
    slack : relative gap of the fit. One that is more than a tenth of a standard error from its
        minimum goes on to there first; more than the slack explains is not of these data
    clusters : (m,) int from 0 on of the rows, for "clustered"
    estimated : numbers of the loss that come from these data
    has_firth : whether the fit has Firth's term, which moves it from the likelihood's maximum. Its
        likelihood ratio is not that of likelihoods, and not given

    Raises
    ------
    ValueError
        There is no such method, coefficients have bounds, an L1 penalty has left some out, columns
        depend on one another without a ridge, the data is separable, or it is not that of the fit.
    """
    check_method(method, clusters)
    check_penalty(objective, coef, names)
    with single_threaded_blas:
        if has_firth:
            fit = _Fit(X, y, objective, coef, intercept, names)
        else:
            _check_separation(X, y, objective, coef, intercept, names)
            fit = _at_minimum(X, y, objective, coef, intercept, slack, names)
        covariance = fit.covariance(method, clusters)
    coef, intercept = fit.coef, fit.intercept
    has_l1 = check_penalty(objective, coef, names)
    live, c = fit.live, int(objective.fit_intercept)
    features = np.append(-np.ones(c, int), np.arange(len(coef)))
    estimate = np.append(np.full(c, intercept), coef)
    place = np.append(np.arange(c), c + live)
    whole = np.zeros((len(estimate), len(estimate)))
    whole[np.ix_(place, place)] = covariance
    error = np.sqrt(np.maximum(np.diag(whole), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0.0, estimate / error, np.nan)
    free = not (has_l1 or has_firth or fit.l2.any())
    tested = (fit.null_deviance - fit.deviance) / fit.dispersion
    left = fit.rows.count - fit.used
    if fit.dispersed and method in _BY_MODEL:
        far, tail = float(stdtrit(left, 0.5 * (1.0 + level))), stdtr(left, -np.abs(statistic))
    else:
        far, tail = float(ndtri(0.5 * (1.0 + level))), np.exp(log_ndtr(-np.abs(statistic)))
    reach = far * error
    counted = fit.used + float(fit.dispersed) + estimated
    return LikelihoodInference(
        names=named(features, names),
        features=features,
        coef=estimate,
        standard_error=error,
        statistic=statistic,
        p_value=2.0 * tail,
        lower=estimate - reach,
        upper=estimate + reach,
        covariance=whole,
        level=level,
        method=f"{method} standard errors",
        assumes=caveat(_assumes(method, fit.dispersed) + _L1 * has_l1 + _FIRTH * has_firth, chosen),
        loss=objective.loss,
        ratio_name=ratio,
        n_samples=fit.rows.count,
        deviance=fit.deviance,
        null_deviance=fit.null_deviance,
        residual_dof=left,
        null_dof=fit.rows.count - c,
        pearson=fit.pearson,
        dispersion=fit.dispersion,
        log_likelihood=fit.log_likelihood,
        aic=2.0 * (counted - fit.log_likelihood),
        bic=float(np.log(fit.rows.count)) * counted - 2.0 * fit.log_likelihood,
        likelihood_ratio=np.nan if has_firth else tested,
        likelihood_ratio_p=float(chdtrc(len(live), max(tested, 0.0))) if free else np.nan,
    )


def check_method(method: str, clusters: Array | None) -> None:
    """ValueError if there is no such method, or clusters are there without it or not with it."""
    if method not in LIKELIHOOD_METHODS:
        known = ", ".join(LIKELIHOOD_METHODS)
        raise ValueError(f"method must be one of {known}, got {method!r}")
    if (method == "clustered") != (clusters is not None):
        raise ValueError("cluster, a number or a name a row, and method='clustered' go together")


def left_of(count: int, used: float) -> float:
    """Degrees of freedom that a fit leaves to rows."""
    if not count > used:
        raise ValueError(
            f"{count} rows leave no degree of freedom to a fit that uses {used:.1f}: take "
            "method='HC0' or 'classical'"
        )
    return count - used


def squares_of(scores: Array) -> Array:
    """Σ_g s_g s_gᵀ G/(G − 1) of the sums of clusters (G, p), of which some may have no rows."""
    seen = int(scores.any(axis=1).sum())
    if seen < 2:
        raise ValueError("cluster has one group of rows: it needs two at least")
    out: Array = scores.T @ scores * (seen / (seen - 1.0))
    return out


def _assumes(method: str, dispersed: bool) -> str:
    """What a weight is: of amounts, R's glm has it divide the variance of its row."""
    said = ASSUMES[method]
    return said.replace("weights count rows", _DIVIDES) if dispersed else said


def _at_minimum(
    X: Design, y: Array, objective: Objective, coef: Array, intercept: float, slack: float,
    names: Sequence[str] | None,
) -> _Fit:  # fmt: skip
    """The fit, as it is or gone on with."""
    fit = _Fit(X, y, objective, coef, intercept, names)
    if fit.distance <= _NEAR:
        return fit
    # A Newton step gains φ·distance²/2 of Σ w ℓ; half the null deviance is the unit of gaps.
    if fit.dispersion * fit.distance**2 > _SAFETY * slack * fit.null_deviance:
        raise ValueError(
            f"coefficients are {fit.distance:.2g} standard errors from the minimum for these data, "
            "further than tol explains: give summary the X, y, sample_weight and offset of the fit"
        )
    found = solve(X, y[:, None], objective, tol=_EXACT, start=coef[:, None])
    _check_separation(X, y, objective, found.coef[:, 0], float(found.intercept[0]), names)
    fit = _Fit(X, y, objective, found.coef[:, 0], float(found.intercept[0]), names)
    if not fit.distance <= _NEAR:
        raise ValueError(
            f"the fit ends {fit.distance:.2g} standard errors from its minimum: centre and scale "
            "the columns of X"
        )
    return fit


def check_penalty(objective: Objective, coef: Array, names: Sequence[str] | None) -> bool:
    """Whether some coefficient has an L1 penalty, of which none may be zero."""
    penalty = objective.at(0)[1]
    if not is_absolute(penalty):
        raise ValueError(
            "summary has no intervals for coefficients between bounds: fit without bounds and "
            "positive=True"
        )
    held = np.broadcast_to(np.asarray(penalty.l1) > 0.0, len(coef))
    out = np.flatnonzero(held & (coef == 0.0))
    if len(out):
        raise ValueError(
            f"an L1 penalty has left out {_words(out, names)}: intervals of the rest would "
            "ignore that selection. Fit the features that were kept to other rows without a "
            "penalty, or set l1_ratio=0"
        )
    return bool(held.any())


def _words(features: Array, names: Sequence[str] | None) -> str:
    shown = named(features[:_NAMED], names)
    return ", ".join(shown) + (", …" if len(features) > _NAMED else "")


class _Sums(NamedTuple):
    """Over the rows, with x̃ = (1, x − origin): J and Σ w²u² x̃x̃ᵀ (n + 1, n + 1), Σ w u x̃ (n + 1,),
    and Σ w [ℓ − min ℓ], Σ w ℓ, Σ w u²/i."""

    J: Array
    meat: Array
    slope: Array
    numbers: Array

    @classmethod
    def of(cls, rows: Rows, loss: Any, coef: Array, intercept: float) -> _Sums:
        p = len(coef) + 1
        J, meat, slope, numbers = np.zeros((p, p)), np.zeros((p, p)), np.zeros(p), np.zeros(3)
        for X, z, y, w, _ in rows.blocks(coef, intercept):
            A = np.column_stack([np.ones(len(z)), X])
            u, bend = losses.slope(loss, z, y), losses.information(loss, z)
            value = losses.value(loss, z, y)
            J += (A * (w * bend)[:, None]).T @ A
            meat += (A * ((w * u) ** 2)[:, None]).T @ A
            slope += (w * u) @ A
            # Where i underflows so does u, or the row is one that no model explains.
            pearson = np.divide(u * u, bend, out=np.zeros(len(u)), where=bend > 0.0)
            lost = losses.excess(loss, z, y)
            numbers += [float(w @ part) for part in (lost, value, pearson)]
        return cls(J, meat, slope, numbers)


class _Fit:
    """What follows from the sums of a fit. `live` are the columns that vary; level and β stand for
    b and w about the means of x by v."""

    def __init__(
        self, X: Design, y: Array, objective: Objective, coef: Array, intercept: float,
        names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        n = X.shape[1]
        self.rows = Rows(X, y, objective, np.arange(n))
        sums = _Sums.of(self.rows, objective.loss, coef, intercept)
        self.live = self._varying(sums.J)
        self.l2, penalty = (
            np.broadcast_to(part, n)[self.live] * self.rows.weight
            for part in (objective.at(0)[0], np.asarray(objective.at(0)[1].l1))
        )
        self._centre(sums)
        self._invert(names)
        pull = penalty * np.sign(coef[self.live]) + self.l2 * coef[self.live]
        self.coef, self.intercept, self.distance = coef, intercept, self._newton(pull)
        lost, loss, self.pearson = map(float, sums.numbers)
        self.deviance, self._y, self._loss = 2.0 * lost, y, objective.loss
        self.null_deviance = _null_deviance(y, objective)
        self.used = self._centred + float(np.sum(self._inverse * self._G.T))
        self.dispersed = traits(objective.loss).dispersed
        self.dispersion = 1.0
        if self.dispersed:
            self.dispersion = self.pearson / left_of(self.rows.count, self.used)
        self.distance /= np.sqrt(self.dispersion) if self.dispersion > 0.0 else 1.0
        self.log_likelihood = self._log_likelihood(objective, loss)

    def _log_likelihood(self, objective: Objective, loss: float) -> float:
        """From Σ w ℓ; NaN where the loss knows no density."""
        w = np.ones(len(self._y)) if objective.weights is None else objective.weights
        seen = w > 0.0
        scale = self.deviance / self.rows.weight if self.dispersed else 1.0
        try:
            constant = losses.log_constant(self._loss, self._y[seen], w[seen], scale)
        except ValueError:
            return np.nan
        return float(constant.sum()) - loss / scale

    @property
    def _centred(self) -> int:
        return int(self.rows.centred)

    def _varying(self, J: Array) -> Array:
        """Columns that are not constant beside an intercept, nor zero."""
        rounding = (_CONSTANT * self.rows.origin) ** 2 * J[0, 0]
        return np.flatnonzero(np.diag(J)[1:] > rounding)

    def _centre(self, sums: _Sums) -> None:
        """Σ v, x̄, G, the meat and the slope about the means by v; without an intercept as they
        are, with nothing for the level."""
        keep = np.append(0, 1 + self.live)
        J, meat, slope = sums.J[np.ix_(keep, keep)], sums.meat[np.ix_(keep, keep)], sums.slope[keep]
        move = np.eye(len(keep))
        if self._centred:
            move[1:, 0] = -J[1:, 0] / J[0, 0]
        self._move = move
        J, self._meat, self._slope = move @ J @ move.T, move @ meat @ move.T, move @ slope
        self._total, self._G = float(J[0, 0]), J[1:, 1:]
        self._mean = self.rows.origin[self.live] - move[1:, 0]

    def _invert(self, names: Sequence[str] | None) -> None:
        """(G + diag l2)⁻¹."""
        found = inverse(self._G, self.l2)
        if found is None:
            these = self.live[_aliased(self._G)]
            which = (
                f"{_words(these, names)} depend"
                if len(these) > 1
                else (f"{_words(these, names)} depends" if len(these) else "columns of X depend")
            )
            raise ValueError(
                f"{which} on other columns, or nearly: coefficients have no standard errors; leave "
                "these out, or penalise them by a ridge"
            )
        self._inverse = found

    def _newton(self, pull: Array) -> float:
        """How far a step of Newton's method goes, in standard errors (√ of its decrement)."""
        beta = self._slope[1:] + pull
        square = float(beta @ self._inverse @ beta)
        if self._centred:
            square += float(self._slope[0]) ** 2 / self._total
        return float(np.sqrt(max(square, 0.0)))

    def covariance(self, method: str, clusters: Array | None = None) -> Array:
        """Of (b, w of live columns), or of w alone."""
        p, c = len(self.live), self._centred
        K, J = np.zeros((p + 1, p + 1)), np.zeros((p + 1, p + 1))
        K[1:, 1:], J[1:, 1:] = self._inverse, self._G
        if c:
            K[0, 0], J[0, 0] = 1.0 / self._total, self._total
        meat = self._meat if clusters is None else self._clustered(clusters)
        middle = {"classical": J, "bayesian": None}.get(method, meat)
        about = K if middle is None else K @ middle @ K
        if method in _BY_MODEL:
            about = about * self.dispersion
        if method in ("HC1", "sandwich"):
            about = about * (self.rows.count / left_of(self.rows.count, self.used))
        back = np.eye(p + 1)
        back[0, 1:] = -self._mean
        out: Array = (back @ about @ back.T)[1 - c :, 1 - c :]
        return out

    def _clustered(self, clusters: Array) -> Array:
        """Σ_g s_g s_gᵀ G/(G − 1), of the coordinates of the meat."""
        count, p = int(clusters.max()) + 1, len(self.coef) + 1
        scores = np.zeros((count, p))
        for X, z, y, w, rows in self.rows.blocks(self.coef, self.intercept):
            A = np.column_stack([np.ones(len(z)), X])
            A *= (w * losses.slope(self._loss, z, y))[:, None]
            np.add.at(scores, clusters[rows], A)
        return squares_of(scores[:, np.append(0, 1 + self.live)] @ self._move.T)


def _check_separation(
    X: Design, y: Array, objective: Objective, coef: Array, intercept: float,
    names: Sequence[str] | None,
) -> None:  # fmt: skip
    z = X.matrix @ coef + intercept
    z = z if objective.offset is None else z + objective.offset
    found = separation.complaint(X, y, z, objective, False, names)
    if found:
        raise ValueError(f"{found}: there are no standard errors")


def _null_deviance(y: Array, objective: Objective) -> float:
    """Of the intercept and the offset alone."""
    loss, m = objective.loss, len(y)
    w = np.ones(m) if objective.weights is None else objective.weights
    seen = w > 0.0
    _, z = null_model(loss, y[:, None], w, objective.offset, objective.fit_intercept)
    w, y, z = w[seen], y[seen, None], z[seen]
    return 2.0 * float(w @ losses.excess(loss, z, y)[:, 0])


def _aliased(G: Array) -> Array:
    """Columns that those before them say, as R finds them: by elimination, one after the other."""
    size = np.sqrt(np.diag(G))
    A, out = G / np.outer(size, size), []
    for j in range(len(A)):
        if A[j, j] <= _ALIASED:
            out.append(j)
            continue
        A[j + 1 :, j + 1 :] -= np.outer(A[j + 1 :, j], A[j, j + 1 :]) / A[j, j]
    return np.array(out, int)
