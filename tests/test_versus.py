"""The race against peers: its gaps are right, its sweep is fair, and table and files come out."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

from benchmarks.versus import __main__ as command
from benchmarks.versus import (
    families,
    figure,
    gap_losses,
    gaps,
    glmnet,
    glms,
    peers,
    problems,
    race,
    report,
)
from benchmarks.versus.peers import Peer, Runner, Variant
from benchmarks.versus.problems import Problem
from benchmarks.versus.race import Options, Trial

ROOT = Path(__file__).resolve().parents[1]
NOW = Options(threads=1, rounds=2, budget=20.0, pause=0.0)
TINY = [
    Problem("path", "path", functools.partial(problems.dense, 30, 12), 0.05, points=4),
    Problem("wide", "path", functools.partial(problems.dense, 12, 30), 0.05, points=4),
    Problem("single", "single", functools.partial(problems.dense, 30, 12), 0.1),
    Problem("ridge", "ridge", functools.partial(problems.dense, 30, 12), 0.01),
    Problem(
        "sparse", "single", functools.partial(problems.sparse, 40, 30, 4), 0.1, intercept=False
    ),
]


# ---------------------------------------------------------------- gaps


def orthogonal(m=40, n=6):
    """X with XᵀX = m·I and columns of mean zero, and y with a mean: the lasso is explicit."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((m, n))
    X = np.sqrt(m) * np.linalg.qr(A - A.mean(axis=0))[0]
    return X, X @ np.arange(1.0, n + 1) + rng.standard_normal(m) + 3.0


def soft(z, level):
    return np.sign(z) * np.maximum(np.abs(z) - level, 0.0)


def objective(X, y, alpha, w, *, intercept):
    """‖y − Xw − b‖²/2m + α‖w‖₁ with the best b."""
    r = y - X @ w
    r = r - r.mean() if intercept else r
    return r @ r / (2 * len(y)) + alpha * np.abs(w).sum()


@pytest.mark.parametrize("make", [np.asfortranarray, np.ascontiguousarray, scipy.sparse.csc_matrix])
@pytest.mark.parametrize("intercept", [True, False])
def test_gap_is_zero_at_a_known_minimiser(make, intercept):
    X, y = orthogonal()
    alphas = np.array([8.0, 2.0, 0.3])
    coefs = soft((X.T @ y / len(y))[:, None], alphas)
    found = gaps.lasso_gaps(make(X), y, alphas, coefs, intercept=intercept)
    assert found.shape == (3,) and np.all(found <= 1e-13)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("size", [1e-6, 1e-2, 1.0])
def test_gap_bounds_what_a_perturbation_costs(intercept, size):
    X, y = orthogonal()
    alphas = np.array([2.0, 0.3])
    best = soft((X.T @ y / len(y))[:, None], alphas)
    coefs = best + size * np.random.default_rng(1).standard_normal(best.shape)
    found = gaps.lasso_gaps(X, y, alphas, coefs, intercept=intercept)
    null = objective(X, y, 0.0, np.zeros(len(best)), intercept=intercept)
    for k, alpha in enumerate(alphas):
        cost = functools.partial(objective, X, y, alpha, intercept=intercept)
        assert found[k] >= (cost(coefs[:, k]) - cost(best[:, k])) / null - 1e-14


def test_gap_is_the_least_over_all_multiples_of_the_residuals():
    design = problems.dense(30, 50)
    X, y = design.X, design.y - design.y.mean()
    w = np.random.default_rng(2).standard_normal(50) / 10
    r = y - X @ w
    r -= r.mean()
    alpha = 0.4 * np.max(np.abs(X.T @ r)) / len(y)
    allowed = alpha * len(y) / np.max(np.abs(X.T @ r))
    duals = [
        (y @ y - (y - s * r) @ (y - s * r)) / (2 * len(y))
        for s in np.linspace(-allowed, allowed, 2001)
    ]
    primal = objective(X, y, alpha, w, intercept=True)
    expected = (primal - max(duals)) / (y @ y / (2 * len(y)))
    found = gaps.lasso_gaps(X, design.y, np.array([alpha]), w[:, None], intercept=True)
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_gap_does_not_depend_on_the_blocks(monkeypatch):
    design = problems.dense(30, 50)
    alphas = np.array([0.5, 0.1])
    coefs = np.random.default_rng(3).standard_normal((50, 2)) / 10
    whole = gaps.lasso_gaps(design.X, design.y, alphas, coefs, intercept=True)
    monkeypatch.setattr(gaps, "BLOCK", 7)
    np.testing.assert_allclose(
        gaps.lasso_gaps(design.X, design.y, alphas, coefs, intercept=True), whole, rtol=1e-12
    )


