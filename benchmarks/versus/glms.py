"""Adapters of fits of other losses than squares: how each peer likes to be called.

Everyone has a free intercept, except liblinear: it penalises its own, made cheap by a large
`intercept_scaling`. Coefficients come back without it; the referee finds the best one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.versus import glmnet
from benchmarks.versus.families import FACTORS, NUMBERS, Table
from benchmarks.versus.peers import (
    EPOCHS,
    LADDER,
    ROOM,
    Peer,
    Runner,
    Variant,
    decades,
    installed,
    ours,
)
from benchmarks.versus.problems import POWERS, Problem

Array = np.ndarray
COUNTED = ("logistic", "poisson")
PATHS = tuple(POWERS)
RIDGES = ("poisson ridge", "gamma ridge", "tweedie ridge")
# As most peers call them; a tweedie loss has its power beside it.
NAMES = {"logistic": "binomial", "poisson": "poisson", "gamma": "gamma", "tweedie": "tweedie"}
# saga lets no one interrupt it: entries it visits at a point, about a minute, and epochs at most.
ENTRIES, PATIENCE = 2e10, 20_000
SCALINGS = ("1e3", "1e5")  # of liblinear's intercept: its penalty is α|b| divided by this


def _data(problem: Problem, variant: Variant) -> tuple[Any, Array]:
    return problem.design.layout(variant.layout), problem.design.y


def _ridge(problem: Problem) -> bool:
    return problem.kind.endswith("ridge")


def _points(problem: Problem, coefs: Array) -> Array:
    """(n, points) of answers in rows."""
    return np.asarray(coefs).reshape(problem.points, -1).T


def fastreg(problem: Problem, variant: Variant, threads: int) -> Runner:
    import fastreg
    import fastreg.losses

    X, y = _data(problem, variant)
    name = NAMES[problem.family]
    family = fastreg.losses.Tweedie(POWERS["tweedie"]) if name == "tweedie" else name
    common = {"alphas": problem.alphas, "family": family}
    common |= {"sample_weight": problem.design.weights, "l1_ratio": 0.0 if _ridge(problem) else 1.0}
    return Runner(lambda tol: fastreg.path(X, y, tol=tol, **common), lambda found: found.coefs)


def _layouts(problem: Problem) -> list[Variant]:
    names = ("CSC", "CSR") if problem.design.sparse else ("F", "C")
    return [Variant(name) for name in names]


def adelie(problem: Problem, variant: Variant, threads: int) -> Runner:
    """One tolerance for both loops; all exits before the end of the path are closed."""
    import adelie as ad

    X, y = _data(problem, variant)
    threads = 1 if variant.method == "1 thread" else threads
    weights = problem.design.weights
    share = None if weights is None else weights / weights.sum()
    loss = getattr(ad.glm, NAMES[problem.family])(y=y, weights=share)
    wrap = ad.matrix.sparse if problem.design.sparse else ad.matrix.dense
    kept = wrap(X, method="naive", n_threads=threads)
    common = {"lmda_path": variant.alphas(problem), "adev_tol": 1, "ddev_tol": 0}
    common |= {"n_threads": threads, "early_exit": False, "progress_bar": False}

    def run(tol: float) -> Any:
        return ad.grpnet(kept, loss, tol=tol, irls_tol=tol, **common)

    return Runner(run, lambda state: state.betas.toarray().T[:, -problem.points :])


def _adelie_variants(problem: Problem) -> list[Variant]:
    layout = "CSC" if problem.design.sparse else "F"
    ways = [Variant(layout), Variant(layout, method="1 thread")]
    return _ladders(problem, ways)


def _ladders(problem: Problem, ways: list[Variant]) -> list[Variant]:
    """A single α of a lasso at the end of some: by itself it took 20 times as long, and more."""
    if problem.points > 1 or _ridge(problem):
        return ways
    return [way._replace(ladder=LADDER) for way in ways]


def skglm(problem: Problem, variant: Variant, threads: int) -> Runner:
    """Each point starts at the one before. AndersonCD has fixed steps for the intercept, and took
    60 times as long for a gap five times as large; the Poisson loss it does not take."""
    from skglm.datafits import Gamma, Logistic, Poisson
    from skglm.penalties import L1
    from skglm.solvers import ProxNewton
    from skglm.utils.jit_compilation import compiled_clone

    X, y = _data(problem, variant)
    target = np.where(y > 0, 1.0, -1.0) if problem.family == "logistic" else y
    kinds = {"logistic": Logistic, "poisson": Poisson, "gamma": Gamma}
    datafit = compiled_clone(kinds[problem.family]())
    unit, alphas, penalty = problem.largest, problem.alphas, compiled_clone(L1(1.0))

    def run(tol: float) -> Array:
        solver = ProxNewton(tol=tol * unit, max_iter=200, fit_intercept=True)
        w, z = np.zeros(X.shape[1] + 1), np.zeros(len(y))
        out = np.empty((X.shape[1], len(alphas)), order="F")
        for k, alpha in enumerate(alphas):
            penalty.alpha = alpha
            w = solver.solve(X, target, datafit, penalty, w, z, run_checks=False)[0]
            out[:, k] = w[:-1]
        return out

    return Runner(run, lambda coefs: coefs)


def _skglm_variants(problem: Problem) -> list[Variant]:
    """It knows no weights."""
    if problem.design.weights is not None:
        return []
    layout = "CSC" if problem.design.sparse else "F"
    return [Variant(layout, blas) for blas in (None, 1)]


def in_r(problem: Problem, variant: Variant, threads: int) -> Runner:
    """glmnet, which measures its time itself; one thread is all it uses."""
    X, y = _data(problem, variant)
    share, alphas = 0.0 if _ridge(problem) else 1.0, variant.alphas(problem)
    more = {"family": NAMES[problem.family], "l1_ratio": share, "weights": problem.design.weights}
    server = glmnet.Server(X, y, alphas, True, variant.method or "none", **more)
    return Runner(
        server.fit,
        lambda fit: fit.coefs[:, -problem.points :],
        lambda fit: fit.seconds,
        server.close,
    )


def _glmnet_variants(problem: Problem) -> list[Variant]:
    if problem.family == "tweedie" and glmnet.version("statmod") is None:
        return []  # which has that family
    layout = "CSC" if problem.design.sparse else "F"
    methods = ("Newton", "modified.Newton") if problem.family == "logistic" else ("",)
    return _ladders(problem, [Variant(layout, method=name) for name in methods])


def glum(problem: Problem, variant: Variant, threads: int) -> Runner:
    """`irls-cd` for a lasso, `irls-ls` for a ridge; both make Gram matrices."""
    from glum import GeneralizedLinearRegressor, TweedieDistribution

    X, y = problem.design, problem.design.y
    X = split(X) if variant.method == "SplitMatrix" else X.layout(variant.layout)
    family = NAMES[problem.family]
    if family == "tweedie":
        family = TweedieDistribution(POWERS[family])
    common = {"family": family, "link": "log", "max_iter": 1000, "check_input": False}
    if problem.family == "logistic":
        common["link"] = "logit"
    path = problem.points > 1
    if path:
        common |= {"alphas": list(problem.alphas), "alpha_search": True}
    else:
        common |= {"alpha": float(problem.alphas[0])}
    if _ridge(problem):
        common |= {"l1_ratio": 0, "solver": "irls-ls"}
    else:
        common |= {"l1_ratio": 1, "solver": "irls-cd"}

    def run(tol: float) -> Any:
        model = GeneralizedLinearRegressor(gradient_tol=tol, **common)
        return model.fit(X, y, sample_weight=problem.design.weights)

    return Runner(run, lambda found: _points(problem, found.coef_path_ if path else found.coef_))


def split(table: Table) -> Any:
    """The table as tabmat has it: numbers dense, each factor by its codes."""
    import pandas
    import tabmat

    parts, indices, start = [tabmat.DenseMatrix(table.numbers)], [np.arange(NUMBERS)], NUMBERS
    for codes, factor in zip(table.codes, FACTORS.values(), strict=True):
        found = pandas.Categorical.from_codes(codes, categories=range(factor.levels))
        parts.append(tabmat.CategoricalMatrix(found))
        indices.append(np.arange(start, start + factor.levels))
        start += factor.levels
    return tabmat.SplitMatrix(parts, indices)


def _glum_variants(problem: Problem) -> list[Variant]:
    design = problem.design
    if isinstance(design, Table):
        ways = [Variant("CSC", method="SplitMatrix"), Variant("CSC")]
        return [way._replace(blas=blas) for way in ways for blas in (None, 1)]
    if 8 * design.X.shape[1] ** 2 > ROOM:
        return []
    return [Variant("CSC" if design.sparse else "F", blas) for blas in (None, 1)]


def sklearn_l1(solver: str) -> Peer:
    """scikit-learn's LogisticRegression, point after point; saga starts at the one before."""

    def prepare(problem: Problem, variant: Variant, threads: int) -> Runner:
        from sklearn.linear_model import LogisticRegression

        X, y = _data(problem, variant)
        costs = 1 / (len(y) * problem.alphas)
        common = {"solver": solver, "random_state": 0} | _l1()
        if solver == "liblinear":
            scaling = float(variant.method.split("=")[1])
            common |= {"intercept_scaling": scaling, "max_iter": 1000}
        else:
            common["max_iter"] = min(PATIENCE, max(100, int(ENTRIES / problem.design.X.size)))

        def run(tol: float) -> Array:
            model = LogisticRegression(tol=tol, warm_start=True, **common)
            out = np.empty((X.shape[1], len(costs)), order="F")
            for k, cost in enumerate(costs):
                out[:, k] = model.set_params(C=cost).fit(X, y).coef_[0]
            return out

        return Runner(run, lambda coefs: coefs)

    settings = {"logistic": decades(1, 14 if solver == "liblinear" else 9)}
    ways = _liblinear_variants if solver == "liblinear" else _row_major
    return _of_sklearn(f"scikit-learn {solver}", settings, prepare, ways)


