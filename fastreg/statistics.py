"""`SufficientStatistics`: one pass over the data, then any fit without them.

What least squares needs of rows (x, y, w) is their number, their weight, their mean and their
scatter (`fastreg.moments`). These add up: over blocks of a file, machines, days; and what was
added can be taken out again.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from fastreg import moments, paths
from fastreg._files import write_whole
from fastreg._jit import single_threaded_blas
from fastreg.certificate import Certificate, Terms, certify_moments
from fastreg.design import as_design, as_target, as_weights, nonfinite_message
from fastreg.functional import nonnegative
from fastreg.moments import Frame, Moments
from fastreg.selection.cross_validation import Errors, mean_squared_error
from fastreg.solvers import follow
from fastreg.solvers.summary import Summary, summarise
from fastreg.solvers.working_set import largest_strength

Array = np.ndarray
_FORMAT, _VERSION = "fastreg statistics", 1


class SufficientStatistics:
    """Moments of (X, y), by fold if wanted, that blocks, files and machines add up to.

    Parameters
    ----------
    n_features : int, n
    n_targets : int, columns of y
    n_folds : int, of a later cross-validation

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((1000, 5))
    >>> y = X[:, 0] + 0.1 * rng.standard_normal(1000)
    >>> stats = fastreg.SufficientStatistics(n_features=5, n_folds=4)
    >>> for start in range(0, 1000, 250):  # blocks of a file, say
    ...     rows = slice(start, start + 250)
    ...     stats = stats.update(X[rows], y[rows], fold=np.arange(250) % 4)
    >>> stats.n_samples, stats.path(alphas=30).coefs.shape
    (1000, (5, 30))
    >>> stats.cross_validate(alphas=30).alpha_min < 0.05
    True
    """

    def __init__(self, n_features: int, n_targets: int = 1, n_folds: int = 1) -> None:
        for name, value in (
            ("n_features", n_features), ("n_targets", n_targets), ("n_folds", n_folds),
        ):  # fmt: skip
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        self.n_features, self.n_targets = int(n_features), int(n_targets)
        self.n_folds = int(n_folds)
        self._parts: list[Moments] | None = None  # of each fold; None before the first row

    # ------------------------------------------------------------ collecting

    def update(
        self, X: Any, y: Any, sample_weight: Any = None, fold: Any = None
    ) -> SufficientStatistics:
        """Add rows, in one read of them; returns self.

        Parameters
        ----------
        X : (m, n) array, memory map, sparse matrix or frame
        y : (m,), or (m, k) for k targets
        sample_weight : (m,) ≥ 0 or None
        fold : int, or (m,) integers, from 0 to n_folds − 1; None is 0

        Raises
        ------
        ValueError
            A shape or a value is not acceptable; the statistics are as they were.
        """
        design = as_design(X)
        m, n = design.shape
        target = as_target(y, m)
        Y = target[:, None] if target.ndim == 1 else target
        if n != self.n_features or Y.shape[1] != self.n_targets:
            raise ValueError(
                f"X has {n} features and y {Y.shape[1]} targets, these statistics "
                f"{self.n_features} and {self.n_targets}"
            )
        weights = as_weights(sample_weight, m)
        folds = self._folds(fold, m)
        frame = self._parts[0].frame if self._parts else Frame.of(design, Y, weights)
        with single_threaded_blas, np.errstate(over="ignore", invalid="ignore"):
            found = moments.gather(design, Y, weights, folds, self.n_folds, frame)
        if not all(np.isfinite(part.scatter).all() for part in found):
            raise ValueError(
                nonfinite_message(design) or "squares of X or y leave float64: change their units"
            )
        if design.is_sparse and any(part.count and part.is_far() for part in found):
            raise ValueError(
                "a column of the sparse X has a mean that dwarfs its spread: pass it dense, or "
                "subtract a constant first"
            )
        if folds is None:
            found += [moments.empty(frame) for _ in range(self.n_folds - 1)]
        old = self._parts or [moments.empty(frame) for _ in range(self.n_folds)]
        self._parts = [a + b for a, b in zip(old, found, strict=True)]
        return self

    def _folds(self, fold: Any, m: int) -> Array | None:
        if fold is None or (np.ndim(fold) == 0 and fold == 0):
            return None
        folds = np.broadcast_to(np.asarray(fold), (m,))
        whole = folds.dtype.kind in "iu"
        if not whole or folds.min() < 0 or folds.max() >= self.n_folds:
            raise ValueError(f"fold must hold integers from 0 to {self.n_folds - 1}, got {fold!r}")
        return folds.astype(np.int64)

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        """The statistics of both sets of rows, fold by fold."""
        return self._merged(other, lambda a, b: a + b)

    def __sub__(self, other: SufficientStatistics) -> SufficientStatistics:
        """Without the rows of `other`, which must be among these.

        Raises
        ------
        ValueError
            They are not, or so little is left that rounding outweighs it.
        """
        return self._merged(other, lambda a, b: a - b)

    def _merged(self, other: SufficientStatistics, merge: Any) -> SufficientStatistics:
        if not isinstance(other, SufficientStatistics):
            return NotImplemented
        shape = (self.n_features, self.n_targets, self.n_folds)
        if shape != (other.n_features, other.n_targets, other.n_folds):
            raise ValueError("statistics of other numbers of features, targets or folds")
        out = SufficientStatistics(*shape)
        mine, theirs = self._parts, other._parts
        if mine is None or theirs is None:
            if theirs is not None:  # nothing, with or without something
                nothing = [moments.empty(part.frame) for part in theirs]
                out._parts = [merge(a, b) for a, b in zip(nothing, theirs, strict=True)]
            else:
                out._parts = None if mine is None else list(mine)
            return out
        out._parts = [merge(a, b) for a, b in zip(mine, theirs, strict=True)]
        return out

    # ------------------------------------------------------------ what they say

    @property
    def n_samples(self) -> int:
        """Rows of positive weight."""
        return 0 if self._parts is None else sum(part.count for part in self._parts)

    @property
    def weight(self) -> float:
        """Σ w."""
        return 0.0 if self._parts is None else float(sum(part.weight for part in self._parts))

    def mean(self) -> Array:
        """(n + k,): weighted means of the features, then of the targets."""
        whole = self._whole()
        return whole.frame.origin + whole.frame.unit * whole.mean

    def covariance(self) -> Array:
        """(n + k, n + k): Σ w (v − v̄)(v − v̄)ᵀ/Σ w of features and targets."""
        whole = self._whole()
        return whole.scatter / whole.weight * np.outer(whole.frame.unit, whole.frame.unit)

    def _whole(self) -> Moments:
        if self._parts is None or not self.n_samples:
            raise ValueError("there are no rows yet: call update first")
        return moments.total(self._parts)

    # ------------------------------------------------------------ fits

    def path(
        self,
        *,
        l1_ratio: float = 1.0,
        alphas: Any = 100,
        eps: float | None = None,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        positive: bool = False,
        bounds: Any = None,
        penalty_factor: Any = None,
        target: int = 0,
        max_iter: int = 1000,
    ) -> paths.Path:
        """`fastreg.path` of one target, without X. Its certificate takes the statistics for true.

        l1_ratio=0 gives ridges: alpha there is that of `Ridge` divided by Σ w.
        """
        spec = self._spec(l1_ratio, alphas, eps, fit_intercept, positive, bounds, penalty_factor)
        problem, certificate = self._fit(self._whole(), spec, target, tol, max_iter)
        coef, intercept, strengths = problem
        paths.warn(certificate, False, max_iter)
        return paths.Path(
            alphas=strengths,
            coefs=coef,
            intercepts=intercept,
            gaps=certificate.relative_gap,
            l1_ratio=spec.ratio,
            certificate=certificate,
            n_iter=1,
            data=self._source(spec, target),
        )

    def _source(self, spec: _Spec, target: int) -> paths.Source:
        whole = self._whole()

        def problem() -> Summary:
            return summarise(whole, spec.terms(None), target, self.n_targets)

        def errors(cv: Any, strengths: Array, tol: float, gamma: float | None) -> Errors:
            raise ValueError("folds are given with update: call cross_validate of the statistics")

        return paths.Source(spec.terms(None), self.n_samples, self.weight, problem, errors)

    def cross_validate(
        self,
        *,
        l1_ratio: float = 1.0,
        alphas: Any = 100,
        eps: float | None = None,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        positive: bool = False,
        bounds: Any = None,
        penalty_factor: Any = None,
        target: int = 0,
        max_iter: int = 1000,
    ) -> CrossValidation:
        """Errors of each fold that has rows, its path fitted to the others."""
        spec = self._spec(l1_ratio, alphas, eps, fit_intercept, positive, bounds, penalty_factor)
        whole = self._whole()
        parts = [part for part in self._parts or [] if part.count]
        if len(parts) < 2:
            raise ValueError("cross-validation needs rows in two folds at least: update(fold=…)")
        strengths = self._strengths(whole, spec, target, tol, max_iter)
        mse = np.empty((len(strengths), len(parts)))
        with single_threaded_blas:
            for f, part in enumerate(parts):
                training = moments.without(parts, whole, [f])
                problem = self._summary(training, spec, strengths, target)
                coef, intercept = follow(problem, tol, max_iter)
                mse[:, f] = mean_squared_error(
                    _of_target(part, target, self.n_targets), coef, intercept
                )
        return CrossValidation(mse, strengths)

    def _spec(
        self, l1_ratio: Any, alphas: Any, eps: Any, centred: Any, positive: Any, bounds: Any,
        factor: Any,
    ) -> _Spec:  # fmt: skip
        strengths, count = paths.strengths_of(alphas)
        return _Spec(
            paths.ratio_of(l1_ratio),
            strengths,
            count,
            paths.least_share(eps, wide=False),
            bool(centred),
            paths.factors_of(factor, self.n_features),
            paths.penalty_of(bounds, positive, self.n_features),
        )

    def _summary(self, part: Moments, spec: _Spec, strengths: Array, target: int) -> Summary:
        return summarise(part, spec.terms(strengths), target, self.n_targets)

    def _strengths(
        self, whole: Moments, spec: _Spec, target: int, tol: float, max_iter: int
    ) -> Array:
        if not 0 <= target < self.n_targets:
            raise ValueError(f"target must be from 0 to {self.n_targets - 1}, got {target!r}")
        if spec.strengths is not None:
            return spec.strengths
        gauge = dataclasses.replace(spec, ratio=max(spec.ratio, paths.LEAST_RATIO))
        problem = self._summary(whole, gauge, np.ones(1), target)
        largest = largest_strength(problem, tol, max_iter) or 1.0
        return largest * np.geomspace(1.0, spec.share, spec.count)

    def _fit(
        self, whole: Moments, spec: _Spec, target: int, tol: float, max_iter: int
    ) -> tuple[tuple[Array, Array, Array], Certificate]:
        tol = nonnegative(tol, "tol")
        with single_threaded_blas:
            strengths = self._strengths(whole, spec, target, tol, max_iter)
            problem = self._summary(whole, spec, strengths, target)
            coef, intercept = follow(problem, tol, max_iter)
            certificate = certify_moments(
                problem.products,
                problem.start,
                problem.square,
                problem.scaled(coef),
                problem.base_ridge(0),
                problem.base_penalty(0),
                strengths,
                unit=float(problem.unit[0]),
                tol=tol,
            )
        return (coef, intercept, strengths), certificate

    # ------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to an `.npz` file, whole or not at all; it holds numbers only."""
        header = {
            "format": _FORMAT, "version": _VERSION, "n_features": self.n_features,
            "n_targets": self.n_targets, "n_folds": self.n_folds,
        }  # fmt: skip
        arrays: dict[str, Array] = {}
        if self._parts is not None:
            frame = self._parts[0].frame
            parts = [part.seen_from(frame) for part in self._parts]
            arrays = {
                "origin": frame.origin,
                "unit": frame.unit,
                "count": np.array([part.count for part in parts]),
                "weight": np.array([part.weight for part in parts]),
                "mean": np.stack([part.mean for part in parts]),
                "scatter": np.stack([part.scatter for part in parts]),
            }
        buffer = io.BytesIO()
        np.savez(buffer, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
        write_whole(FilePath(path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SufficientStatistics:
        """Read what `save` wrote; runs no code from the file.

        Raises
        ------
        ValueError
            The file holds no statistics, or unsound ones.
        """
        try:
            with np.load(FilePath(path), allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                arrays = {name: file[name] for name in file.files if name != "header"}
        except OSError:
            raise
        except Exception as error:
            raise ValueError(f"{path} holds no statistics: {error}") from None
        if header.get("format") != _FORMAT or header.get("version") != _VERSION:
            raise ValueError(f"{path} holds no statistics of version {_VERSION}")
        out = cls(header["n_features"], header["n_targets"], header["n_folds"])
        if arrays:
            out._parts = _sound_parts(arrays, out, str(path))
        return out


@dataclasses.dataclass(frozen=True, eq=False)
class CrossValidation(Errors):
    """Errors of folds along a path.

    Attributes
    ----------
    alphas : (K,) descending; mse : (K, F), errors of each fold
    mean, standard_error : (K,)
    alpha_min, alpha_1se : of the least mean, and the largest alpha within a standard error of it
    """

    alphas: Array

    @property
    def alpha_min(self) -> float:
        return float(self.alphas[self.choose("min")])

    @property
    def alpha_1se(self) -> float:
        return float(self.alphas[self.choose("1se")])


@dataclasses.dataclass(frozen=True, eq=False)
class _Spec:
    """What is fitted: see `SufficientStatistics.path`."""

    ratio: float
    strengths: Array | None
    count: int
    share: float
    centred: bool
    factor: Array
    kind: Any

    def terms(self, strengths: Array | None) -> Terms:
        return Terms(
            l2=(self.factor * (1.0 - self.ratio))[:, None],
            penalty=self.kind(self.factor * self.ratio),
            fit_intercept=self.centred,
            strength=strengths,
        )


def _of_target(part: Moments, target: int, n_targets: int) -> Moments:
    """The moments of all features and one of the targets."""
    if n_targets == 1:
        return part
    n = len(part.mean) - n_targets
    keep = np.append(np.arange(n), n + target)
    frame = Frame(part.frame.origin[keep], part.frame.unit[keep])
    return Moments(
        frame, part.count, part.weight, part.mean[keep], part.scatter[np.ix_(keep, keep)]
    )


def _sound_parts(arrays: dict[str, Array], out: SufficientStatistics, name: str) -> list[Moments]:
    p, F = out.n_features + out.n_targets, out.n_folds
    shapes = {
        "origin": (p,), "unit": (p,), "count": (F,), "weight": (F,), "mean": (F, p),
        "scatter": (F, p, p),
    }  # fmt: skip
    for key, shape in shapes.items():
        value = arrays.get(key)
        if value is None or value.shape != shape or value.dtype.kind not in "fi":
            raise ValueError(f"{name} is not sound: {key} should be numbers of shape {shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} is not sound: {key} holds NaN or infinity")
    exact = np.frexp(arrays["unit"])[0] == 0.5
    if not exact.all() or (arrays["weight"] < 0).any() or (arrays["count"] < 0).any():
        raise ValueError(f"{name} is not sound: units, weights or counts are out of range")
    frame = Frame(arrays["origin"].astype(float), arrays["unit"].astype(float))
    rows = zip(*(arrays[key] for key in ("count", "weight", "mean", "scatter")), strict=True)
    return [
        Moments(frame, int(c), float(w), v.astype(float), S.astype(float)) for c, w, v, S in rows
    ]