def test_missing_answers_have_an_infinite_gap():
    X, y = orthogonal()
    alphas = np.array([1.0, 0.5])
    few, broken = np.zeros((6, 1)), np.full((6, 2), np.nan)
    assert np.all(np.isinf(gaps.lasso_gaps(X, y, alphas, few, intercept=True)))
    assert np.all(np.isinf(gaps.lasso_gaps(X, y, alphas, broken, intercept=True)))
    assert gaps.ridge_excess(X, y, 1.0, np.full(6, np.nan), 1.0) == np.inf


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_ridge_excess_is_the_difference_of_objectives(shape):
    design = problems.dense(*shape)
    X, y, alpha = design.X + 2.0, design.y + 5.0, 0.3
    Z, t = X - X.mean(axis=0), y - y.mean()
    best = np.linalg.solve(Z.T @ Z + alpha * np.eye(shape[1]), Z.T @ t)
    worse = best + 0.1 * np.random.default_rng(4).standard_normal(shape[1])

    def cost(w):
        return ((t - Z @ w) @ (t - Z @ w) + alpha * (w @ w)) / 2

    floor = gaps.ridge_floor(X, y, alpha)
    assert floor == pytest.approx(cost(best), rel=1e-12)
    assert gaps.ridge_excess(X, y, alpha, best, floor) <= 1e-12
    expected = (cost(worse) - cost(best)) / cost(best)
    assert gaps.ridge_excess(X, y, alpha, worse, floor) == pytest.approx(expected, rel=1e-9)


# ---------------------------------------------------------------- problems


def test_both_sizes_have_the_same_kinds_of_problem():
    quick, full = problems.table("quick"), problems.table("full")
    assert [p.kind for p in quick] == [p.kind for p in full]
    assert len({p.name for p in full}) == len(full)
    assert [p.small.name for p in full] == [p.name for p in quick]


def test_alphas_fall_from_where_nothing_is_selected():
    problem = TINY[0]
    X, y = problem.design.X, problem.design.y
    assert problem.alphas[0] == pytest.approx(np.max(np.abs(X.T @ (y - y.mean()))) / 30)
    assert problem.alphas[-1] == pytest.approx(0.05 * problem.alphas[0])
    assert np.all(np.diff(problem.alphas) < 0) and len(problem.alphas) == 4


def test_noise_has_a_third_of_the_norm_of_the_signal():
    design = problems.dense(2000, 10)
    fitted = design.X @ np.linalg.lstsq(design.X, design.y, rcond=None)[0]
    assert np.linalg.norm(fitted) / np.linalg.norm(design.y - fitted) == pytest.approx(3, rel=0.05)


def test_layouts_hold_the_same_numbers():
    design = problems.dense(30, 12)
    centred = design.layout("F centred")
    assert design.layout("C").flags.c_contiguous and centred.flags.f_contiguous
    np.testing.assert_array_equal(design.layout("C"), design.X)
    np.testing.assert_allclose(centred, design.X - design.X.mean(axis=0))
    assert design.layout("C centred float32").dtype == np.float32
    assert design.target("F centred").mean() == pytest.approx(0, abs=1e-12)
    assert design.layout("F") is design.X and design.layout("C") is design.layout("C")


