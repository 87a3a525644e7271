"""`fastreg demo`: one gradient, two fits and a descent on a large problem, then real data.

The same certificate judges every answer, also those of scikit-learn. Times are wall-clock times.
The first call of each function compiles or loads machine code, so the demo reports it separately.
"""

from __future__ import annotations

import functools
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastreg
from fastreg.cli.console import Advance, heading, line, pairs, progress, seconds, table
from fastreg.cli.demo_diabetes import diabetes
from fastreg.cli.demo_judge import TOL, descent_table, excess, judge, optimum
from fastreg.cli.demo_results import Curve, Results, Time
from fastreg.design import as_design

Array = np.ndarray

_SIZES = {False: (200_000, 500), True: (5_000, 50)}
_SEED = 20_240_229
_BLOCK = 2_000  # rows generated at once
_RIDGE, _LASSO = 1_000.0, 0.3
_BUDGETS = (np.inf, 15.0, 6.0, 6.0, 6.0)  # seconds after which to skip a round of fits
_STEPS = 128  # number of descent steps on the large problem
_COPIES = 3.5  # peak memory divided by that of X, which scikit-learn copies


def run(*, quick: bool, out: Path | None) -> None:
    """Measure, print tables, and draw the figure to `out` unless it is None.

    Raises
    ------
    ImportError
        `out` is a path and matplotlib is not installed. The error comes before any measurement.
    """
    if out is not None:
        from fastreg.cli.demo_figure import draw, require_matplotlib

        require_matplotlib()
    start = time.perf_counter()
    _machine()
    results = _large_problem(*_SIZES[quick])
    diabetes(results)
    if out is not None:
        draw(results, out)
        heading(f"Figure: {out}")
    line(f"\nEverything took {seconds(time.perf_counter() - start)}.")


def _machine() -> None:
    from importlib.metadata import version

    import sklearn
    from threadpoolctl import threadpool_info

    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    cores = f"{fastreg.get_num_threads()} used by fastreg, {max(pools, default=1)} by BLAS"
    heading("This machine")
    pairs(
        [
            ("cores", cores),
            ("system", f"{platform.system()} {platform.machine()}"),
            ("Python", platform.python_version()),
            ("fastreg", fastreg.__version__),
            ("NumPy", np.__version__),
            ("Numba", version("numba")),
            ("scikit-learn", sklearn.__version__),
        ]
    )


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


# ---------------------------------------------------------------- the large problem


def _large_problem(m: int, n: int) -> Results:
    """Measure a problem of shape (m, n), with fewer rows if memory is short."""
    rows = m
    while _COPIES * 8 * rows * n > _available_memory() and rows > 1000:
        rows //= 2
    while True:
        if rows < m:
            line(f"\nMemory is short: {_count(rows)} rows instead of {_count(m)}.")
        try:
            return _measure(rows, n)
        except MemoryError:
            if rows <= 1000:
                raise
            rows //= 2


