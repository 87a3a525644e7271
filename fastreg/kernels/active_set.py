"""The active-set method on a Gram matrix: exact minima of a quadratic plus a penalty.

    minimise  ½ bᵀ(G + diag l2) b − cᵀb + p(b),     g = Gb − c + l2∘b

A separable p is linear on segments (`penalties.segment`). The coefficients F that lie inside a
segment are free, the others sit on a breakpoint. Two moves alternate until no breakpoint is left by
force:

    Newton   b_F ← b_F − t·H_FF⁻¹(g_F + p'_F), H = G + diag l2, with t = 1 or, if that is
             less, where the first coefficient meets the end of its segment and leaves F
    enter    each coefficient whose breakpoint does not hold it takes its coordinate step, joins F

Each lowers the objective, so there is an end, the exact minimum; from one strength of a
path to the next it is near. F keeps UᵀU = H_FF, extended by eight columns at a time,
reduced by rotations (Golub & Van Loan, Matrix Computations, §6.5): s² operations a change
where a new factor takes s³/3. U lies by rows, so every loop runs along memory.

A column that depends on those in F cannot enter. It moves along the direction in which
nothing but the penalty changes, until a coefficient meets its end and makes room.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.linalg

from fastreg import penalties
from fastreg._jit import exact, fma, inner, lanes, read, total, write

_WIDTH = 8
_FLAT = 1e-280  # curvature below which a column is zero: 1/curvature is to be a number
_DEPENDENT = 1e-13  # of a column's curvature, what the columns in F leave of it
_SMALL, _AFRESH = 64, 16  # size, and share that changes, of an F to factorise anew
_CROWD = 16  # coefficients that want to enter, or share of F, for whom sweeps find places first
_SWEEPS, _ROUNDS = 8, 8  # sweeps in a round, rounds in a call
# What a round of entering found: every breakpoint holds; F has no room; a column depends on F.
_HELD, _MOVED, _FULL, _DEPENDS = 0, 1, 2, 3
_CHANGED, _SWEPT = 4, 5  # F is to be factorised anew; sweeps have changed who belongs to it
_NONE, _ONE = np.arange(2)  # typed counts: with a literal a function is compiled again
_OUT, _STUCK = -1, -2  # places of coefficients that are not in F; stuck: nothing stops them


class Quadratic(NamedTuple):
    """½ bᵀ(G + diag l2) b − cᵀb at b, with room beyond n to a multiple w of 8.

    gram : (≥ n, w) float64, symmetric in its first n columns
    gradient : (w,) float64, g at `coef`, kept current in place
    coef : (n,) float64, b, changed in place
    l2 : (w,) float64, zero beyond n
    """

    gram: np.ndarray
    gradient: np.ndarray
    coef: np.ndarray
    l2: np.ndarray


class Factor(NamedTuple):
    """UᵀU = H_FF for s of at most c free coefficients out of p, and room to work in.

    Made by `factor`. `upper` (c, c + 8) float64 has U in its upper triangle, anything below;
    `members` (c,) int64 the coefficients in order of arrival; `place` (≥ p,) int64 where each
    stands, negative if nowhere; `size` (1,) int64 is s; `moved` (c + 1,) and `entrants` (8,)
    int64, `work` (4, c + 8) and `block` (c + 8, 8) float64 are scratch.
    """

    upper: np.ndarray
    members: np.ndarray
    place: np.ndarray
    size: np.ndarray
    moved: np.ndarray
    work: np.ndarray
    block: np.ndarray
    entrants: np.ndarray


def factor(capacity, n):
    """A `Factor` of nothing yet, for up to `capacity` of n coefficients."""
    capacity = -(-capacity // _WIDTH) * _WIDTH
    return Factor(
        upper=np.zeros((capacity, capacity + _WIDTH)),
        members=np.zeros(capacity, np.int64),
        place=np.full(n, _OUT),
        size=np.zeros(1, np.int64),
        moved=np.zeros(capacity + 1, np.int64),
        work=np.zeros((4, capacity + _WIDTH)),
        block=np.zeros((capacity + _WIDTH, _WIDTH)),
        entrants=np.zeros(_WIDTH, np.int64),
    )


def enlarged(old, capacity, n):
    """A `Factor` of the same coefficients with room for `capacity` of n."""
    new, s = factor(capacity, n), old.size[0]
    new.upper[:s, :s] = old.upper[:s, :s]
    new.members[:s] = old.members[:s]
    new.place[: len(old.place)] = old.place
    new.size[0] = s
    return new


def clear(factor):
    """Take every coefficient out of a `Factor`: for another matrix, or another `l2`."""
    factor.size[0] = 0
    factor.place[:] = _OUT


def minimise(form, penalty, factor, slack, max_steps):
    """Minimise from where `form` stands, until no breakpoint is forced by more than `slack`.

    Parameters
    ----------
    form : `Quadratic`
    penalty : tuple of `fastreg.penalties`
    factor : `Factor` of coefficients inside their segments, for this `l2`; brought up to date
    slack : float, largest `penalties.distance` of a coefficient that may stay
    max_steps : int

    Returns
    -------
    Steps taken, Newton's and rounds of entering; `max_steps` if there was not the time, or
    not the room: `factor` is full.
    """
    factor.place[factor.place == _STUCK] = _OUT
    steps, rounds, anew = 0, _ROUNDS, True
    while steps < max_steps:
        taken, status, j = _alternate(form, penalty, factor, slack, rounds, anew, max_steps - steps)
        steps += taken
        if status == _HELD:
            return steps
        if status == _FULL:
            return max_steps
        if status == _CHANGED:
            _factorise(form, factor)
            anew = False
        elif status == _SWEPT:
            rounds, anew = rounds - 1, True
        elif status == _DEPENDS:  # rare: compiled when it is first needed, 1 s
            _make_room(form, penalty, factor, j)
            steps += 1
    return max_steps


def _factorise(form, factor):
    """U of the members that a `Factor` lists, but for those that depend on others: by LAPACK, with
    pivots, 0.25 s for 2600, 0.9 if they are appended one after the other."""
    members = factor.members[: factor.size[0]].copy()
    H = form.gram[np.ix_(members, members)]
    np.fill_diagonal(H, H.diagonal() + form.l2[members])
    root = np.sqrt(H.diagonal())
    H /= root
    H /= root[:, None]
    # The lower triangle of the transpose, which is what LAPACK sees, is the upper one of H.
    L, order, rank, _ = scipy.linalg.lapack.dpstrf(H.T, tol=_DEPENDENT, lower=1, overwrite_a=1)
    order = order - 1
    factor.place[members[order[rank:]]] = _OUT
    members = members[order[:rank]]
    np.multiply(L[:rank, :rank].T, root[order[:rank]], out=factor.upper[:rank, :rank])
    factor.members[:rank], factor.size[0] = members, rank
    factor.place[members] = np.arange(rank)


@exact
def _alternate(form, penalty, factor, slack, rounds, anew, max_steps):
    """Both moves in turn: (steps, what ended them, and the column if it depends on F).

    One entry for all of it: from a second one Numba would compile every part again.
    """
    if anew and _lists_many(form, penalty, factor):
        return 0, _CHANGED, -1
    _synchronise(form, penalty, factor)
    steps = 0
    while steps < max_steps:
        taken, whole = _settle(form, penalty, factor, max_steps - steps)
        steps += taken
        if not whole:
            break
        if rounds > 0 and _is_crowd(form, penalty, factor, slack):
            for _ in range(_SWEEPS):
                _sweep(form, penalty)
            return steps + 1, _SWEPT, -1
        status, j = _enter(form, penalty, factor, slack)
        if status != _MOVED:
            return steps, status, j
        steps += 1
    return max_steps, _MOVED, -1


@inner
def _lists_many(form, penalty, factor):
    """Whether F changes by so much that a new factor takes less time; then it is listed."""
    gram, coef, l2 = form.gram, form.coef, form.l2
    changes, size = 0, 0
    for j in range(coef.shape[0]):
        inside = gram[j, j] + l2[j] >= _FLAT and _is_free(penalty, j, coef[j])
        changes += inside != (factor.place[j] >= 0)
        size += inside
    if size < _SMALL or size > factor.members.shape[0] or _AFRESH * changes < size:
        return False
    for q in range(factor.size[0]):
        factor.place[factor.members[q]] = _OUT
    size = 0
    for j in range(coef.shape[0]):
        if gram[j, j] + l2[j] >= _FLAT and _is_free(penalty, j, coef[j]):
            factor.members[size], factor.place[j] = j, size
            size += 1
    factor.size[0] = size
    return True


@inner
def _is_free(penalty, j, w):
    low, high = penalties.segment(penalty, j, w)
    return low < high


@inner
def _synchronise(form, penalty, factor):
    """F becomes the coefficients that lie inside their segments."""
    gram, coef, l2 = form.gram, form.coef, form.l2
    for q in range(factor.size[0] - 1, -1, -1):
        j = factor.members[q]
        if not _is_free(penalty, j, coef[j]):
            _remove(factor, q)
    entrants, count = factor.entrants, _NONE
    for j in range(coef.shape[0]):
        if (
            factor.place[j] == _OUT
            and gram[j, j] + l2[j] >= _FLAT
            and _is_free(penalty, j, coef[j])
        ):
            entrants[count] = j
            count += 1
            if count == _WIDTH:
                _append(form, factor, entrants, count)
                count = _NONE
    _append(form, factor, entrants, count)


# ---------------------------------------------------------------- the two moves


@inner
def _settle(form, penalty, factor, max_steps):
    """Newton steps until one is taken whole: (their number, whether F is at its minimum).

    A step of length t leaves (1 − t) of the forces on F: G is read once, at the end.
    """
    gradient, coef = form.gradient, form.coef
    s, forces, step = factor.size[0], factor.work[0], factor.work[1]
    moved, before = factor.moved, factor.work[2]
    for q in range(s):
        j = factor.members[q]
        moved[q], before[q] = j, coef[j]
        forces[q] = gradient[j] + penalties.slope(penalty, j, coef[j])
    steps, blocked = 0, s > 0
    while blocked and factor.size[0] > 0 and steps < max_steps:
        for q in range(factor.size[0]):
            step[q] = -forces[q]
        _forward(factor, step)
        _backward(factor, step)
        length, first, end = _room(coef, penalty, factor, step, 1.0)
        for q in range(factor.size[0]):
            _advance(coef, penalty, factor.members[q], length * step[q])
            forces[q] *= 1.0 - length
        blocked = first >= 0
        if blocked:
            _leave(coef, factor, first, end)
            for q in range(first, factor.size[0]):
                forces[q] = forces[q + 1]
        steps += 1
    for q in range(s):
        before[q] = coef[moved[q]] - before[q]
    _add_changes(form, moved, before, s)
    return steps, not blocked or factor.size[0] == 0


@inner
def _room(coef, penalty, factor, step, longest):
    """(t, q, w): how far F can go along `step`, `longest` at most; the member that stops it,
    −1 for none, and the end of the segment that it meets."""
    length, first, end = longest, -1, 0.0
    for q in range(factor.size[0]):
        j = factor.members[q]
        reach, stop = _reach(penalty, j, coef[j], step[q])
        if reach < length:
            length, first, end = reach, q, stop
    return length, first, end


@inner
def _advance(coef, penalty, j, change):
    """Move a coefficient within its segment: rounding must not carry it beyond the end."""
    low, high = penalties.segment(penalty, j, coef[j])
    coef[j] = min(max(coef[j] + change, low), high)


@inner
def _reach(penalty, j, w, direction):
    """(t, end): where w + t·direction leaves the segment that w is in."""
    low, high = penalties.segment(penalty, j, w)
    end = high if direction > 0.0 else low
    if direction == 0.0 or abs(end) == np.inf:
        return np.inf, end
    return (end - w) / direction, end


@inner
def _leave(coef, factor, q, end):
    """Member q has met the end of its segment: put it there exactly, and out of F."""
    coef[factor.members[q]] = end
    _remove(factor, q)


@inner
def _add_changes(form, moved, change, count):
    """gradient += (G + diag l2)·change, of `count` coefficients; four columns a sweep."""
    gram, gradient, l2 = form.gram, form.gradient, form.l2
    whole = count // 4 * 4
    for q in range(0, whole, 4):
        j, k, u, v = moved[q], moved[q + 1], moved[q + 2], moved[q + 3]
        a, b, c, d = (
            lanes(change[q]),
            lanes(change[q + 1]),
            lanes(change[q + 2]),
            lanes(change[q + 3]),
        )
        for i in range(0, gradient.shape[0], 8):
            g = fma(a, read(gram, (j, i)), read(gradient, i))
            g = fma(b, read(gram, (k, i)), g)
            g = fma(c, read(gram, (u, i)), g)
            write(gradient, i, fma(d, read(gram, (v, i)), g))
    for q in range(whole, count):
        _add_column(gram, gradient, moved[q], change[q])
    for q in range(count):
        gradient[moved[q]] += l2[moved[q]] * change[q]


@inner
def _add_column(gram, gradient, j, change):
    a = lanes(change)
    for i in range(0, gradient.shape[0], 8):
        write(gradient, i, fma(a, read(gram, (j, i)), read(gradient, i)))


@inner
def _enter(form, penalty, factor, slack):
    """Every coefficient outside F that its breakpoint does not hold: its coordinate step, then
    into F. (status, the column that it speaks of or −1). F is at its minimum before."""
    gram, gradient, coef, l2 = form.gram, form.gradient, form.coef, form.l2
    entrants = factor.entrants
    for j in range(coef.shape[0]):
        if (
            factor.place[j] == _OUT
            and gram[j, j] + l2[j] >= _FLAT
            and _is_free(penalty, j, coef[j])
            and penalties.distance(penalty, j, coef[j], gradient[j]) > slack
        ):
            # It depended on F when it came; one that has left F since may have made room.
            entrants[0] = j
            _append(form, factor, entrants, _ONE)
            if factor.place[j] != _OUT:
                return _MOVED, j
            if factor.size[0] == factor.members.shape[0]:
                return _FULL, j
            return _DEPENDS, j
    status, count = _HELD, _NONE
    for j in range(coef.shape[0]):
        curvature = gram[j, j] + l2[j]
        if factor.place[j] != _OUT or curvature < _FLAT:
            continue
        if not penalties.distance(penalty, j, coef[j], gradient[j]) > slack:
            continue
        new = penalties.prox(penalty, j, coef[j] - gradient[j] / curvature, 1.0 / curvature)
        change = new - coef[j]
        if change == 0.0:
            continue
        _add_column(gram, gradient, j, change)
        gradient[j] += l2[j] * change
        coef[j] = new
        status = _MOVED
        if _is_free(penalty, j, new):
            entrants[count] = j
            count += 1
            if count == _WIDTH:
                _append(form, factor, entrants, count)
                count = _NONE
    _append(form, factor, entrants, count)
    return status, -1


@inner
def _is_crowd(form, penalty, factor, slack):
    """Whether so many breakpoints do not hold that most of those who enter would soon leave."""
    gram, gradient, coef, l2 = form.gram, form.gradient, form.coef, form.l2
    waiting = 0
    for j in range(coef.shape[0]):
        if factor.place[j] == _OUT and gram[j, j] + l2[j] >= _FLAT:
            waiting += penalties.distance(penalty, j, coef[j], gradient[j]) > slack
    return waiting > max(_CROWD, factor.size[0] // _CROWD)


@inner
def _sweep(form, penalty):
    """The coordinate step of every coefficient."""
    gram, gradient, coef, l2 = form.gram, form.gradient, form.coef, form.l2
    for j in range(coef.shape[0]):
        curvature = gram[j, j] + l2[j]
        if curvature < _FLAT:
            continue
        new = penalties.prox(penalty, j, coef[j] - gradient[j] / curvature, 1.0 / curvature)
        change = new - coef[j]
        if change != 0.0:
            _add_column(gram, gradient, j, change)
            gradient[j] += l2[j] * change
            coef[j] = new


@exact
def _make_room(form, penalty, factor, j):
    """Move j, which depends on F, and F against it, until one of them meets its end."""
    gram, gradient, coef, l2 = form.gram, form.gradient, form.coef, form.l2
    s, step, moved = factor.size[0], factor.work[0], factor.moved
    for q in range(s):
        moved[q] = factor.members[q]
        step[q] = gram[moved[q], j]
    _forward(factor, step)
    _backward(factor, step)
    force = gradient[j] + penalties.slope(penalty, j, coef[j])
    sign = -1.0 if force > 0.0 else 1.0
    for q in range(s):
        step[q] *= -sign
    longest, own = _reach(penalty, j, coef[j], sign)
    length, first, end = _room(coef, penalty, factor, step, longest)
    curvature = gram[j, j] + l2[j]
    # Longer, and what is left of its curvature may outweigh a force that is only rounding.
    if not length <= 2.0 * abs(force) / (_DEPENDENT * curvature):
        factor.place[j] = _STUCK
        return
    for q in range(s):
        step[q] *= length
        _advance(coef, penalty, moved[q], step[q])
    coef[j] = own if first < 0 else coef[j] + sign * length
    moved[s], step[s] = j, sign * length
    _add_changes(form, moved, step, s + 1)
    if first >= 0:
        _leave(coef, factor, first, end)
        factor.entrants[0] = j
        _append(form, factor, factor.entrants, _ONE)


# ---------------------------------------------------------------- the factor


@inner
def _append(form, factor, entrants, count):
    """Add up to eight coefficients to F, but for those that depend on what is there."""
    gram, l2 = form.gram, form.l2
    if count == 0:
        return
    x, U = factor.block, factor.upper
    s = factor.size[0]
    for q in range(s):
        row = factor.members[q]
        for t in range(_WIDTH):
            x[q, t] = gram[row, entrants[t]] if t < count else 0.0
    for q in range(s):
        solved = read(x, (q, 0)) * lanes(1.0 / U[q, q])
        write(x, (q, 0), solved)
        negative = lanes(0.0) - solved
        for k in range(q + 1, s):
            write(x, (k, 0), fma(lanes(U[q, k]), negative, read(x, (k, 0))))
    for t in range(count):
        j, s = entrants[t], factor.size[0]
        if s == factor.members.shape[0]:
            return
        sums = lanes(0.0)  # of column t with every column
        for q in range(s):
            sums = fma(lanes(x[q, t]), read(x, (q, 0)), sums)
        write(x, (s, 0), sums)
        curvature = gram[j, j] + l2[j]
        left = curvature - x[s, t]
        if not left > _DEPENDENT * curvature:
            continue
        root = math.sqrt(left)
        for q in range(s):
            U[q, s] = x[q, t]
        U[s, s] = root
        for other in range(_WIDTH):
            product = gram[j, entrants[other]] if other < count else 0.0
            x[s, other] = (product - x[s, other]) / root
        factor.members[s] = j
        factor.place[j] = s
        factor.size[0] = s + 1


@inner
def _remove(factor, q):
    """Take member q out of F: its row of U is worked into the rows below by rotations."""
    U, s, x = factor.upper, factor.size[0], factor.work[3]
    factor.place[factor.members[q]] = _OUT
    for i in range(q, s - 1):
        factor.members[i] = factor.members[i + 1]
        factor.place[factor.members[i]] = i
    for i in range(q):
        for k in range(q, s - 1, 8):
            write(U, (i, k), read(U, (i, k + 1)))
    for k in range(q + 1, s):
        x[k] = U[q, k]
    for i in range(q + 1, s):
        length = math.hypot(U[i, i], x[i])
        c, d = lanes(U[i, i] / length), lanes(x[i] / length)
        minus = lanes(-x[i] / length)
        for k in range(i, s, 8):
            a, b = read(U, (i, k)), read(x, k)
            write(U, (i - 1, k - 1), fma(c, a, d * b))
            write(x, k, fma(c, b, minus * a))
    factor.size[0] = s - 1


@inner
def _forward(factor, v):
    """v ← U⁻ᵀ v; four rows of U in one sweep of v."""
    U, s = factor.upper, factor.size[0]
    whole = s // 4 * 4
    for i in range(0, whole, 4):
        for q in range(i, i + 4):
            for k in range(i, q):
                v[q] -= v[k] * U[k, q]
            v[q] /= U[q, q]
        a, b = lanes(-v[i]), lanes(-v[i + 1])
        c, d = lanes(-v[i + 2]), lanes(-v[i + 3])
        for k in range(i + 4, s, 8):
            z = fma(a, read(U, (i, k)), read(v, k))
            z = fma(b, read(U, (i + 1, k)), z)
            z = fma(c, read(U, (i + 2, k)), z)
            write(v, k, fma(d, read(U, (i + 3, k)), z))
    for q in range(whole, s):
        for k in range(whole, q):
            v[q] -= v[k] * U[k, q]
        v[q] /= U[q, q]


@inner
def _backward(factor, v):
    """v ← U⁻¹ v."""
    U, s = factor.upper, factor.size[0]
    for k in range(s, s + _WIDTH):
        v[k] = 0.0
    for i in range(s - 1, -1, -1):
        a, b = lanes(0.0), lanes(0.0)
        k = i + 1
        while k + 8 < s:
            a = fma(read(U, (i, k)), read(v, k), a)
            b = fma(read(U, (i, k + 8)), read(v, k + 8), b)
            k += 16
        if k < s:
            a = fma(read(U, (i, k)), read(v, k), a)
        v[i] = (v[i] - total(a + b)) / U[i, i]