def test_text_is_read_from_a_folder(tmp_path):
    counts = scipy.sparse.random(20, 9, density=0.4, format="csr", random_state=0)
    counts.data = np.ceil(5 * counts.data)
    parts = {name: getattr(counts, name) for name in ("data", "indices", "indptr", "shape")}
    np.savez(tmp_path / "news20.npz", **parts, y=np.arange(20) % 4, format="csr")
    found = [p for p in problems.table("quick", tmp_path) if p.name.startswith("text")]
    assert [p.name for p in found] == ["text news20 /20", "text news20 /100"]
    X, y = found[0].design.X, found[0].design.y
    assert X.shape == (20, 9) and set(y) == {-1.0, 1.0} and not found[0].intercept
    lengths = np.sqrt(X.multiply(X).sum(axis=1))
    np.testing.assert_allclose(lengths[lengths > 0], 1.0)


# ---------------------------------------------------------------- sweep


def scripted(gap, seconds):
    """An attempt whose gap and seconds are functions of the setting."""
    return lambda setting, left: Trial(setting, seconds(setting), gap(setting))


def test_sweep_stops_at_the_loosest_setting_that_reaches_the_target():
    attempt = scripted(lambda tol: 30 * tol, lambda tol: 1.0)
    trials, end = race.sweep(attempt, peers.decades(1, 12), 1e-7, budget=100.0)
    assert end == "" and trials[-1].setting == 1e-9
    assert race.loosest(trials, 1e-4).setting == 1e-6
    assert race.loosest(trials, 1e-7).setting == 1e-9
    assert race.loosest(trials, 1e-10) is None


def test_sweep_says_why_it_reached_nothing():
    stuck = scripted(lambda tol: 0.1, lambda tol: 1.0)
    assert race.sweep(stuck, (1e-1, 1e-2), 1e-4, budget=100.0)[1] == race.MISSED
    trials, end = race.sweep(stuck, peers.decades(1, 9), 1e-4, budget=3.5)
    assert len(trials) == 3 and end == "cut after 3.5 s"


def test_sweep_is_cut_when_a_run_takes_too_long():
    def attempt(setting, left):
        race.timed(lambda: time.sleep(0.0 if setting > 0.01 else 30.0), left, None)
        return Trial(setting, 0.0, 1.0)

    if not hasattr(race.signal, "setitimer"):
        pytest.skip("no timer that interrupts")
    start = time.perf_counter()
    trials, end = race.sweep(attempt, (0.1, 0.01), 1e-4, budget=0.1)
    assert len(trials) == 1 and end == "cut after 0.1 s" and time.perf_counter() - start < 5


def test_sweep_gives_up_a_way_that_cannot_win():
    slow = scripted(lambda tol: tol, lambda tol: 2.0)
    trials, end = race.sweep(slow, peers.decades(1, 9), 1e-7, budget=100.0, limit=1.5)
    assert len(trials) == 1 and end == ""


# ---------------------------------------------------------------- race


def fake(name, calls=None, naps=None, version="1", error=None):
    """Approaches the minimum as its tolerance says, in two layouts that take some seconds."""
    naps = {"F": 0.0, "C": 0.0} if naps is None else naps

    def prepare(problem, variant, threads):
        X, y = problem.design.X, problem.design.y
        Z = X - X.mean(axis=0)
        best = np.linalg.solve(Z.T @ Z + problem.alphas[0] * np.eye(X.shape[1]), Z.T @ y)

        def run(tol):
            if error:
                raise error
            time.sleep(naps[variant.layout])
            if calls is not None:
                calls.append((name, variant.layout, tol))
            return best * (1 + tol)

        return Runner(run, lambda w: w[:, None])

    layouts = [Variant(layout) for layout in naps]
    settings = {"ridge": peers.decades(1, 9)}
    return Peer(name, lambda: version, settings, prepare, lambda _: layouts)


def ridge():
    return Problem("ridge", "ridge", functools.partial(problems.dense, 30, 12), 0.01)


def test_race_reports_the_loosest_setting_and_the_fastest_layout():
    (row,) = race.race(ridge(), [fake("a", naps={"F": 0.05, "C": 0.0})], NOW)
    excess = {tol: excess_of(tol) for tol in peers.decades(1, 9)}
    loosest = max(tol for tol, gap in excess.items() if gap <= row.target)
    assert row.status == race.REACHED and row.setting == f"tol={loosest:g}, C"
    assert row.gap == pytest.approx(excess[loosest], rel=1e-3) and row.gap <= row.target
    assert row.seconds < 0.05 and row.runs == 1 + NOW.rounds


