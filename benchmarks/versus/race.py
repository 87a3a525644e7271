"""The race: the loosest setting of a peer that reaches a gap, and its time.

A peer's own tolerance is tightened decade by decade; after every run the gap is computed outside
of it (`gaps`). For each target the loosest setting that meets it counts, of the fastest way to
call the peer. Winners then run again in rounds, in alternating order, and the least time counts,
of runs that met the target. A budget limits the sweep of each way to call a peer, and the rounds
of each peer.
"""

from __future__ import annotations

import contextlib
import logging
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.versus.gaps import family_gaps, lasso_gaps, ridge_excess, ridge_floor
from benchmarks.versus.peers import Peer, Runner, Variant
from benchmarks.versus.problems import Problem

Array = np.ndarray
REACHED, MISSED, ABSENT = "reached", "not reached", "not installed"
CLOSE = 2.0  # times the fastest: ways to call a peer as near as that are all run again


class Options(NamedTuple):
    """threads of everyone; budget in s, of a sweep and of the rounds; pause in s before a run."""

    threads: int = 2
    rounds: int = 5
    budget: float = 60.0
    pause: float = 0.3  # the threads of OpenBLAS spin for 0.1 s after a product


class Trial(NamedTuple):
    """One timed run: setting, seconds, and the gap reached, the largest of a path."""

    setting: Any
    seconds: float
    gap: float


@dataclass(frozen=True)
class Row:
    """What came of one peer, problem and target.

    Attributes
    ----------
    seconds : least time of runs that met the target, None if it was not met
    gap : the largest of these runs; the best of all if the target was not met, None without any
    setting : what was swept and how the peer was called
    status : REACHED, MISSED, ABSENT, or what happened
    runs : how many the least time is taken from
    """

    problem: str
    kind: str
    peer: str
    version: str | None
    target: float
    seconds: float | None
    gap: float | None
    setting: str
    status: str
    runs: int


# ---------------------------------------------------------------- sweep


def sweep(
    attempt: Callable[[Any, float], Trial],
    settings: Iterable[Any],
    target: float,
    budget: float,
    limit: float = math.inf,
) -> tuple[list[Trial], str]:
    """Trials from loose to tight until one meets the target, and why it ended, "" if it did.

    `attempt` takes a setting and the seconds left, and may raise TimeoutError. A run as slow as
    `limit`, the time of another way to the target, ends the sweep: tighter ones are no faster.
    """
    trials: list[Trial] = []
    spent, cut = 0.0, f"cut after {budget:g} s"
    for setting in settings:
        try:
            trials.append(attempt(setting, budget - spent))
        except TimeoutError:
            return trials, cut
        last = trials[-1].seconds
        spent += last
        if trials[-1].gap <= target or last >= limit:
            return trials, ""
        if spent + last > budget:
            return trials, cut
    return trials, MISSED


def loosest(trials: Iterable[Trial], target: float) -> Trial | None:
    """The first trial that meets the target."""
    return next((each for each in trials if each.gap <= target), None)


# ---------------------------------------------------------------- one peer


