"""One adapter a peer: how it likes to be called, and the settings it is swept over.

A peer is imported when it is prepared, so that this module loads without any. Preparing is
never timed: it makes the layout, and centres X for peers whose path function has no intercept.
Where there is more than one good way to call a peer, all of them are raced and the fastest
counts (`Variant`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from benchmarks.versus import glmnet
from benchmarks.versus.problems import Problem

Array = np.ndarray
LASSO = ("path", "single")
ROOM = 1 << 30  # bytes of the largest Gram matrix a peer may make
EPOCHS = 1_000_000  # more than anyone needs: the setting has to stop a peer, not its patience
LADDER = 20  # α that lead to a single one, for peers that lean on warm starts


class Variant(NamedTuple):
    """A way of calling a peer.

    layout : a layout of `Design`; blas : threads of BLAS, None for all of the race;
    ladder : α from λmax to a single one; method : what else differs
    """

    layout: str
    blas: int | None = None
    ladder: int = 1
    method: str = ""

    def __str__(self) -> str:
        words = [self.layout, self.method]
        words += ["BLAS on 1 thread"] if self.blas == 1 else []
        words += [f"over {self.ladder} α"] if self.ladder > 1 else []
        return ", ".join(filter(None, words))

    def alphas(self, problem: Problem) -> Array:
        """What the peer is given; the last `problem.points` of it are asked for."""
        return problem.descent(self.ladder) if self.ladder > 1 else problem.alphas


def _own_seconds(_: Any) -> float | None:
    return None


def _nothing() -> None:
    pass


class Runner(NamedTuple):
    """A prepared peer.

    run : setting → raw answer, timed; coefs : raw answer → (n, K), not timed;
    seconds : raw answer → what the peer measured itself, or None; close : ends it
    """

    run: Callable[[Any], Any]
    coefs: Callable[[Any], Array]
    seconds: Callable[[Any], float | None] = _own_seconds
    close: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Peer:
    """A competitor.

    Attributes
    ----------
    name : unique
    version : what is installed, None if nothing is
    settings : for each kind of problem, from loose to tight
    prepare : (problem, variant, threads) → Runner
    variants : problem → ways of calling; none if it does not take part
    parameter : the name of what is swept
    module : what to import, "" if it is not in Python
    """

    name: str
    version: Callable[[], str | None]
    settings: dict[str, tuple[Any, ...]]
    prepare: Callable[[Problem, Variant, int], Runner]
    variants: Callable[[Problem], list[Variant]]
    parameter: str = "tol"
    module: str = ""


def installed(distribution: str) -> Callable[[], str | None]:
    """The version of a Python package, None if it is not there."""

    def version() -> str | None:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return None

    return version


def ours() -> str:
    """The version of what is imported, which may be a checkout on the path."""
    import fastreg

    return fastreg.__version__


def load(peers: Iterable[Peer]) -> None:
    """Import what is there of these, adelie last.

    Its import has every OpenMP that is loaded after it spin for long, and binds threads to cores,
    the main one too: then two pools fight, and glum took 2 s for a path of 6 ms.
    """
    names = {peer.module for peer in peers if peer.module}
    for name in sorted(names, key=lambda name: (name == "adelie", name)):
        if name == "adelie":
            os.environ.setdefault("OMP_PROC_BIND", "FALSE")
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def decades(first: int, last: int) -> tuple[float, ...]:
    """10^−first … 10^−last."""
    return tuple(float(f"1e-{k}") for k in range(first, last + 1))


def _dense_or_sparse(dense: list[Variant]) -> Callable[[Problem], list[Variant]]:
    """The ways to call with dense X, and the same with CSC."""

    def variants(problem: Problem) -> list[Variant]:
        if not problem.design.sparse:
            return dense
        return list(dict.fromkeys(each._replace(layout="CSC") for each in dense))

    return variants


def _layouts(*names: str) -> list[Variant]:
    return [Variant(name) for name in names]


def _with_and_without_blas(layout: str) -> list[Variant]:
    """Threads of BLAS help some, and make others wait."""
    return [Variant(layout), Variant(layout, blas=1)]


def _data(problem: Problem, variant: Variant) -> tuple[Any, Array]:
    design = problem.design
    return design.layout(variant.layout), design.target(variant.layout)


# ---------------------------------------------------------------- fastreg


def fastreg(problem: Problem, variant: Variant, threads: int) -> Runner:
    import fastreg

    X, y = _data(problem, variant)
    alphas, common = problem.alphas, {"fit_intercept": problem.intercept}
    if problem.kind == "path":
        return Runner(
            lambda tol: fastreg.path(X, y, l1_ratio=1.0, alphas=alphas, tol=tol, **common),
            lambda found: found.coefs,
        )
    kind = fastreg.Lasso if problem.kind == "single" else fastreg.Ridge
    return Runner(
        lambda tol: kind(alpha=float(alphas[0]), tol=tol, **common).fit(X, y),
        lambda model: model.coef_[:, None],
    )


def _fastreg_variants(problem: Problem) -> list[Variant]:
    return _layouts("CSC", "CSR") if problem.design.sparse else _layouts("F", "C")


# ---------------------------------------------------------------- lasso


def scikit_learn(problem: Problem, variant: Variant, threads: int) -> Runner:
    """Without a copy: X is in Fortran order and centred already."""
    from sklearn.linear_model import lasso_path

    X, y = _data(problem, variant)
    common = {"alphas": problem.alphas, "max_iter": EPOCHS, "copy_X": False}
    return Runner(lambda tol: lasso_path(X, y, tol=tol, **common), lambda found: found[1])


def celer(problem: Problem, variant: Variant, threads: int) -> Runner:
    """prune=1 as in `celer.Lasso`; with the 20 working sets of the default it stops early."""
    from celer import celer_path

    X, y = _data(problem, variant)
    common = {"alphas": problem.alphas, "max_iter": 200, "prune": 1}
    return Runner(lambda tol: celer_path(X, y, "lasso", tol=tol, **common), lambda found: found[1])


def skglm(problem: Problem, variant: Variant, threads: int) -> Runner:
    """Its tolerance has the unit of λ; it is swept relative to λmax."""
    from skglm.datafits import Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD

    X, y = _data(problem, variant)
    unit, alphas = problem.largest, problem.alphas

    def run(tol: float) -> Any:
        solver = AndersonCD(tol=tol * unit, max_iter=200, fit_intercept=False)
        return solver.path(X, y, Quadratic(), L1(1.0), alphas)

    return Runner(run, lambda found: found[1])


def adelie(problem: Problem, variant: Variant, threads: int) -> Runner:
    """All exits before the end of the path are closed; Fortran order is what it asks for."""
    import adelie as ad

    X, y = _data(problem, variant)
    threads = 1 if variant.method == "1 thread" else threads
    common = {"lmda_path": variant.alphas(problem), "n_threads": threads, "early_exit": False}
    common["progress_bar"] = False

    def coefs(state: Any) -> Array:
        return state.betas.toarray().T[:, -problem.points :]

    def by_gram(tol: float) -> Any:
        gram, slope = X.T @ X / len(y), X.T @ y / len(y)
        return ad.gaussian_cov(gram, slope, tol=tol, rdev_tol=0, **common)

    if variant.method == "covariance":
        return Runner(by_gram, coefs)
    wrap = ad.matrix.sparse if problem.design.sparse else ad.matrix.dense
    kept = wrap(X, method="naive", n_threads=threads)
    common |= {"adev_tol": 1, "ddev_tol": 0, "intercept": problem.intercept}
    return Runner(lambda tol: ad.grpnet(kept, ad.glm.gaussian(y=y), tol=tol, **common), coefs)


def _adelie_variants(problem: Problem) -> list[Variant]:
    if problem.design.sparse:
        return [Variant("CSC"), Variant("CSC", ladder=LADDER)]
    if problem.kind == "single":
        return [Variant("F"), Variant("F", ladder=LADDER)]
    by_gram = [Variant("F centred", method="covariance")]
    ways = [Variant("F"), Variant("F", method="1 thread")]
    return ways + (by_gram if _tall_gram(problem) else [])


def _tall_gram(problem: Problem) -> bool:
    """Whether X is no wider than tall, and its Gram matrix fits."""
    m, n = problem.design.X.shape
    return n <= m and 8 * n**2 <= ROOM


def in_r(problem: Problem, variant: Variant, threads: int) -> Runner:
    """glmnet, which measures its time itself; one thread is all it uses."""
    X, y = _data(problem, variant)
    server = glmnet.Server(X, y, variant.alphas(problem), problem.intercept, variant.method)
    return Runner(
        server.fit,
        lambda fit: fit.coefs[:, -problem.points :],
        lambda fit: fit.seconds,
        server.close,
    )


def _glmnet_variants(problem: Problem) -> list[Variant]:
    if problem.kind == "single":
        layout = "CSC" if problem.design.sparse else "F"
        return [Variant(layout, method="naive", ladder=k) for k in (1, LADDER)]
    methods = ("naive", "covariance") if _tall_gram(problem) else ("naive",)
    return [Variant("F", method=method) for method in methods]


def glum(problem: Problem, variant: Variant, threads: int) -> Runner:
    """`irls-cd` for a lasso, `irls-ls` for a ridge; both make the Gram matrix."""
    from glum import GeneralizedLinearRegressor

    X, y = _data(problem, variant)
    common = {"fit_intercept": problem.intercept, "max_iter": 1000}
    if problem.kind == "ridge":
        common |= {"alpha": problem.alphas[0] / len(y), "l1_ratio": 0, "solver": "irls-ls"}
    else:
        common |= {"alphas": list(problem.alphas), "alpha_search": True, "l1_ratio": 1}
        common["solver"] = "irls-cd"

    def run(tol: float) -> Any:
        return GeneralizedLinearRegressor(gradient_tol=tol, **common).fit(X, y)

    path = problem.kind != "ridge"
    return Runner(run, lambda model: model.coef_path_.T if path else model.coef_[:, None])


def _glum_variants(problem: Problem) -> list[Variant]:
    fits = not problem.design.sparse and 8 * problem.design.X.shape[1] ** 2 <= ROOM
    return _with_and_without_blas("F") if fits else []


def snapml(problem: Problem, variant: Variant, threads: int) -> Runner:
    """Knows float32 only, and neither a path nor an intercept apart from the penalty."""
    from snapml import LinearRegression

    X, y = _data(problem, variant)
    strength = problem.alphas[0] * (1 if problem.kind == "ridge" else len(y))
    common = {"regularizer": float(strength), "max_iter": EPOCHS, "n_jobs": threads}
    common["penalty"] = "l2" if problem.kind == "ridge" else "l1"
    common["dual"] = variant.method == "dual"
    return Runner(
        lambda tol: LinearRegression(tol=tol, **common).fit(X, y),
        lambda model: np.reshape(model.coef_, (-1, 1)).astype(float),
    )


def _snapml_variants(problem: Problem) -> list[Variant]:
    if problem.kind == "path":
        return []
    if problem.design.sparse:
        return [Variant("CSC", method="primal")]
    primal, dual = Variant("F centred float32", method="primal"), Variant("C centred float32")
    return [primal, dual._replace(method="dual")] if problem.kind == "ridge" else [primal]


# ---------------------------------------------------------------- ridge


def sklearn_ridge(solver: str) -> Peer:
    """scikit-learn's Ridge with one of its solvers; `lbfgs` takes positive coefficients only."""

    def prepare(problem: Problem, variant: Variant, threads: int) -> Runner:
        from sklearn.linear_model import Ridge

        X, y = _data(problem, variant)
        common = {"alpha": problem.alphas[0], "solver": solver, "random_state": 0}
        common["max_iter"] = EPOCHS
        return Runner(
            lambda tol: Ridge(tol=tol, **common).fit(X, y), lambda model: model.coef_[:, None]
        )

    direct = solver in ("auto", "cholesky", "svd")  # these take no notice of tol
    settings = {"ridge": (1e-4,) if direct else decades(2, 12)}
    return _of_sklearn(f"scikit-learn {solver}", settings, prepare, lambda _: _layouts("F", "C"))