def excess_of(tol):
    """The excess of the fake peer, by the definition."""
    problem = ridge()
    X, y, alpha = problem.design.X, problem.design.y, problem.alphas[0]
    Z, t = X - X.mean(axis=0), y - y.mean()
    best = np.linalg.solve(Z.T @ Z + alpha * np.eye(12), Z.T @ t)
    costs = [(t - Z @ w) @ (t - Z @ w) + alpha * (w @ w) for w in (best, best * (1 + tol))]
    return (costs[1] - costs[0]) / costs[0]


def test_rounds_alternate_the_order():
    calls = []
    one = [fake(name, calls, naps={"F": 0.0}) for name in "ab"]
    rows = race.race(ridge(), one, NOW)
    assert [row.peer for row in rows] == ["a", "b"]
    assert [name for name, *_ in calls[-4:]] == ["a", "b", "b", "a"]


def test_missing_and_failing_peers_are_rows():
    field = [
        fake("absent", version=None),
        fake("broken", error=ValueError("no\nreally")),
        fake("fine"),
    ]
    rows = {row.peer: row for row in race.race(ridge(), field, NOW)}
    assert rows["absent"].status == race.ABSENT and rows["absent"].seconds is None
    assert rows["broken"].status == "failed: ValueError: no"
    assert rows["fine"].status == race.REACHED


def test_best_gap_is_told_of_who_does_not_reach_the_target():
    peer = fake("coarse")
    coarse = Peer("coarse", peer.version, {"ridge": (0.1, 0.01)}, peer.prepare, peer.variants)
    (row,) = race.race(ridge(), [coarse], NOW)
    assert row.status == race.MISSED and row.seconds is None
    assert row.gap == pytest.approx(excess_of(0.01), rel=1e-6)
    assert "not reached" in report.line(row) and f"{row.gap:.1e}" in report.line(row)


def test_ways_to_call_exist_for_every_problem():
    for peer in [*peers.PEERS, *glms.PEERS]:
        for problem in [*TINY, *TINY_FAMILIES]:
            if problem.kind in peer.settings:
                for variant in peer.variants(problem):
                    problem.design.layout(variant.layout)
                    assert str(variant) and len(variant.alphas(problem)) >= problem.points


@pytest.mark.skipif(glmnet.version() is None, reason="needs R and its package glmnet")
@pytest.mark.parametrize("problem", TINY[:3] + TINY[4:], ids=lambda problem: problem.name)
def test_glmnet_reaches_the_targets(problem):
    (peer,) = [each for each in peers.PEERS if each.name == "glmnet"]
    rows = race.race(problem, [peer], NOW)
    assert {row.status for row in rows} == {race.REACHED}


# ---------------------------------------------------------------- command


