"""`SufficientStatistics`: one pass over the data, then any fit without them.

What least squares needs of rows (x, y, w) is their number, their weight, their mean and their
scatter (`fastreg.moments`). These add up: over blocks of a file, machines, days; and what was
added can be taken out again.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from fastreg import checkpoints, gathering, grids, moments, paths
from fastreg._jit import single_threaded_blas
from fastreg._warnings import warn_of_convergence
from fastreg.design import as_design, as_target, as_weights, nonfinite_message
from fastreg.functional import nonnegative
from fastreg.moments import Frame, Moments
from fastreg.objectives import Objective
from fastreg.problems.from_moments import MomentProblem, summarise
from fastreg.problems.quadratic import EPS
from fastreg.selection.choice import ChoiceCertificate, Errors
from fastreg.solvers import solve_moments
from fastreg.solvers.working_set import largest_strength
from fastreg.sources.blocks import Source
from fastreg.sources.row_folds import Folds

if TYPE_CHECKING:
    from fastreg.sources.encoding import Encoding

Array = np.ndarray
_FORMAT, _VERSION = "fastreg statistics", 3
_EVERY = 10.0  # seconds between checkpoints
MOST_MEMORY = 1 << 32  # bytes of moments: 10 000 features without folds
MOST_FOLDS = 10_000
_SPARE = 3  # matrices beside those of the folds: a new block, the whole, a training set


class SufficientStatistics:
    """Keep sums of the data, from which models are fitted without it.

    Sums of blocks, files and machines add up. `fit` of `Ridge`, `Lasso` and `ElasticNet` takes them
    in place of X. So does `fit` of `RidgeCV`, `LassoCV` and `ElasticNetCV`, if `cv` is `n_folds`.

    Parameters
    ----------
    n_features : int
        Number of features.
    n_targets : int, default=1
        Number of targets.
    n_folds : int, default=1
        Number of folds for a later cross-validation.

    Attributes
    ----------
    n_features : int
        Number of features.
    n_targets : int
        Number of targets.
    n_folds : int
        Number of folds for a later cross-validation.
    feature_names : list of str or None
        Names of the features of the source.
    encoding : Encoding or None
        How the columns of a table became features.

    See Also
    --------
    read : Open a data set.

    Notes
    -----
    For each fold it keeps the number and the weight of its rows, the means and the scatter matrix
    of features and targets: (n_features + n_targets)² numbers.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((1000, 5))
    >>> y = X[:, 0] + 0.1 * rng.standard_normal(1000)
    >>> stats = fastreg.SufficientStatistics(n_features=5, n_folds=4)
    >>> for start in range(0, 1000, 250):  # such as the blocks of a file
    ...     rows = slice(start, start + 250)
    ...     stats = stats.update(X[rows], y[rows], fold=np.arange(250) % 4)
    >>> stats.n_samples, stats.path(alphas=30).coefs.shape
    (1000, (5, 30))
    >>> stats.cross_validate(alphas=30).alpha_min < 0.05
    True
    """

    kind = "statistics"

    def __init__(self, n_features: int, n_targets: int = 1, n_folds: int = 1) -> None:
        for name, value in (
            ("n_features", n_features), ("n_targets", n_targets), ("n_folds", n_folds),
        ):  # fmt: skip
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        self.n_features, self.n_targets = int(n_features), int(n_targets)
        self.n_folds = int(n_folds)
        self.feature_names: list[str] | None = None
        self.encoding: Encoding | None = None
        self.flat = self.n_targets == 1
        self._parts: list[Moments] | None = None  # of each fold; None before the first row

    # ------------------------------------------------------------ collecting

    def update(
        self, X: Any, y: Any, sample_weight: Any = None, fold: Any = None
    ) -> SufficientStatistics:
        """Add rows to the sums.

        They are read once.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Memory maps and data frames work too.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        fold : int, array-like of shape (n_samples,) or None, default=None
            Number of the fold of all rows or of each, from 0 to n_folds − 1. None means 0.

        Returns
        -------
        SufficientStatistics
            The statistics themselves.

        Raises
        ------
        ValueError
            A shape or a value is wrong. The statistics then stay as they were.
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

    @classmethod
    def collect(
        cls,
        source: Source,
        *,
        cv: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = _EVERY,
    ) -> SufficientStatistics:
        """Read a source once, and return its statistics.

        Parameters
        ----------
        source : Source
            Data set, from `fastreg.read`.
        cv : int or None, default=None
            Number of folds for a later cross-validation. They are those of KFold if the number of
            rows is known; else rows are dealt out in turn.
        checkpoint : str, path-like or None, default=None
            File that keeps the sums so far. In the end it holds all of them.
        every : float, default=10.0
            Seconds between two writes of the checkpoint.

        Returns
        -------
        SufficientStatistics
            The statistics of all rows.

        Raises
        ------
        ValueError
            A value is wrong; the message states file, row and column. Or the checkpoint is damaged,
            or belongs to other data.

        Notes
        -----
        A later call with the same source and `checkpoint` goes on where the last one stopped. The
        result has the same bits. The checkpoint checks the data by its files, its y and some rows.
        Blocks of a stream that are still to come cannot be checked.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X = np.random.default_rng(0).standard_normal((1000, 5))
        >>> source = fastreg.read(X, X[:, 0])
        >>> stats = fastreg.SufficientStatistics.collect(source, cv=5)
        >>> stats.n_samples, stats.n_folds
        (1000, 5)
        """
        if not isinstance(source, Source):
            raise ValueError(
                f"source must be what fastreg.read returns, got {type(source).__name__}"
            )
        if source.offset is not None:
            raise ValueError(
                f"statistics take no offset, and {source.kind} has one: subtract it from y"
            )
        if not isinstance(every, int | float) or not 0.0 <= every < math.inf:
            raise ValueError(f"every must be seconds ≥ 0, got {every!r}")
        if not isinstance(checkpoint, str | os.PathLike | None):
            raise ValueError(f"checkpoint must be a path or None, got {checkpoint!r}")
        count = 1 if cv is None else cv
        out = cls(source.n_features, source.n_targets, count)
        needed = moments_bytes(source.n_features, count)
        if needed > MOST_MEMORY:
            raise ValueError(
                f"{source.n_features} features need {needed / 1e9:.3g} GB of moments, of which "
                f"{MOST_MEMORY / 1e9:.3g} are the most: leave features out, use fewer folds, or "
                "hold all rows with fastreg.read(…, memory=…)"
            )
        most = MOST_FOLDS if source.n_rows is None else min(source.n_rows, MOST_FOLDS)
        if cv is not None and not 2 <= count <= most:
            raise ValueError(f"cv must be from 2 to {most}, the rows or {MOST_FOLDS}, got {cv}")
        out._name(source)
        gather = gathering.Gather(source.layout, Folds(count, source.n_rows))
        if checkpoint is None:
            out._parts = out._list_of(gathering.gather(source, gather))
            return out._checked(source)
        if not source.in_order:
            raise ValueError(
                f"checkpoint must be None for {source.kind}, which is not read in order"
            )
        return _Checkpointed(out, source, gather, FilePath(checkpoint), every).run()

    def _name(self, source: Source) -> None:
        """The features are those of a source."""
        self.feature_names, self.encoding, self.flat = (
            source.feature_names, source.encoding, source.flat,
        )  # fmt: skip

    def _list_of(self, parts: gathering.Parts) -> list[Moments]:
        if not parts:
            raise ValueError("sample_weight is zero everywhere; at least one must be positive")
        frame = next(iter(parts.values())).frame
        return [parts.get(f) or moments.empty(frame) for f in range(self.n_folds)]

    def _checked(self, source: Source) -> SufficientStatistics:
        """With columns that digits have been lost of refused."""
        far = np.flatnonzero(self._whole().far()[: self.n_features])
        if source.is_sparse and len(far):
            names = ", ".join(source.layout.name(j) for j in far[:8])
            raise ValueError(
                f"{names} of the sparse X has a mean that dwarfs its spread: leave it out, or "
                "subtract a constant first"
            )
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
            raise ValueError(
                "both statistics must have the same numbers of features, targets and folds"
            )
        named = self if self.feature_names is not None else other
        for name in ("feature_names", "encoding"):
            both = getattr(self, name), getattr(other, name)
            if None not in both and both[0] != both[1]:
                raise ValueError(
                    "statistics of other features, or of other levels of a text: read all with the "
                    "encoding of the first"
                )
        out = SufficientStatistics(*shape)
        out.feature_names, out.encoding = named.feature_names, named.encoding
        out.flat = (self if self._parts is not None else other).flat
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
        """Number of rows with a weight above 0."""
        return 0 if self._parts is None else sum(part.count for part in self._parts)

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return 0.0 if self._parts is None else float(sum(part.weight for part in self._parts))

    def mean(self) -> Array:
        """Compute the weighted means.

        Returns
        -------
        ndarray of shape (n_features + n_targets,)
            Means of the features, then of the targets.
        """
        whole = self._whole()
        return whole.frame.origin + whole.frame.unit * whole.mean

    def covariance(self) -> Array:
        """Compute the weighted covariance of features and targets.

        Returns
        -------
        ndarray of shape (n_features + n_targets, n_features + n_targets)
            The matrix Σ w (v − v̄)(v − v̄)ᵀ/Σ w.
        """
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
        standardize: bool = False,
        target: int = 0,
        max_iter: int = 1000,
    ) -> paths.Path:
        """Fit a path to one target, without the data.

        Parameters
        ----------
        l1_ratio : float, default=1.0
            Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
        alphas : int or array-like of shape (n_alphas,), default=100
            Number of strengths, or the strengths. A number gives a geometric grid. It starts at the
            least alpha that holds all coefficients at zero. For an l1_ratio below 1e-3, that is the
            one for 1e-3.
        eps : float or None, default=None
            Least alpha divided by the largest, above 0 and at most 1. None means 0.001.
        tol : float, default=1e-4
            Relative duality gap that every fit must reach, at least 0.
        fit_intercept : bool, default=True
            Whether to fit an intercept. It is never penalised.
        positive : bool, default=False
            Whether to require coefficients of at least 0.
        bounds : tuple of (low, high) or None, default=None
            Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of
            shape (n_features,). An infinite end is no bound.
        penalty_factor : array-like of shape (n_features,) or None, default=None
            Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
            feature with factor 0 is not penalised.
        standardize : bool, default=False
            Whether to measure each column in its standard deviation for the penalty, as glmnet
            does. Coefficients and bounds stay in the units of X. Constant columns stay at zero.
        target : int, default=0
            Number of the target to fit.
        max_iter : int, default=1000
            Largest number of steps at each strength.

        Returns
        -------
        Path
            The fits. The certificate assumes that the statistics are right.

        Raises
        ------
        ValueError
            An argument is out of range. The message names it.

        Warns
        -----
        ConvergenceWarning
            A point did not reach `tol`. The message states how far it came.

        See Also
        --------
        path : Fit a path to data in memory.

        Notes
        -----
        Each point minimises the objective of `fastreg.path`. With ``l1_ratio=0`` alpha is that of
        `Ridge` divided by the sum of the weights.
        """
        spec = self._spec(
            l1_ratio, alphas, eps, fit_intercept, positive, bounds, penalty_factor, standardize
        )
        whole, tol = self._whole(), nonnegative(tol, "tol")
        with single_threaded_blas:
            strengths = self._strengths(whole, spec, target, tol, max_iter)
        data = _Collected(
            spec.objective(None), self.n_samples, self.weight, max_iter, whole, target,
            self.n_targets,
        )  # fmt: skip
        return data.at(strengths, tol, spec.ratio, self.feature_names)

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
        standardize: bool = False,
        target: int = 0,
        max_iter: int = 1000,
    ) -> CrossValidation:
        """Compute the errors of each fold, along a path fitted to the others.

        Parameters
        ----------
        l1_ratio : float, default=1.0
            Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
        alphas : int or array-like of shape (n_alphas,), default=100
            Number of strengths, or the strengths. A number gives a geometric grid. It starts at the
            least alpha that holds all coefficients at zero. For an l1_ratio below 1e-3, that is the
            one for 1e-3.
        eps : float or None, default=None
            Least alpha divided by the largest, above 0 and at most 1. None means 0.001.
        tol : float, default=1e-4
            Relative duality gap that every fit must reach, at least 0.
        fit_intercept : bool, default=True
            Whether to fit an intercept. It is never penalised.
        positive : bool, default=False
            Whether to require coefficients of at least 0.
        bounds : tuple of (low, high) or None, default=None
            Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of
            shape (n_features,). An infinite end is no bound.
        penalty_factor : array-like of shape (n_features,) or None, default=None
            Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
            feature with factor 0 is not penalised.
        standardize : bool, default=False
            Whether to measure each column in its standard deviation for the penalty, as glmnet
            does. Coefficients and bounds stay in the units of X. Constant columns stay at zero.
        target : int, default=0
            Number of the target to fit.
        max_iter : int, default=1000
            Largest number of steps at each strength.

        Returns
        -------
        CrossValidation
            The errors, and the strengths that they choose.

        Raises
        ------
        ValueError
            An argument is out of range, or fewer than two folds have rows.

        Warns
        -----
        ConvergenceWarning
            The errors of some folds are uncertain.
        """
        spec = self._spec(
            l1_ratio, alphas, eps, fit_intercept, positive, bounds, penalty_factor, standardize
        )
        parts = [
            moments.of_target(part, target, self.n_targets)
            for part in self._parts or []
            if part.count
        ]
        if len(parts) < 2:
            raise ValueError("cross_validate needs rows in two folds or more: pass fold to update")
        with single_threaded_blas:
            strengths = self._strengths(self._whole(), spec, target, tol, max_iter)
        from fastreg.selection.cross_validation import Validation  # not part of a first fit

        found = Validation.of_moments(parts, spec.centred).errors(
            lambda _, asked: spec.objective(asked), strengths, tol, max_iter
        )
        certificate = found.certificate(tol)
        if certificate.complaint():
            warn_of_convergence(f"{certificate.complaint()}.")
        return CrossValidation(found.mse, found.bound, found.gap, found.met, strengths, certificate)

    def _spec(
        self, l1_ratio: Any, alphas: Any, eps: Any, centred: Any, positive: Any, bounds: Any,
        factor: Any, standardize: Any,
    ) -> _Spec:  # fmt: skip
        paths.check_bool(standardize=standardize)
        factor = paths.factors_of(factor, self.n_features)
        factors = paths.Factors(factor, factor, paths.penalty_of(bounds, positive, self.n_features))
        if standardize:
            factors = factors.standardised(self._spread(), bool(centred))
        strengths, count = grids.strengths_of(alphas)
        return _Spec(
            paths.ratio_of(l1_ratio),
            strengths,
            count,
            grids.least_share(eps, wide=False),
            bool(centred),
            factors,
        )

    def _spread(self) -> Array:
        """(n,) standard deviations of the features, 0 of those that may be constant."""
        whole = self._whole()
        spread = np.sqrt(np.diag(whole.scatter) / whole.weight)
        constant = spread <= 4 * EPS * np.abs(whole.mean)
        return np.where(constant, 0.0, whole.frame.unit * spread)[: self.n_features]

    def _summary(self, part: Moments, spec: _Spec, strengths: Array, target: int) -> MomentProblem:
        return summarise(part, spec.objective(strengths), target, self.n_targets)

    def _strengths(
        self, whole: Moments, spec: _Spec, target: int, tol: float, max_iter: int
    ) -> Array:
        if not 0 <= target < self.n_targets:
            raise ValueError(f"target must be from 0 to {self.n_targets - 1}, got {target!r}")
        if spec.strengths is not None:
            return spec.strengths
        gauge = dataclasses.replace(spec, ratio=max(spec.ratio, grids.LEAST_RATIO))
        problem = self._summary(whole, gauge, np.ones(1), target)
        largest = largest_strength(problem, tol, max_iter)
        return grids.geometric(largest, spec.share, spec.count)

    # ------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the statistics to a file.

        It holds numbers only. An interrupt or error never leaves half a file.

        Parameters
        ----------
        path : str or path-like
            File to write or replace, with the suffix .npz.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        self._write(FilePath(path), None)

    def _write(self, path: FilePath, progress: dict[str, Any] | None) -> None:
        header = {
            "format": _FORMAT, "version": _VERSION, "n_features": self.n_features,
            "n_targets": self.n_targets, "n_folds": self.n_folds, "progress": progress,
            "feature_names": self.feature_names, "flat": self.flat,
            "encoding": None if self.encoding is None else self.encoding.to_plain(),
        }  # fmt: skip
        arrays: dict[str, Array] = {}
        if self._parts is not None:
            parts = self._parts
            unknown = np.full(len(parts[0].mean), np.nan)
            arrays = {
                "origin": np.stack([part.frame.origin for part in parts]),
                "unit": np.stack([part.frame.unit for part in parts]),
                "count": np.array([part.count for part in parts]),
                "weight": np.array([part.weight for part in parts]),
                "mean": np.stack([part.mean for part in parts]),
                "scatter": np.stack([part.scatter for part in parts]),
                "echo": np.stack([unknown if p.echo is None else p.echo for p in parts]),
            }
        checkpoints.write(path, header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SufficientStatistics:
        """Read statistics that `save` wrote.

        Reading runs no code from the file.

        Parameters
        ----------
        path : str or path-like
            File to read, with the suffix .npz.

        Returns
        -------
        SufficientStatistics
            The statistics.

        Raises
        ------
        ValueError
            The file holds no statistics, or unsound ones.
        """
        return cls._read(FilePath(path))[0]

    @classmethod
    def _read(cls, path: FilePath) -> tuple[SufficientStatistics, dict[str, Any] | None]:
        header, arrays = checkpoints.read(path, _FORMAT, _VERSION)
        out = cls(header["n_features"], header["n_targets"], header["n_folds"])
        out.feature_names, out.flat = header["feature_names"], header["flat"]
        if header["encoding"] is not None:
            from fastreg.sources.encoding import Encoding

            out.encoding = Encoding.from_plain(header["encoding"])
        if arrays:
            out._parts = _sound_parts(arrays, out, str(path))
        return out, header["progress"]


def moments_bytes(n_features: int, n_folds: int = 1) -> int:
    """Memory of the moments of so many features and folds, and of what is done with them."""
    return 8 * (n_folds + _SPARE) * n_features**2


def collected(data: Source | SufficientStatistics, cv: int | None) -> list[Moments]:
    """Moments of each fold, for an estimator.

    Raises
    ------
    ValueError
        A fold has no rows, or see `SufficientStatistics.collect`.
    """
    if isinstance(data, SufficientStatistics):
        data._whole()
        stats = data
    else:
        stats = SufficientStatistics.collect(data, cv=cv)
    found = [part for part in stats._parts or [] if part.count]
    if cv is not None and len(found) != cv:
        raise ValueError(
            f"cv={cv} needs as many folds with rows of positive weight, "
            f"{data.kind} has {len(found)}"
        )
    return found


@dataclasses.dataclass
class _Checkpointed:
    """A read of a source whose sums so far are kept in a file: see `collect`."""

    out: SufficientStatistics
    source: Source
    gather: gathering.Gather
    path: FilePath
    every: float
    written: float = dataclasses.field(default_factory=time.monotonic)

    def run(self) -> SufficientStatistics:
        blocks, row, start = 0, 0, None
        if self.path.exists():
            self.out, progress = SufficientStatistics._read(self.path)
            blocks, row = self._position(progress)
            start = {f: part for f, part in enumerate(self.out._parts or []) if part.count}
            if progress is not None and progress["frame"] is not None:
                self.gather.frame = Frame(*(np.array(each) for each in progress["frame"]))
        if blocks >= 0:
            position = {"first": blocks, "row": row, "start": start}
            gathering.gather(self.source, self.gather, after=self._after, **position)
            self._write(-1, 0)
        return self.out._checked(self.source)

    def _after(self, blocks: int, row: int, parts: gathering.Parts) -> None:
        if parts:
            self.out._parts = self.out._list_of(parts)
        if time.monotonic() - self.written >= self.every:
            self._write(blocks, row)
            self.written = time.monotonic()

    def _write(self, blocks: int, row: int) -> None:
        """-1 blocks for all."""
        frame = self.gather.frame
        plain = None if frame is None else [frame.origin.tolist(), frame.unit.tolist()]
        progress = {"source": self._source(), "blocks": blocks, "row": row, "frame": plain}
        self.out._write(self.path, progress)

    def _source(self) -> list[Any]:
        return [self.source.fingerprint, self.gather.folds.count, self.gather.folds.n_rows]

    def _position(self, progress: Any) -> tuple[int, int]:
        if not isinstance(progress, dict) or progress.get("source") != self._source():
            raise ValueError(
                f"{self.path} is a checkpoint of other data, or of other folds: remove it, or "
                "name another"
            )
        return int(progress["blocks"]), int(progress["row"])


@dataclasses.dataclass(frozen=True, eq=False)
class CrossValidation(Errors):
    """Hold the errors of each fold along a path.

    Attributes
    ----------
    mse : ndarray of shape (n_alphas, n_folds)
        Mean squared errors.
    bound : ndarray of shape (n_alphas, n_folds)
        How wrong each error may be, relative to the error.
    gap : ndarray of shape (n_alphas, n_folds)
        Relative duality gaps of the training fits.
    met : ndarray of shape (n_alphas, n_folds)
        Whether each error is certain enough.
    alphas : ndarray of shape (n_alphas,)
        Strengths, in descending order.
    cv_certificate : ChoiceCertificate
        How wrong each error may be.
    """

    alphas: Array
    cv_certificate: ChoiceCertificate

    @property
    def alpha_min(self) -> float:
        """Alpha of the least mean error."""
        return float(self.alphas[self.choose("min")])

    @property
    def alpha_1se(self) -> float:
        """Largest alpha whose mean error is within one standard error of the least."""
        return float(self.alphas[self.choose("1se")])


@dataclasses.dataclass(frozen=True, eq=False)
class _Spec:
    """What is fitted: see `SufficientStatistics.path`."""

    ratio: float
    strengths: Array | None
    count: int
    share: float
    centred: bool
    factors: paths.Factors

    def objective(self, strengths: Array | None) -> Objective:
        return Objective(
            l2=self.factors.ridge(self.ratio),
            penalty=self.factors.penalty(self.ratio),
            fit_intercept=self.centred,
            strength=strengths,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Collected(paths.Source):
    """Moments of all rows, whose y is one of several targets."""

    whole: Moments
    target: int
    n_targets: int

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> paths.Path:
        objective = dataclasses.replace(self.objective, strength=strengths)
        found = solve_moments(
            self.whole, objective, tol=tol, max_iter=self.max_iter, target=self.target,
            n_targets=self.n_targets,
        )  # fmt: skip
        paths.warn(found.certificate, False, self.max_iter)
        return paths.Path(
            alphas=strengths,
            coefs=found.coef,
            intercepts=found.intercept,
            gaps=found.certificate.relative_gap,
            l1_ratio=ratio,
            certificate=found.certificate,
            n_iter=1,
            data=self,
            feature_names=names,
        )

    def problem(self) -> MomentProblem:
        return summarise(self.whole, self.objective, self.target, self.n_targets)

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        raise ValueError("this path was fitted to statistics: call their cross_validate instead")


def _sound_parts(arrays: dict[str, Array], out: SufficientStatistics, name: str) -> list[Moments]:
    p, F = out.n_features + out.n_targets, out.n_folds
    shapes = {
        "origin": (F, p), "unit": (F, p), "count": (F,), "weight": (F,), "mean": (F, p),
        "scatter": (F, p, p), "echo": (F, p),
    }  # fmt: skip
    for key, shape in shapes.items():
        value = arrays.get(key)
        if value is None or value.shape != shape or value.dtype.kind not in "fi":
            raise ValueError(f"{name} is not sound: {key} should be numbers of shape {shape}")
        if key != "echo" and not np.isfinite(value).all():
            raise ValueError(f"{name} is not sound: {key} holds NaN or infinity")
    exact = np.frexp(arrays["unit"])[0] == 0.5
    if not exact.all() or (arrays["weight"] < 0).any() or (arrays["count"] < 0).any():
        raise ValueError(f"{name} is not sound: units, weights or counts are out of range")
    rows = zip(*(arrays[key].astype(float) for key in shapes), strict=True)
    return [
        Moments(Frame(o, u), int(c), float(w), v, S, e if np.isfinite(e).all() else None)
        for o, u, c, w, v, S, e in rows
    ]
