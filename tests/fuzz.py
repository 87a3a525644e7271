"""An attack on certificates: random problems, and a judge that shares no code with fastreg.

    python -m tests.fuzz --count 10000 --seed 0 [--seconds S] [--jobs 2]
    python -m tests.fuzz --only 4711        one problem again, with all that is known of it
    python -m tests.fuzz --spoil            coefficients disturbed after the fit: who notices?

A failure is
    false      P − min P is provably more than the certificate says, or than tol allows
    kkt        "converged" by a KKT residual, but the true one is larger
    numbers    objective or null objective of the certificate are not those of the answer
    silent     not converged, and no ConvergenceWarning; or one although converged
    missed     not converged on a harmless problem with the default max_iter and tol ≥ 1e-8
    crash, hang (20 s), input (the caller's arrays changed), warning (any other)

The judge takes the returned coefficients as they are, in float64. Certificates are float64 too:
what rounding of Xθ may hide is allowed, ROUNDING·eps·‖y‖·(‖y‖ + Σ ‖x_j θ_j‖).
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import multiprocessing.connection
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastreg
from tests.conftest import STORAGES
from tests.judge import LD, Data, refine

EPS = float(np.finfo(float).eps)
ROUNDING = 32.0
HANG = 20.0  # seconds of a fit
_KILL = 120.0  # of a problem, after which its process is ended
_KKT = 1e-7  # what a certificate asks of a residual where no gap is known
_REFINED = 8  # one problem in so many has its minimum found even if the first bound suffices
_PLAIN = ("C", "F", "strided", "strided-F", "negative", "read-only", "unaligned")
_SPARSE = ("csr", "csr-int64", "csr-mixed", "csr-repeated", "csc", "csc-int64", "csc-repeated")
_ESTIMATORS = ("Lasso", "ElasticNet", "Ridge", "path", "enet_path")


# ---------------------------------------------------------------- drawing


@dataclass(eq=False)
class Case:
    """One problem: what fastreg is given, and of what kind it is."""

    seed: int
    X: Any
    y: np.ndarray
    weights: np.ndarray | None
    estimator: str
    options: dict[str, Any]
    kind: dict[str, str]
    warm: dict[str, Any] | None = None  # options of a fit before

    @property
    def fit_intercept(self):
        return self.estimator != "enet_path" and self.options["fit_intercept"]

    @property
    def positive(self):
        return self.options["positive"]


def draw(seed: int, small: bool = False) -> Case:
    """The problem of a seed."""
    rng = np.random.default_rng(seed)
    kind: dict[str, str] = {}
    estimator = kind["estimator"] = str(rng.choice(_ESTIMATORS, p=[0.24, 0.24, 0.22, 0.2, 0.1]))
    m, n = _shape(rng, kind, small)
    X = _deficient(rng, kind, _entries(rng, kind, m, n))
    y = _target(rng, kind, X, several=estimator in ("Lasso", "ElasticNet", "Ridge"))
    X, y = _scaled(rng, kind, X, y)
    X = _stored(rng, kind, X)
    weights = None if estimator == "enet_path" else _weights(rng, kind, m)
    options = {"tol": float(10.0 ** rng.uniform(-12, -2)), "positive": bool(rng.random() < 0.25)}
    kind["tol"] = "tol ≥ 1e-8" if options["tol"] >= 1e-8 else "tol < 1e-8"
    kind["positive"] = "positive" if options["positive"] else "any sign"
    if rng.random() < 0.15:
        options["max_iter"] = int(rng.integers(1, 20))
    if estimator != "enet_path":
        options["fit_intercept"] = bool(rng.random() < 0.7)
    case = Case(seed, X, y, weights, estimator, options, kind)
    _strength(rng, case)
    return case


def _shape(rng, kind, small):
    size = rng.choice(["small", "medium", "wide", "tall"], p=[0.84, 0.08, 0.03, 0.05])
    kind["shape"] = size = "small" if small else str(size)
    low, high = {
        "small": ((1, 1), (60, 80)),
        "medium": ((20, 60), (200, 200)),
        "wide": ((60, 513), (300, 700)),
        "tall": ((500, 1), (3000, 20)),
    }[size]
    if small:
        high = (15, 12)
    return tuple(int(rng.integers(a, b + 1)) for a, b in zip(low, high, strict=True))


def _entries(rng, kind, m, n):
    how = kind["entries"] = str(
        rng.choice(
            ["normal", "correlated", "sparse", "integer", "binary"], p=[0.35, 0.2, 0.2, 0.15, 0.1]
        )
    )
    if how == "binary":
        return (rng.random((m, n)) < 0.3).astype(float)
    if how == "integer":
        return rng.integers(-20, 20, (m, n)).astype(float)
    X = rng.standard_normal((m, n))
    if how == "correlated":
        X += rng.choice([0.5, 3.0, 30.0]) * rng.standard_normal((m, 1))
    if how == "sparse":
        X[rng.random((m, n)) > rng.choice([0.05, 0.2, 0.5])] = 0.0
    return X


def _deficient(rng, kind, X):
    """Columns that others explain, or nearly."""
    n = X.shape[1]
    how = "full" if rng.random() < 0.6 or n < 3 else ""
    how = how or str(rng.choice(["copies", "sums", "constant", "zero", "near copies"]))
    kind["rank"] = how
    if how == "full":
        return X
    these, a, b = (rng.integers(0, n, max(1, n // 4)) for _ in range(3))
    if how == "copies":
        X[:, these] = X[:, a] * rng.choice([1.0, -1.0, 3.0])
    elif how == "sums":
        X[:, these] = X[:, a] + X[:, b]
    elif how == "near copies":
        X[:, these] = X[:, a] + 10.0 ** rng.uniform(-12, -6) * rng.standard_normal((len(X), len(a)))
    else:
        X[:, these] = 0.0 if how == "zero" else rng.choice([1.0, 0.1, -1e6])
    return X


def _target(rng, kind, X, several):
    k = int(rng.integers(2, 5)) if several and rng.random() < 0.2 else 0
    kind["targets"] = "several targets" if k else "one target"
    m, n = X.shape
    truth = rng.standard_normal((n, max(k, 1))) * (rng.random((n, 1)) < min(1.0, 5.0 / n))
    noise = float(rng.choice([0.0, 1e-6, 0.1, 1.0, 10.0]))
    y = X @ truth + noise * rng.standard_normal((m, max(k, 1)))
    if rng.random() < 0.02:
        y[:, 0] = rng.choice([0.0, 1.0, 0.1])
    return y if k else y[:, 0]


def _scaled(rng, kind, X, y):
    """Units and offsets; integers stay as they are."""
    names = ["none", "units", "offset", "huge", "both"]
    how = kind["scale"] = str(rng.choice(names, p=[0.4, 0.15, 0.2, 0.15, 0.1]))
    if how in ("offset", "both"):
        X = X + 10.0 ** rng.uniform(0, 8) * (rng.random(X.shape[1]) < rng.choice([0.3, 1.0]))
        y = y + 10.0 ** rng.uniform(0, 8) * rng.choice([0.0, 1.0])
    if how in ("units", "both"):
        X = X * 10.0 ** rng.uniform(-6, 6, X.shape[1])
    if how == "huge":
        X = X * 10.0 ** (100.0 * rng.integers(-1, 2))
        y = y * 10.0 ** (100.0 * rng.integers(-1, 2))
    return X, y


def _stored(rng, kind, X):
    """In one of the types and storages."""
    names = _PLAIN + _SPARSE
    name = str(rng.choice(names))
    if kind["entries"] in ("sparse", "binary") and rng.random() < 0.5:
        name = str(rng.choice(_SPARSE))
    dtype = "float64"
    if kind["scale"] != "huge" and rng.random() < 0.25:
        dtype = "float32"
    if kind["entries"] in ("integer", "binary") and kind["scale"] == "none" and rng.random() < 0.6:
        dtype = str(rng.choice(["int64", "int32", "int8"]))
    if dtype.startswith("int"):
        X = np.clip(np.round(X), -100, 100)
    kind["dtype"], kind["storage"] = dtype, name
    return STORAGES[name](X.astype(dtype))


def _weights(rng, kind, m):
    how = kind["weights"] = str(
        rng.choice(["no weights", "random", "zeros", "extreme"], p=[0.6, 0.15, 0.15, 0.1])
    )
    if how == "no weights":
        return None
    w = rng.random(m) + 0.05
    if how == "zeros":
        w[rng.random(m) < 0.4] = 0.0
        w[rng.integers(m)] = 1.0
    return w * 10.0 ** rng.choice([-200.0, 200.0]) if how == "extreme" else w


def _strength(rng, case):
    """Penalties, relative to the least that holds all coefficients at zero, and a warm start."""
    options, name = case.options, case.estimator
    if name == "Ridge":
        options["alpha"] = _ridge_alpha(rng, case)
        options["solver"] = str(
            rng.choice(["auto", "cholesky", "svd", "sparse_cg"], p=[0.7, 0.1, 0.1, 0.1])
        )
    else:
        ratio = 1.0 if name == "Lasso" or rng.random() < 0.2 else float(10.0 ** rng.uniform(-2, 0))
        if name != "Lasso":
            options["l1_ratio"] = ratio
        factor = _factor(rng, case) if name == "path" else np.ones(case.X.shape[1])
        data = Data(case.X, case.y, case.weights, case.fit_intercept)
        top = (
            float(max(data.largest_alpha(t, factor) for t in range(data.Y.shape[1]))) / ratio or 1.0
        )
        _alphas(rng, case, top)
    if name in ("Lasso", "ElasticNet") and rng.random() < 0.2:
        case.warm = {**options, "alpha": options["alpha"] * float(10.0 ** rng.uniform(-1, 1))}
    case.kind["start"] = "warm" if case.warm else "cold"


def _ridge_alpha(rng, case):
    k = 1 if case.y.ndim == 1 else case.y.shape[1]
    size = float((np.abs(case.X).astype(float)).mean()) ** 2 * len(case.y) or 1.0
    unit = 1.0 if rng.random() < 0.5 or not 1e-150 < size < 1e150 else size
    alpha = 0.0 if rng.random() < 0.15 else unit * float(10.0 ** rng.uniform(-8, 8))
    case.kind["penalty"] = "ridge" if alpha else "none"
    if k > 1 and rng.random() < 0.5:
        return alpha * 10.0 ** rng.uniform(-2, 2, k)
    return alpha


def _factor(rng, case):
    n = case.X.shape[1]
    if rng.random() < 0.5:
        return np.ones(n)
    factor = 10.0 ** rng.uniform(-1, 1, n)
    if rng.random() < 0.5:
        factor[rng.random(n) < 0.1] = 0.0
    case.options["penalty_factor"] = factor
    case.kind["factors"] = "some free" if (factor == 0).any() else "factors"
    return factor


def _alphas(rng, case, top):
    options, share = case.options, float(10.0 ** rng.uniform(-4, np.log10(2)))
    case.kind["penalty"] = "lasso" if options.get("l1_ratio", 1.0) == 1.0 else "elastic net"
    if case.estimator in ("Lasso", "ElasticNet"):
        options["alpha"] = top * share
    elif rng.random() < 0.5:
        options["alphas"] = top * np.geomspace(2.0, min(share, 1.0), int(rng.integers(1, 13)))
    else:
        options["alphas"], options["eps"] = int(rng.integers(2, 13)), min(share, 0.5)
        if case.estimator == "path" and options["alphas"] > 10:
            del options["eps"]
    if case.estimator == "path":
        options["solver"] = str(rng.choice(["auto", "proximal gradient"], p=[0.92, 0.08]))
        case.kind["solver"] = options["solver"]


# ---------------------------------------------------------------- fitting


@dataclass(eq=False)
class Answer:
    """One target, or one point of a path, with what is claimed of it."""

    target: int
    coef: np.ndarray
    intercept: float
    l1: Any
    l2: Any
    gap: float  # in units of P
    relative: float | None = None
    kkt: float | None = None
    objective: float | None = None
    null: float | None = None


@dataclass(eq=False)
class Fit:
    answers: list[Answer]
    converged: bool
    by_kkt: bool
    warned: list[str]  # of convergence
    others: list[str]
    seconds: float


def fit(case: Case) -> Fit:
    """Run fastreg on the case."""
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = _by_estimator(case) if case.estimator[0].isupper() else _by_path(case)
        seconds = time.perf_counter() - start
    names = [each.category.__name__ for each in caught]
    texts = [str(each.message) for each in caught]
    pairs = list(zip(names, texts, strict=True))
    warned = [text for name, text in pairs if name == "ConvergenceWarning"]
    others = [f"{name}: {text}" for name, text in pairs if name != "ConvergenceWarning"]
    answers, certificate = found
    converged = certificate.converged if certificate else not warned
    return Fit(
        answers, converged, bool(certificate and certificate.by_kkt), warned, others, seconds
    )


def _by_estimator(case):
    model = getattr(fastreg, case.estimator)(**case.options)
    arguments = {} if case.weights is None else {"sample_weight": case.weights}
    if case.warm:
        model.set_params(**case.warm, warm_start=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(case.X, case.y, **arguments)
        model.set_params(**case.options)
    model.fit(case.X, case.y, **arguments)
    coef = np.atleast_2d(model.coef_).T
    intercepts = np.broadcast_to(model.intercept_, coef.shape[1])
    alpha = np.broadcast_to(case.options["alpha"], coef.shape[1]).astype(LD)
    if case.estimator == "Ridge":
        total = len(case.y) if case.weights is None else np.sum(case.weights.astype(LD))
        penalties = [(LD(0), each / total) for each in alpha]
    else:
        ratio = LD(case.options.get("l1_ratio", 1.0))
        penalties = [(each * ratio, each * (1 - ratio)) for each in alpha]
    answers = [
        _answer(model.certificate_, t, t, coef[:, t], intercepts[t], *penalties[t])
        for t in range(coef.shape[1])
    ]
    return answers, model.certificate_


def _by_path(case):
    arguments = {} if case.weights is None else {"sample_weight": case.weights}
    options = dict(case.options)
    if case.estimator == "path":
        found = fastreg.path(case.X, case.y, **options, **arguments)
        alphas, coefs, intercepts = found.alphas, found.coefs, found.intercepts
        certificate = found.certificate
    else:
        if isinstance(options["alphas"], int):
            options["n_alphas"] = options.pop("alphas")
        alphas, coefs, gaps = fastreg.enet_path(case.X, case.y, **options)
        intercepts, certificate = np.zeros(len(alphas)), None
    ratio = LD(case.options["l1_ratio"])
    factor = case.options.get("penalty_factor", np.ones(len(coefs))).astype(LD)
    answers = []
    for k, alpha in enumerate(alphas):
        here = coefs[:, k], intercepts[k], alpha * ratio * factor, alpha * (1 - ratio) * factor
        if certificate is None:
            answers.append(Answer(0, *here, gap=float(gaps[k])))
        else:
            answers.append(_answer(certificate, k, 0, *here))
    return answers, certificate


def _answer(certificate, k, target, coef, intercept, l1, l2):
    numbers = {
        "relative": float(certificate.relative_gap[k]),
        "kkt": float(certificate.kkt[k]),
        "objective": float(certificate.objective[k]),
        "null": float(certificate.null[k]),
    }
    return Answer(target, coef, float(intercept), l1, l2, float(certificate.gap[k]), **numbers)


def _contents(case):
    """The bytes of all that belongs to the caller."""
    X = case.X
    parts = [X] if isinstance(X, np.ndarray) else [X.data, X.indices, X.indptr]
    parts += [case.y] if case.weights is None else [case.y, case.weights]
    return [part.tobytes() for part in parts]


# ---------------------------------------------------------------- judging


@dataclass
class Verdict:
    """What became of one problem."""

    seed: int
    kind: dict[str, str]
    failures: list[tuple[str, str]] = field(default_factory=list)  # (name, text)
    answers: int = 0
    status: str = "converged"
    ratio: float = 0.0  # (P − min P) over the claimed gap and rounding, of the worst answer
    excess: float = 0.0  # P − min P beyond the claim, over eps of the null objective
    undecided: int = 0
    spoiled: int = 0  # answers whose disturbance matters
    noticed: int = 0
    seconds: float = 0.0


@dataclass
class Measured:
    """Of one answer, in units of ‖y‖²/2M: P, bounds on min P, and what rounding may hide."""

    value: float
    above: float  # P − (a lower bound of min P)
    below: float  # P − (an upper bound of min P), no more than the true distance
    claim: float
    allowance: float


def attack(seed: int, spoil: bool = False, small: bool = False) -> Verdict:
    """Draw, fit and judge the problem of a seed."""
    verdict = Verdict(seed, {})
    try:
        case = draw(seed, small)
        verdict.kind = case.kind
        _fit_and_judge(case, verdict, spoil)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        verdict.failures.append(("crash", text))
        verdict.status = "crash"
    return verdict


def _fit_and_judge(case, verdict, spoil):
    before = _contents(case)
    found = fit(case)
    if found.seconds > HANG:  # unless that was the compiler
        found = fit(case)
    verdict.seconds, verdict.answers = found.seconds, len(found.answers)
    fail = verdict.failures.append
    if found.seconds > HANG:
        fail(("hang", f"{found.seconds:.0f} s"))
    if _contents(case) != before:
        fail(("input", "the caller's arrays have changed"))
    verdict.failures += [("warning", text) for text in found.others]
    if found.converged == bool(found.warned):
        fail(("silent", f"converged: {found.converged}, warnings: {found.warned}"))
    data = Data(case.X, case.y, case.weights, case.fit_intercept)
    verdict.status = _status(case, found, data, verdict)
    for k, answer in enumerate(found.answers):
        if spoil:
            _judge_spoiled(case, data, answer, verdict, np.random.default_rng([case.seed, k]))
        else:
            _judge(case, data, answer, found, verdict)


def _status(case, found, data, verdict):
    if found.converged:
        return "converged by KKT" if found.by_kkt else "converged"
    cause = "max_iter" if any("raise max_iter" in text for text in found.warned) else "rounding"
    harmless = "max_iter" not in case.options and case.options["tol"] >= 1e-8
    harmless &= case.options.get("solver") != "proximal gradient"  # slow by its nature
    harmless &= case.kind["rank"] not in ("sums", "near copies")  # a wide matrix hides them
    if harmless and data.condition() < 1e6 and data.offset() < 1e4:
        verdict.failures.append(("missed", f"{found.warned}"))
    return f"not converged: {cause}"


def _judge(case, data, answer, found, verdict):
    point = data.point(answer.target, answer.l1, answer.l2, case.positive)
    sure = (case.seed + len(verdict.kind)) % _REFINED == 0
    seen = measure(data, point, answer, sure)
    verdict.ratio = max(verdict.ratio, seen.below / (seen.claim + seen.allowance))
    verdict.excess = max(verdict.excess, (seen.below - seen.claim) / EPS)
    if seen.below > seen.claim * (1 + 1e-6) + seen.allowance:
        text = f"P − min P ≥ {seen.below:.3e} of the null objective, claimed {seen.claim:.3e}"
        verdict.failures.append(("false", text + f", rounding allowed {seen.allowance:.1e}"))
    elif seen.above > seen.claim * (1 + 1e-6) + seen.allowance:
        verdict.undecided += 1
    tol = case.options["tol"]
    reached = (seen.claim if answer.relative is None else answer.relative) <= tol
    if reached and seen.below > tol * (1 + 1e-6) + seen.allowance:
        verdict.failures.append(("false", f"P − min P ≥ {seen.below:.3e}, tol = {tol:.3e}"))
    if found.converged and not reached:
        _judge_kkt(case, data, point, answer, verdict)
    if answer.objective is not None:
        _judge_numbers(data, answer, seen, verdict)


def measure(data: Data, point, answer: Answer, sure: bool = False) -> Measured:
    """How far an answer is from the minimum; the minimum is looked for if `sure`, or if the
    first bound does not do."""
    t = answer.target
    theta = data.theta(t, answer.coef)
    value = point.value(theta, data.level(t, answer.coef, answer.intercept))
    lower, least = point.lower(theta), value
    size = 1.0 + float(np.abs(theta).sum())
    claim = float(LD(answer.gap) / data.unit[t] ** 2 * 2)
    allowance = ROUNDING * EPS * size + (ROUNDING * EPS * size) ** 2
    if not point.y.any():  # a constant y is met up to the rounding of its mean
        allowance = max(allowance, float(16 * EPS**2 * data.raw_y[t] ** 2 / data.unit[t] ** 2))
    if sure or 2 * (value - lower) > claim * (1 + 1e-6) + allowance:
        best = refine(point, theta)
        lower, least = max(lower, best.lower), min(value, best.value)
    return Measured(
        value=float(2 * value),
        above=float(2 * (value - lower)),
        below=float(2 * (value - least)),
        claim=claim,
        allowance=allowance,
    )


def _judge_kkt(case, data, point, answer, verdict):
    """Where no gap can be known, the residual is the claim."""
    true = point.kkt(data.theta(answer.target, answer.coef))
    asked = min(case.options["tol"], _KKT)
    if true > 1.01 * asked + 1e3 * EPS * (
        1 + float(np.abs(data.theta(answer.target, answer.coef)).sum())
    ):
        text = f"KKT residual {true:.3e}, certificate {answer.kkt:.3e}, asked {asked:.3e}"
        verdict.failures.append(("kkt", text))


def _judge_numbers(data, answer, seen, verdict):
    unit = data.unit[answer.target] ** 2 / 2
    objective, null = float(answer.objective / unit), float(answer.null / unit)
    true_null = float(data.Y[:, answer.target].any())
    rounding = 1e-9 + 8 * EPS * float(data.raw_y[answer.target] / data.unit[answer.target])
    if true_null and abs(null - true_null) > rounding:
        verdict.failures.append(("numbers", f"null objective off by a factor {null:.12g}"))
    if abs(objective - seen.value) > 1e-9 * max(1.0, seen.value) + 1e3 * seen.allowance:
        text = f"objective {objective:.12g}, true {seen.value:.12g}, of the null objective"
        verdict.failures.append(("numbers", text))


def _judge_spoiled(case, data, answer, verdict, rng):
    """Disturb a good answer: does the judge object where the disturbance matters?"""
    point = data.point(answer.target, answer.l1, answer.l2, case.positive)
    good = measure(data, point, answer)
    if good.claim > case.options["tol"]:
        return
    theta = data.theta(answer.target, answer.coef)
    part = rng.random(len(theta)) < 0.5
    moved = theta + part * 10.0 ** rng.uniform(-6, 0) * rng.standard_normal(len(theta))
    answer.coef = data.coef(answer.target, np.maximum(moved, 0) if case.positive else moved)
    seen = measure(data, point, answer)
    if seen.value - good.value > 2.0 * (seen.claim + seen.allowance):
        verdict.spoiled += 1
        verdict.noticed += seen.below > seen.claim * (1 + 1e-6) + seen.allowance


# ---------------------------------------------------------------- many


def run(seeds, spoil: bool = False, small: bool = False, seconds: float = np.inf) -> list[Verdict]:
    """Attack with seeds one after the other, in this process."""
    stop, out = time.monotonic() + seconds, []
    for seed in seeds:
        if time.monotonic() > stop:
            break
        out.append(attack(seed, spoil, small))
    return out


def run_guarded(seeds, spoil: bool, seconds: float, jobs: int) -> list[Verdict]:
    """The same in processes of their own, so that one that dies or hangs costs one problem."""
    stop, out = time.monotonic() + seconds, []
    workers = [_Worker(list(seeds)[j::jobs], spoil) for j in range(jobs)]
    while any(worker.seeds for worker in workers) and time.monotonic() < stop:
        multiprocessing.connection.wait([w.pipe for w in workers if w.seeds], timeout=1.0)
        for worker in workers:
            out += worker.collect()
    for worker in workers:
        worker.end()
    return out


class _Worker:
    """A process and the seeds that it has still to do."""

    def __init__(self, seeds, spoil):
        self.seeds, self.spoil = seeds, spoil
        self._start()

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe(duplex=False)
        self.process = context.Process(target=_serve, args=(self.seeds, self.spoil, other))
        self.process.start()
        other.close()
        self.since = time.monotonic()

    def collect(self):
        """Verdicts that have arrived; the seed of a process that died or hangs is a failure."""
        out = []
        try:
            while self.seeds and self.pipe.poll():
                out.append(self.pipe.recv())
                self.seeds, self.since = self.seeds[1:], time.monotonic()
        except EOFError:
            return [*out, self._lost("crash", "the process died")]
        if self.seeds and time.monotonic() - self.since > _KILL:
            out.append(self._lost("hang", f"ended after {_KILL:.0f} s"))
        return out

    def _lost(self, name, text):
        self.end()
        seed, self.seeds = self.seeds[0], self.seeds[1:]
        verdict = Verdict(seed, draw(seed).kind, [(name, text)], status=name)
        if self.seeds:
            self._start()
        return verdict

    def end(self):
        self.process.kill()
        self.process.join()


def _serve(seeds, spoil, pipe):
    for seed in seeds:
        pipe.send(attack(seed, spoil))


# ---------------------------------------------------------------- telling


def report(verdicts: list[Verdict]) -> str:
    """The tables, and every failure."""
    lines = [f"{'':24}{'problems':>9}{'answers':>9}{'failed':>8}{'open':>6}  worst ratio"]
    groups = collections.defaultdict(list)
    for verdict in verdicts:
        for trait, value in verdict.kind.items():
            groups[trait, value].append(verdict)
    for trait, value in sorted(groups):
        lines.append(_line(f"{trait}: {value}", groups[trait, value]))
    lines += [_line("all", verdicts), "", *_counts("status", [v.status for v in verdicts])]
    names = [name for v in verdicts for name in {name for name, _ in v.failures}]
    lines += ["", *_counts("failures", names or ["none"])]
    slowest = max(verdicts, key=lambda v: v.seconds)
    lines.append(f"slowest fit {slowest.seconds:.1f} s, seed {slowest.seed}")
    worst = max(verdicts, key=lambda v: v.excess)
    lines.append(f"P − min P beyond the claim: {worst.excess:.1f} eps, seed {worst.seed}")
    if any(v.spoiled for v in verdicts):
        spoiled, noticed = (sum(getattr(v, a) for v in verdicts) for a in ("spoiled", "noticed"))
        lines.append(f"spoiled answers that matter: {spoiled}, noticed {noticed}")
    return "\n".join([*lines, "", *map(describe, (v for v in verdicts if v.failures))])


def _line(name, verdicts):
    failed = sum(bool(v.failures) for v in verdicts)
    answers, undecided = sum(v.answers for v in verdicts), sum(v.undecided for v in verdicts)
    worst = max(v.ratio for v in verdicts)
    return f"{name:24}{len(verdicts):9}{answers:9}{failed:8}{undecided:6}  {worst:.3f}"


def _counts(title, names):
    return [
        title,
        *(f"  {count:7}  {name}" for name, count in collections.Counter(names).most_common()),
    ]


def describe(verdict: Verdict) -> str:
    traits = ", ".join(verdict.kind.values())
    texts = [f"    {name}: {text}" for name, text in verdict.failures[:4]]
    return "\n".join([f"seed {verdict.seed} ({traits})", *texts])


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first problem")
    parser.add_argument("--seconds", type=float, default=np.inf, help="stop after that long")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", type=int, help="replay the problem of this seed")
    parser.add_argument("--spoil", action="store_true", help="disturb the answers")
    chosen = parser.parse_args(arguments)
    start = time.monotonic()
    if chosen.only is not None:
        case = draw(chosen.only)
        print(case.X.shape, case.options, case.warm)
        verdicts = [attack(chosen.only, chosen.spoil)]
    else:
        seeds = range(chosen.seed, chosen.seed + chosen.count)
        verdicts = run_guarded(seeds, chosen.spoil, chosen.seconds, chosen.jobs)
    print(report(verdicts))
    print(f"{len(verdicts)} problems in {time.monotonic() - start:.0f} s")
    return int(any(v.failures for v in verdicts))


if __name__ == "__main__":
    sys.exit(main())