def test_loads_without_any_peer():
    code = (
        "import sys\n"
        "for name in ('celer', 'skglm', 'adelie', 'glum', 'snapml', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from benchmarks.versus import __main__, figure, glms, peers, report, selection_families\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_quick_race_writes_table_json_and_figure(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(problems, "table", lambda size, folder: TINY)
    monkeypatch.setattr(families, "table", lambda size, folder: [])
    path, picture = tmp_path / "versus.json", tmp_path / "versus.png"
    files = ["--json", str(path), "--figure", str(picture)]
    command.main(["--peers", "fastreg", "scikit", "--threads", "1", *files])
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["environment"]["size"] == "quick"
    rows = report.load(path)
    assert {row.problem for row in rows} == {problem.name for problem in TINY}
    for row in rows:
        if row.peer in (report.OURS, "scikit-learn"):
            assert row.status == race.REACHED, row
            assert row.gap <= row.target and row.seconds > 0
    assert all(duel.ratio > 0 for duel in report.duels(rows))
    printed = capsys.readouterr().out
    assert "geometric mean" in printed and "fastreg and the best peer" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")
    figure.main([str(path), str(tmp_path / "again.png")])


def test_peers_leave_the_data_alone():
    names = ("F", "C", "F centred")
    for problem in TINY[:4]:
        design = problem.design
        before = {name: design.layout(name).copy() for name in names}
        y = design.y.copy()
        field = [p for p in peers.PEERS if p.module in ("fastreg", "sklearn")]
        race.race(problem, field, NOW._replace(rounds=0))
        assert problem.design is design
        for name in names:
            np.testing.assert_array_equal(design.layout(name), before[name])
        np.testing.assert_array_equal(design.y, y)


def test_names_that_match_nothing_are_an_error():
    with pytest.raises(SystemExit, match="no problem has any of"):
        command.main(["--only", "nothing like it"])
    with pytest.raises(SystemExit, match="no peer has any of"):
        command.main(["--peers", "nobody"])


# ---------------------------------------------------------------- other losses than squares


def counted(family, weighted=False, ridge=False):
    """A small problem, its weights, and strengths."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((40, 8))
    y = families.response(family, rng, X[:, :3].sum(axis=1))
    weights = rng.uniform(0.2, 3.0, 40) if weighted else None
    u = np.average(y, weights=weights) - y
    v = np.full(40, 1 / 40) if weights is None else weights / weights.sum()
    largest = np.abs(X.T @ (v * u)).max()
    return X, y, weights, v, largest * np.array([0.7, 0.2, 0.03] if not ridge else [2.0, 0.1])


def losses(family, y, z):
    """ℓ(z), of tweedie with power 1.5."""
    if family == "logistic":
        return np.logaddexp(0, z) - y * z
    if family == "poisson":
        return np.exp(z) - y * z
    if family == "gamma":
        return z + y * np.exp(-z)
    return 2 * np.exp(z / 2) + 2 * y * np.exp(-z / 2)


def slopes(family, y, z):
    """(ℓ′, ℓ″)."""
    if family == "logistic":
        mean = 1 / (1 + np.exp(-z))
        return mean - y, mean * (1 - mean)
    if family == "poisson":
        return np.exp(z) - y, np.exp(z)
    if family == "gamma":
        return 1 - y * np.exp(-z), y * np.exp(-z)
    up, down = np.exp(z / 2), y * np.exp(-z / 2)
    return up - down, (up + down) / 2


def primal(family, X, y, v, alpha, w, b, *, ridge):
    penalty = alpha * (w @ w / 2 if ridge else np.abs(w).sum())
    return v @ losses(family, y, X @ w + b) + penalty


def minimised(family, X, y, v, alpha, *, ridge, fixed=None):
    """P* and its w: a smooth problem of two nonnegative halves; or over b alone, of a fixed w."""
    n = X.shape[1]

    def gradient(w, b):
        u = v * slopes(family, y, X @ w + b)[0]
        return X.T @ u, u.sum()

    if fixed is not None:
        cost = functools.partial(primal, family, X, y, v, alpha, fixed, ridge=ridge)
        found = scipy.optimize.minimize_scalar(lambda b: cost(b=b), bracket=(-1, 1), tol=1e-14)
        return found.fun, fixed

    def both(halves):
        w, b = halves[:n] - halves[n:-1], halves[-1]
        g, db = gradient(w, b)
        if ridge:
            value, g = primal(family, X, y, v, alpha, w, b, ridge=True), g + alpha * w
            return value, np.r_[g, -g, db]
        value = v @ losses(family, y, X @ w + b) + alpha * halves[:-1].sum()
        return value, np.r_[g + alpha, alpha - g, db]

    bounds = [(0, None)] * (2 * n) + [(None, None)]
    options = {"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-16, "gtol": 1e-12}
    start = np.zeros(2 * n + 1)
    found = scipy.optimize.minimize(both, start, jac=True, bounds=bounds, options=options)
    return found.fun, found.x[:n] - found.x[n:-1]


def saturated(family, y, v):
    """inf P without a penalty and with a z of each row's own."""
    if family == "logistic":
        return 0.0
    if family == "poisson":
        return float(v @ (y - np.where(y > 0, y * np.log(np.maximum(y, 1)), 0)))
    return float(v @ (1 + np.log(y) if family == "gamma" else 4 * np.sqrt(y)))


FAMILIES = pytest.mark.parametrize("family", list(problems.POWERS))


@FAMILIES
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ridge", [False, True])
def test_family_gap_bounds_the_excess_and_is_small_at_the_minimum(family, weighted, ridge):
    X, y, weights, v, alphas = counted(family, weighted, ridge)
    null = minimised(family, X, y, v, 0.0, ridge=ridge, fixed=np.zeros(8))[0]
    scale = null - saturated(family, y, v)
    found = [minimised(family, X, y, v, alpha, ridge=ridge) for alpha in alphas]
    best = np.column_stack([w for _, w in found])
    judge = functools.partial(gaps.family_gaps, family, X, y, alphas, weights=weights, ridge=ridge)
    assert np.all(judge(best) <= 1e-5)
    for size in (1e-4, 1e-2, 1.0):
        coefs = best + size * np.random.default_rng(6).standard_normal(best.shape)
        for k, gap in enumerate(judge(coefs)):
            value, _ = minimised(family, X, y, v, alphas[k], ridge=ridge, fixed=coefs[:, k])
            assert gap >= (value - found[k][0]) / scale - 1e-12


@FAMILIES
@pytest.mark.parametrize("ridge", [False, True])
def test_family_gap_is_primal_less_dual_in_high_precision(family, ridge):
    """With conjugates from the table, in long doubles, at the same dual point."""
    X, y, weights, v, alphas = counted(family, weighted=True, ridge=ridge)
    coefs = np.random.default_rng(7).standard_normal((8, len(alphas))) / 5
    found = gaps.family_gaps(family, X, y, alphas, coefs, weights=weights, ridge=ridge)
    L = np.longdouble
    X, y, v = X.astype(L), y.astype(L), v.astype(L) / v.astype(L).sum()
    for k, alpha in enumerate(alphas.astype(L)):
        w = coefs[:, k].astype(L)
        z = X @ w + precise_intercept(family, X @ w, y, v)
        u = slopes(family, y, z)[0]
        c = -X.T @ (v * u)
        s = L(1) if ridge else min(L(1), alpha / np.abs(c).max())
        penalty = alpha * w @ w / 2 if ridge else alpha * np.abs(w).sum()
        value = v @ losses(family, y, z) + penalty
        bound = -(v @ conjugate(family, y, s * u)) - (c @ c / (2 * alpha) if ridge else 0)
        null = v @ losses(family, y, precise_intercept(family, 0 * z, y, v) + 0 * z)
        rest = v @ conjugate(family, y, 0 * u)  # −P_saturated
        assert found[k] == pytest.approx(float((value - bound) / (null + rest)), rel=1e-10)


def precise_intercept(family, z, y, v):
    b = np.longdouble(0)
    for _ in range(60):
        slope, curvature = slopes(family, y, z + b)
        b -= np.clip((v @ slope) / (v @ curvature), -1, 1)
    return b


def conjugate(family, y, u):
    """ℓ*(u); of tweedie at the mean μ with √μ − y/√μ = u."""
    if family == "gamma":
        return (1 - u) * np.log((1 - u) / y) - (1 - u)
    if family == "tweedie":
        root = (u + np.sqrt(u * u + 4 * y)) / 2
        safe = np.where(root > 0, root, 1)
        z = 2 * np.log(safe)
        return np.where(root > 0, u * z - 2 * safe - 2 * y / safe, 0)
    a = y + u
    positive = np.where(a > 0, a, 1)
    if family == "poisson":
        return a * np.log(positive) - a
    other = np.where(a < 1, 1 - a, 1)
    return a * np.log(positive) + (1 - a) * np.log(other)


@FAMILIES
def test_family_gap_is_exact_at_the_null_model(family):
    X, y, _, v, _ = counted(family)
    null = slopes(family, y, gaps.LOSSES[family].intercept(np.zeros(40), y, v) + np.zeros(40))[0]
    largest = np.abs(X.T @ (v * null)).max()
    alphas, none = largest * np.array([1.5, 1.0]), np.zeros((8, 2))
    np.testing.assert_allclose(gaps.family_gaps(family, X, y, alphas, none), 0, atol=1e-15)


@FAMILIES
def test_largest_strength_is_where_the_first_coefficient_leaves_zero(family):
    problem = Problem(family, family, functools.partial(families.dense, family, 200, 6), 0.05)
    X, y, none = problem.design.X, problem.design.y, np.zeros((6, 2))
    found = gaps.family_gaps(family, X, y, problem.largest * np.array([1 + 1e-9, 0.9]), none)
    assert found[0] <= 1e-12 < found[1]


@pytest.mark.parametrize("power", [1.05, 1.5, 1.9])
def test_the_bracket_of_a_tweedie_loss_is_that_of_its_conjugate(power):
    """At random points: never below zero, zero at the slope, and ℓ + ℓ* − uz by bisection."""
    rng, loss = np.random.default_rng(0), gap_losses.Tweedie(power)
    y, z = rng.exponential(size=300) * (rng.random(300) < 0.7), 3 * rng.standard_normal(300)
    masses, u = loss.masses(z, y), loss.slope(loss.masses(z, y), y)
    np.testing.assert_array_equal(loss.divergence(masses, np.zeros(300)), 0.0)
    other = np.where(y > 0, u + rng.standard_normal(300), rng.exponential(size=300))
    found = loss.divergence(masses, other - u)
    assert np.all(found >= 0.0)
    low, high = np.full(300, -300.0), np.full(300, 300.0)
    for _ in range(200):
        middle = (low + high) / 2
        above = loss.slope(loss.masses(middle, y), y) > other
        low, high = np.where(above, low, middle), np.where(above, middle, high)

    def value(at):
        return np.exp(loss.up * at) / loss.up + y * np.exp(-loss.down * at) / loss.down

    expected = value(z) - value(low) - other * (z - low)
    scale = np.abs(value(z)) + np.abs(value(low)) + np.abs(other * (z - low))
    assert np.all(np.abs(found - expected) <= 1e-13 * scale)


@pytest.mark.parametrize("family", ["gamma", "tweedie"])
def test_brackets_of_amounts_are_zero_at_the_slope_and_of_second_order_near_it(family):
    rng, loss = np.random.default_rng(1), gaps.LOSSES[family]
    y, z = rng.exponential(size=200), 2 * rng.standard_normal(200)
    masses, curvature = loss.masses(z, y), slopes(family, y, z)[1]
    for size in (1e-3, 1e-6, 1e-9):
        delta = size * curvature * rng.choice([-1.0, 1.0], 200)
        half = delta**2 / curvature / 2
        found = loss.divergence(masses, delta)
        np.testing.assert_allclose(found, half, rtol=max(2 * size, 1e-6))


@FAMILIES
def test_family_gap_does_not_depend_on_storage_or_blocks(family, monkeypatch):
    X, y, weights, _, alphas = counted(family, weighted=True)
    coefs = np.random.default_rng(7).standard_normal((8, 3)) / 5
    judge = functools.partial(gaps.family_gaps, family, weights=weights)
    whole = judge(X, y, alphas, coefs)
    monkeypatch.setattr(gaps, "BLOCK", 3)
    for make in (np.asfortranarray, scipy.sparse.csc_matrix):
        np.testing.assert_allclose(judge(make(X), y, alphas, coefs), whole, rtol=1e-12)


@FAMILIES
def test_family_gaps_of_answers_that_are_none_are_infinite(family):
    X, y, _, _, alphas = counted(family)
    for coefs in (np.zeros((8, 2)), np.full((8, 3), np.nan), np.full((8, 3), 1e6)):
        assert np.all(np.isinf(gaps.family_gaps(family, X, y, alphas, coefs)))


def test_families_have_the_same_problems_in_both_sizes():
    quick, full = families.table("quick"), families.table("full")
    assert [p.kind for p in quick] == [p.kind for p in full]
    assert len({p.name for p in full}) == len(full)
    assert [p.small.name for p in full] == [p.name for p in quick]
    assert {p.family for p in full} == set(problems.POWERS)
    amounts = [p for p in full if p.family in families.AMOUNTS]
    assert len(amounts) == 12
    assert {p.points for p in amounts} == {1, problems.POINTS["full"]}


def test_poisson_counts_have_a_mean_of_one_and_classes_are_not_separable():
    counts = families.dense("poisson", 4000, 10).y
    assert counts.mean() == pytest.approx(1, rel=0.1) and np.all(counts == np.floor(counts))
    for family in families.AMOUNTS:
        amounts = families.dense(family, 4000, 10).y
        assert amounts.mean() == pytest.approx(1, rel=0.1)
        assert (amounts.min() == 0.0) == (family == "tweedie") and amounts.min() >= 0.0
    classes = families.dense("logistic", 4000, 10)
    assert set(classes.y) == {0.0, 1.0} and 0.3 < classes.y.mean() < 0.6


def test_the_insurers_table_has_its_columns_twice_the_same():
    table = families.insurance(500)
    assert table.X.shape == (500, 322)
    X = table.X.toarray()
    np.testing.assert_array_equal(X[:, : families.NUMBERS], table.numbers)
    start = families.NUMBERS
    for codes, factor in zip(table.codes, families.FACTORS.values(), strict=True):
        np.testing.assert_array_equal(X[np.arange(500), start + codes], 1.0)
        start += factor.levels
    np.testing.assert_array_equal(X[:, families.NUMBERS :].sum(axis=1), len(families.FACTORS))
    claims = table.y * table.weights
    np.testing.assert_allclose(claims, np.round(claims), atol=1e-12)
    problem = families.table("quick")[-2]
    assert problem.alphas.tolist() == [families.STRENGTHS["poisson"]]
    assert problem.descent(5)[0] == problem.largest


def test_classes_of_text_are_one_against_the_rest(tmp_path):
    counts = scipy.sparse.random(20, 9, density=0.4, format="csr", random_state=0)
    counts.data = np.ceil(5 * counts.data)
    parts = {name: getattr(counts, name) for name in ("data", "indices", "indptr", "shape")}
    for name in ("news20", "a9a"):
        np.savez(tmp_path / f"{name}.npz", **parts, y=np.arange(20) % 4, format="csr")
    found = {p.name: p.design for p in families.table("quick", tmp_path)}
    assert found["logistic news20"].y.tolist() == [0.0, 0.0, 0.0, 1.0] * 5
    np.testing.assert_array_equal(found["logistic a9a"].X.toarray(), counts.toarray())


TINY_FAMILIES = [
    Problem(family, family, functools.partial(families.dense, family, 60, 6), 0.05, points=4)
    for family in problems.POWERS
] + [
    Problem(
        "ridge", "poisson ridge", functools.partial(families.insurance, 300), 0.01, absolute=True
    ),
    *(
        Problem(
            f"{kind} alone", kind, functools.partial(families.dense, kind.split()[0], 60, 6), 0.05
        )
        for kind in ("gamma", "gamma ridge", "tweedie ridge")
    ),
    Problem("bags", "logistic", functools.partial(families.sparse, "logistic", 60, 30, 4), 0.3, 3),
]


def test_fastreg_and_scikit_learn_reach_the_targets_of_families():
    field = [p for p in glms.PEERS if p.module in ("fastreg", "sklearn") and "saga" not in p.name]
    for problem in TINY_FAMILIES:
        rows = race.race(problem, field, NOW._replace(rounds=0))
        ours = [row for row in rows if row.peer == report.OURS]
        assert len(ours) == 2 and {row.status for row in ours} == {race.REACHED}
        loose = [row for row in rows if row.peer != report.OURS and row.target == 1e-4]
        assert all(row.gap <= 1e-3 for row in loose), loose


@pytest.mark.skipif(glmnet.version() is None, reason="needs R and its package glmnet")
@pytest.mark.parametrize("problem", TINY_FAMILIES, ids=lambda problem: problem.name)
def test_glmnet_reaches_the_targets_of_families(problem):
    (peer,) = [each for each in glms.PEERS if each.name == "glmnet"]
    if not peer.variants(problem):
        pytest.skip("needs statmod")
    rows = race.race(problem, [peer], NOW._replace(rounds=0))
    assert {row.status for row in rows} == {race.REACHED}


def test_a_peer_that_swallows_the_interrupt_has_run_out_of_time():
    if not hasattr(race.signal, "setitimer"):
        pytest.skip("no timer that interrupts")

    def swallow():
        try:
            time.sleep(30)
        except TimeoutError:
            return "what it has"

    with pytest.raises(TimeoutError):
        race.timed(swallow, 0.05, None)