def _available_memory() -> float:
    """Return the available memory in bytes, ∞ if the system does not report it."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = dict(entry.split(":", 1) for entry in lines)
        free = 1024.0 * int(sizes["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return np.inf
    try:  # a container's limit
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        return min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError):
        return free


def _measure(m: int, n: int) -> Results:
    results = Results(size=f"{_count(m)} × {_count(n)}")
    heading(f"A generated problem: {results.size} float64, {8e-9 * m * n:.3g} GB")
    X, y = generate(m, n)
    _compare_gradients(X, y, results)
    _compare_fits(X, y, results)
    _descend(X, y, results)
    return results


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def generate(m: int, n: int) -> tuple[Array, Array]:
    """Generate X (m, n) with correlated columns, and y (m,) from n/10 of them, in blocks."""
    X, y = np.empty((m, n)), np.empty(m)
    rng = np.random.default_rng(_SEED)
    loadings = 0.3 * rng.standard_normal((10, n))
    theta = np.where(rng.permutation(n) < n // 10, 2.0 * rng.standard_normal(n), 0.0)
    with progress("generating", m) as advance:
        for first in range(0, m, _BLOCK):
            block = X[first : first + _BLOCK]
            rng.standard_normal(out=block)
            block += rng.standard_normal((len(block), len(loadings))) @ loadings
            y[first : first + _BLOCK] = 3.0 + block @ theta + 5.0 * rng.standard_normal(len(block))
            advance(len(block))
    return X, y


def _compare_gradients(X: Array, y: Array, results: Results) -> None:
    m, n = X.shape
    theta = np.random.default_rng(_SEED + 1).standard_normal(n)
    calls = {
        "fastreg": lambda: fastreg.gradient(X, y, theta, _RIDGE),
        "NumPy": lambda: (X.T @ (X @ theta - y) + _RIDGE * theta) / m,
    }
    first, ours = _timed(calls["fastreg"])
    best = {name: _timed(call)[0] for name, call in calls.items()}
    for repeat in range(8):
        for name in sorted(calls, reverse=bool(repeat % 2)):
            best[name] = min(best[name], _timed(calls[name])[0])
    difference = np.max(np.abs(ours - calls["NumPy"]()))
    heading("One gradient, (Xᵀ(Xθ − y) + λθ)/m")
    rows = [
        (
            name,
            seconds(best[name]),
            f"{best[name] / best['fastreg']:.2f}",
            passes,
            f"{1e-9 * passes * X.nbytes / best[name]:.3g} GB/s",
        )
        for name, passes in (("fastreg", 1), ("NumPy", 2))
    ]
    table(["", "time", "÷ fastreg", "passes over X", "X read at"], rows)
    line(f"Max abs difference {difference:.1e}, of components up to {np.abs(ours).max():.3g}.")
    line(f"First call, compiling or loading: {seconds(first)}. The times are the best of nine.")
    results.times += [Time("Gradient", name, best[name]) for name in calls]


def _compare_fits(X: Array, y: Array, results: Results) -> None:
    from sklearn import linear_model

    lasso: dict[str, Any] = {"alpha": _LASSO, "max_iter": 10_000}
    # scikit-learn's tol is relative to ‖y − ȳ‖², ours to half of that.
    theirs = {
        "Ridge": {"scikit-learn": linear_model.Ridge(_RIDGE)},
        "Lasso": {
            "scikit-learn": linear_model.Lasso(tol=TOL / 2, **lasso),
            "scikit-learn, Gram": linear_model.Lasso(tol=TOL / 2, precompute=True, **lasso),
        },
    }
    ours: dict[str, Any] = {
        "Ridge": fastreg.Ridge(_RIDGE, tol=TOL),
        "Lasso": fastreg.Lasso(tol=TOL, **lasso),
    }
    design, rows, first = as_design(X), [], {}
    with progress("fitting", 2 + (2 + 3) * len(_BUDGETS)) as advance:
        for task, model in ours.items():
            first[task], _ = _timed(functools.partial(model.fit, X, y))
            advance(1)
            entries = {"fastreg": model, **theirs[task]}
            best = _best_fits(entries, X, y, advance)
            results.times += [Time(task, library, best[library]) for library in entries]
            for library, entry in entries.items():
                judged = judge(design, y, entry, model)
                rows.append((f"{task}, {library}", seconds(best[library]), *judged))
    heading(f"Ridge, alpha = {_RIDGE:g}, and Lasso, alpha = {_LASSO:g}")
    table(["", "time", "passes", "relative gap", "max │Δcoef│", "Δobj."], rows)
    line("A pass reads X once; scikit-learn does not count them. fastreg certifies all gaps.")
    line('Δ is against fastreg, relative for the objective (obj.). "Gram" is precompute=True.')
    fits = ", ".join(f"{task} {seconds(elapsed)}" for task, elapsed in first.items())
    line(f"First fit, compiling or loading: {fits}. The times are the best of up to five.")


def _best_fits(models: dict[str, Any], X: Array, y: Array, advance: Advance) -> dict[str, float]:
    """Return the shortest fitting time of each model, over rounds of alternating order."""
    best, start = dict.fromkeys(models, np.inf), time.perf_counter()
    for turn, budget in enumerate(_BUDGETS):
        if time.perf_counter() - start > budget:
            advance(len(models))
            continue
        for name in sorted(models, reverse=bool(turn % 2)):
            best[name] = min(best[name], _timed(functools.partial(models[name].fit, X, y))[0])
            advance(1)
    return best


def _descend(X: Array, y: Array, results: Results) -> None:
    done = 0
    with progress("descending", _STEPS) as advance:

        def callback(step: int, value: float, norm: float) -> None:
            nonlocal done
            advance(step - done)
            done = step

        elapsed, run = _timed(
            lambda: fastreg.descend(
                X, y, lam=_RIDGE, n_iter=_STEPS, fit_intercept=True, callback=callback
            )
        )
    heading(f"Gradient descent, {_STEPS} steps of length 1/L = {run.eta:.3g}")
    descent_table(run, [0, 1, 10, 64, _STEPS])
    line(f"Certified bound on J − J* at the end: {run.certificate.gap[0]:.1e}. {optimum(run)}")
    line(f"{seconds(elapsed)}, the search for L and the optimum included.")
    null = run.certificate.null[0]
    look, bound = np.array([_STEPS]), run.certificate.relative_gap
    results.curves.append(Curve(f"generated, {results.size}", excess(run) / null, look, bound))