# ---------------------------------------------------------------- all of them


def _python(name: str, *rest: Any, **more: Any) -> Peer:
    """A peer whose distribution and module bear its name."""
    return Peer(name, installed(name), *rest, module=name, **more)


def _of_sklearn(name: str, *rest: Any) -> Peer:
    return Peer(name, installed("scikit-learn"), *rest, module="sklearn")


def _lasso(first: int, last: int) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys(LASSO, decades(first, last))


_CENTRED = _dense_or_sparse(_with_and_without_blas("F centred"))
PEERS = [
    Peer(
        "fastreg",
        ours,
        {**_lasso(2, 9), "ridge": decades(4, 12)},
        fastreg,
        _fastreg_variants,
        module="fastreg",
    ),
    _of_sklearn("scikit-learn", _lasso(2, 10), scikit_learn, _CENTRED),
    _python("celer", _lasso(2, 12), celer, _CENTRED),
    _python("skglm", _lasso(1, 10), skglm, _CENTRED, parameter="tol/λmax"),
    _python("adelie", _lasso(4, 16), adelie, _adelie_variants),
    Peer("glmnet", glmnet.version, _lasso(4, 18), in_r, _glmnet_variants, "thresh"),
    _python(
        "glum",
        {**_lasso(1, 10), "ridge": decades(2, 10)},
        glum,
        _glum_variants,
        parameter="gradient_tol",
    ),
    _python(
        "snapml",
        dict.fromkeys(("single", "ridge"), decades(2, 10)),
        snapml,
        _snapml_variants,
    ),
    *map(sklearn_ridge, ("auto", "cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga")),
]