class Contestant:
    """A peer on a problem: its ways of being called, and every trial of each."""

    def __init__(self, peer: Peer, problem: Problem, options: Options):
        self.peer, self.problem, self.options = peer, problem, options
        self.trials: dict[Variant, list[Trial]] = {}
        self.repeats: dict[tuple[Variant, Any], list[Trial]] = {}
        self.end = ""  # why the sweep ended
        self._runners: dict[Variant, Runner] = {}
        self._spent = 0.0  # s, on repeats

    def sweep(self, referee: Callable[[Array], float]) -> None:
        """Try every way of calling; an error of the peer is noted and ends it."""
        settings, target = self.peer.settings[self.problem.kind], min(self.problem.targets)
        for variant in self.peer.variants(self.problem):
            try:
                self._prepare(variant)
                trials, end = sweep(
                    lambda setting, left, v=variant: self.attempt(v, setting, left, referee),
                    settings,
                    target,
                    self.options.budget,
                    self._limit(target),
                )
            except Exception as error:
                self.end = f"failed: {type(error).__name__}: {error}".split("\n")[0]
                continue
            self.trials[variant] = trials
            self.end = end or self.end

    def candidates(self, target: float) -> list[tuple[Variant, Any, list[Trial]]]:
        """Of each way to call: the loosest setting that met the target, and all runs that did."""
        out = []
        for variant, trials in self.trials.items():
            first = loosest(trials, target)
            if first is not None:
                again = self.repeats.get((variant, first.setting), [])
                hits = [first, *(each for each in again if each.gap <= target)]
                out.append((variant, first.setting, hits))
        return sorted(out, key=lambda each: _least(each[2]))

    def repeat(self, referee: Callable[[Array], float]) -> None:
        """Run each candidate that may win once more, as far as the budget goes."""
        found = [self.candidates(target) for target in self.problem.targets]
        near = [c for each in found for c in each if _least(c[2]) <= CLOSE * _least(each[0][2])]
        for variant, setting, seconds in dict.fromkeys((v, s, _least(r)) for v, s, r in near):
            if self._spent + seconds > self.options.budget:
                continue
            with contextlib.suppress(TimeoutError):
                trial = self.attempt(variant, setting, self.options.budget, referee)
                self._spent += trial.seconds
                self.repeats.setdefault((variant, setting), []).append(trial)

    def attempt(
        self, variant: Variant, setting: Any, left: float, referee: Callable[[Array], float]
    ) -> Trial:
        """One timed run and its gap."""
        time.sleep(self.options.pause)
        runner = self._runners[variant]
        raw, seconds = timed(lambda: runner.run(setting), left, variant.blas)
        own = runner.seconds(raw)
        return Trial(setting, seconds if own is None else own, referee(runner.coefs(raw)))

    def rows(self) -> list[Row]:
        return [self._row(target) for target in self.problem.targets]

    def close(self) -> None:
        for runner in self._runners.values():
            runner.close()

    def _prepare(self, variant: Variant) -> None:
        """Warm up on the small problem, at the loosest and the tightest setting, then load."""
        small = self.problem.small or self.problem
        settings = self.peer.settings[self.problem.kind]
        runner = self.peer.prepare(small, variant, self.options.threads)
        try:
            for setting in (settings[0], settings[-1]):
                timed(lambda setting=setting: runner.run(setting), math.inf, None)
        finally:
            runner.close()
        self._runners[variant] = self.peer.prepare(self.problem, variant, self.options.threads)

    def _limit(self, target: float) -> float:
        """Seconds beyond which another way to call cannot win."""
        found = self.candidates(target)
        return CLOSE * _least(found[0][2]) if found else math.inf

    def _row(self, target: float) -> Row:
        found = self.candidates(target)
        common = (self.problem.name, self.problem.kind, self.peer.name, self.peer.version(), target)
        if not found:
            best = min((t.gap for trials in self.trials.values() for t in trials), default=None)
            return Row(*common, None, _finite(best), "", self.end or MISSED, 0)
        variant, setting, runs = found[0]
        words = f"{self.peer.parameter}={setting:g}, {variant}"
        gap = max(each.gap for each in runs)
        return Row(*common, _least(runs), gap, words, REACHED, len(runs))


def _least(runs: list[Trial]) -> float:
    return min(each.seconds for each in runs)


def _finite(gap: float | None) -> float | None:
    """JSON knows no infinity."""
    return None if gap is None or not math.isfinite(gap) else gap


def timed(call: Callable[[], Any], left: float, blas: int | None) -> tuple[Any, float]:
    """The result of a call, and seconds; warnings and logs are not shown: the gap says it all.

    Raises TimeoutError after `left` seconds, where the system and the callee let it.
    """
    limits = threadpool_limits(blas, user_api="blas") if blas else contextlib.nullcontext()
    with _quiet(), limits, _within(left):
        start = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - start
    return result, seconds


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """TimeoutError in the block after some seconds, on the main thread of a POSIX system.

    Or at its end: adelie takes note of the interrupt, and returns what it has.
    """
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer") and math.isfinite(seconds)):
        yield
        return

    stopped = False

    def stop(*_: Any) -> None:
        nonlocal stopped
        stopped = True
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
        yield
        if stopped:
            raise TimeoutError
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- one problem


def referee(problem: Problem) -> Callable[[Array], float]:
    """coefs (n, K) → the largest relative gap, or the relative excess of a ridge."""
    X, y, alphas = problem.design.X, problem.design.y, problem.alphas
    if problem.family:
        family, weights = problem.family, problem.design.weights
        common = {"weights": weights, "ridge": problem.kind.endswith("ridge")}
        return lambda coefs: float(np.max(family_gaps(family, X, y, alphas, coefs, **common)))
    if problem.kind != "ridge":
        return lambda coefs: float(
            np.max(lasso_gaps(X, y, alphas, coefs, intercept=problem.intercept))
        )
    floor = ridge_floor(X, y, alphas[0])
    return lambda coefs: ridge_excess(X, y, alphas[0], coefs[:, -1], floor)


def race(problem: Problem, peers: Iterable[Peer], options: Options) -> list[Row]:
    """All rows of one problem."""
    able = [p for p in peers if problem.kind in p.settings]
    absent = [p for p in able if p.version() is None]
    present = [p for p in able if p not in absent and p.variants(problem)]
    judge = referee(problem)
    contestants = [Contestant(peer, problem, options) for peer in present]
    try:
        for each in contestants:
            each.sweep(judge)
        for k in range(options.rounds):
            for each in contestants[:: -1 if k % 2 else 1]:
                each.repeat(judge)
        rows = [row for each in contestants for row in each.rows()]
    finally:
        for each in contestants:
            each.close()
    return rows + [_absent(problem, p, t) for p in absent for t in problem.targets]


def _absent(problem: Problem, peer: Peer, target: float) -> Row:
    return Row(problem.name, problem.kind, peer.name, None, target, None, None, "", ABSENT, 0)