def _liblinear_variants(problem: Problem) -> list[Variant]:
    (way,) = _row_major(problem)
    return [way._replace(method=f"intercept_scaling={scaling}") for scaling in SCALINGS]


def _l1() -> dict[str, Any]:
    """The penalty has another name since 1.8."""
    version = installed("scikit-learn")() or "0.0"
    new = tuple(map(int, version.split(".")[:2])) >= (1, 8)
    return {"l1_ratio": 1.0} if new else {"penalty": "l1"}


def _row_major(problem: Problem) -> list[Variant]:
    return [Variant("CSR" if problem.design.sparse else "C")]


def sklearn_ridge(solver: str) -> Peer:
    """scikit-learn's regressor of the loss with one of its solvers."""

    def prepare(problem: Problem, variant: Variant, threads: int) -> Runner:
        from sklearn import linear_model

        X, y = _data(problem, variant)
        name = f"{problem.family.capitalize()}Regressor"
        common = {"alpha": float(problem.alphas[0]), "solver": solver, "max_iter": EPOCHS}
        if problem.family == "tweedie":
            common["power"] = POWERS["tweedie"]
        weights = problem.design.weights

        def run(tol: float) -> Any:
            model = getattr(linear_model, name)(tol=tol, **common)
            return model.fit(X, y, sample_weight=weights)

        return Runner(run, lambda model: model.coef_[:, None])

    settings = dict.fromkeys(RIDGES, decades(2, 12))
    ways = _with_room if solver == "newton-cholesky" else _row_major
    return _of_sklearn(f"scikit-learn {solver}", settings, prepare, ways)


def _with_room(problem: Problem) -> list[Variant]:
    """Newton's method factorises n × n matrices."""
    return _row_major(problem) if 8 * problem.design.X.shape[1] ** 2 <= ROOM else []


# ---------------------------------------------------------------- all of them


def _python(name: str, *rest: Any, **more: Any) -> Peer:
    """A peer whose distribution and module bear its name."""
    return Peer(name, installed(name), *rest, module=name, **more)


def _of_sklearn(name: str, *rest: Any) -> Peer:
    return Peer(name, installed("scikit-learn"), *rest, module="sklearn")


def _all(first: int, last: int) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys((*PATHS, *RIDGES), decades(first, last))


def _lasso(first: int, last: int, *kinds: str) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys(kinds, decades(first, last))


PEERS = [
    Peer("fastreg", ours, _all(2, 9), fastreg, _layouts, module="fastreg"),
    _python("adelie", _lasso(4, 16, *COUNTED), adelie, _adelie_variants),
    _python(
        "skglm", _lasso(1, 10, *COUNTED, "gamma"), skglm, _skglm_variants, parameter="tol/λmax"
    ),
    Peer("glmnet", glmnet.version, _all(4, 18), in_r, _glmnet_variants, "thresh"),
    _python("glum", _all(1, 10), glum, _glum_variants, parameter="gradient_tol"),
    *map(sklearn_l1, ("saga", "liblinear")),
    *map(sklearn_ridge, ("lbfgs", "newton-cholesky")),
]
