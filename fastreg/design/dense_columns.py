"""Dense storages by columns: X is read twice, in long runs, as a CSC is.

For columns so short that predictions of all rows stay in cache. Tiles of 64 rows read 512 bytes
here and there: 5000 × 5000, 17 GB/s, 27 so; 200 × 20 000, 4 and 20.
"""

from fastreg._jit import at, fma, inner, lanes, read, total, totals, write
from fastreg.design import storages
from fastreg.design.dense import _eight
from fastreg.design.storages import DenseColumns

_NEAREST = 2048  # predictions that stay in the nearest cache with columns passing by: 16 kB


@storages.predict_columns.register(DenseColumns)
def _(X, first, last, shift, theta, out):
    V = X.values.T
    step = _NEAREST if theta.ndim == 1 else _NEAREST // 8
    for start in range(0, V.shape[1], step):
        stop = min(start + step, V.shape[1])
        if theta.ndim == 2:
            _add_columns_to_many(V, start, stop, first, last, shift, theta, out)
        else:
            _add_columns(V, start, stop, first, last, shift, theta, out)


@inner
def _add_columns(V, start, stop, first, last, shift, theta, out):
    """out_i += Σ_j (x_ij − s_j)·θ_j over some columns, rows start ≤ i < stop."""
    whole = start + (stop - start) // 8 * 8
    eights = first + (last - first) // 8 * 8
    for j in range(first, eights, 8):
        t, s = _eight_of(theta, j), _eight_of(shift, j)
        for i in range(start, whole, 8):
            write(out, i, _add_eight(V, j, i, None, s, t, read(out, i)))
        if whole < stop:
            write(out, whole, _add_eight(V, j, whole, stop - whole, s, t, read(out, whole)))
    for j in range(eights, last):
        t, s = theta[j], at(shift, j)
        for i in range(start, stop):
            out[i] = fma(V[j, i] - s, t, out[i])


@inner
def _eight_of(values, j):
    """Entries j to j + 7, each in all lanes of a register."""
    return (
        lanes(at(values, j)),
        lanes(at(values, j + 1)),
        lanes(at(values, j + 2)),
        lanes(at(values, j + 3)),
        lanes(at(values, j + 4)),
        lanes(at(values, j + 5)),
        lanes(at(values, j + 6)),
        lanes(at(values, j + 7)),
    )


@inner
def _add_eight(V, j, i, count, s, t, z):
    """z + Σ_k (x_k − s_k)·t_k over columns j to j + 7, rows from i on."""
    z = fma(read(V, (j, i), count) - s[0], t[0], z)
    z = fma(read(V, (j + 1, i), count) - s[1], t[1], z)
    z = fma(read(V, (j + 2, i), count) - s[2], t[2], z)
    z = fma(read(V, (j + 3, i), count) - s[3], t[3], z)
    z = fma(read(V, (j + 4, i), count) - s[4], t[4], z)
    z = fma(read(V, (j + 5, i), count) - s[5], t[5], z)
    z = fma(read(V, (j + 6, i), count) - s[6], t[6], z)
    return fma(read(V, (j + 7, i), count) - s[7], t[7], z)


@inner
def _add_columns_to_many(V, start, stop, first, last, shift, theta, out):
    """The same for several right-hand sides, side by side in the lanes."""
    eights = first + (last - first) // 8 * 8
    for t in range(0, theta.shape[1], 8):
        for j in range(first, eights, 8):
            q, s = _eight_rows(theta, j, t), _eight_of(shift, j)
            for i in range(start, stop):
                z = fma(lanes(V[j, i]) - s[0], q[0], read(out, (i, t)))
                z = fma(lanes(V[j + 1, i]) - s[1], q[1], z)
                z = fma(lanes(V[j + 2, i]) - s[2], q[2], z)
                z = fma(lanes(V[j + 3, i]) - s[3], q[3], z)
                z = fma(lanes(V[j + 4, i]) - s[4], q[4], z)
                z = fma(lanes(V[j + 5, i]) - s[5], q[5], z)
                z = fma(lanes(V[j + 6, i]) - s[6], q[6], z)
                write(out, (i, t), fma(lanes(V[j + 7, i]) - s[7], q[7], z))
        for j in range(eights, last):
            q, s = read(theta, (j, t)), at(shift, j)
            for i in range(start, stop):
                write(out, (i, t), fma(lanes(V[j, i] - s), q, read(out, (i, t))))


@inner
def _eight_rows(theta, j, t):
    return (
        read(theta, (j, t)),
        read(theta, (j + 1, t)),
        read(theta, (j + 2, t)),
        read(theta, (j + 3, t)),
        read(theta, (j + 4, t)),
        read(theta, (j + 5, t)),
        read(theta, (j + 6, t)),
        read(theta, (j + 7, t)),
    )


@storages.project_columns.register(DenseColumns)
def _(X, first, last, shift, residual, out):
    if residual.ndim == 2:
        _project_many(X.values.T, first, last, shift, residual, out)
    else:
        _project_one(X.values.T, first, last, shift, residual, out)


@storages.project_strip.register(DenseColumns)
def _(X, first, last, shift, residual, out):
    _project_many(X.values.T, first, last, shift, residual, out)


@inner
def _project_one(V, first, last, shift, residual, out):
    m = V.shape[1]
    whole = m // 8 * 8
    eights = first + (last - first) // 8 * 8
    for j in range(first, eights, 8):
        s, g = _eight_of(shift, j), _eight(lanes(0.0))
        for i in range(0, whole, 8):
            g = _products(V, j, i, None, s, read(residual, i), g)
        if whole < m:
            rest = m - whole
            g = _products(V, j, whole, rest, s, read(residual, whole, rest), g)
        write(out, j, totals(g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7]))
    for j in range(eights, last):
        g, s = lanes(0.0), at(shift, j)
        for i in range(0, m, 8):
            count = min(8, m - i)
            g = fma(read(V, (j, i), count) - s, read(residual, i, count), g)
        out[j] = total(g)


@inner
def _products(V, j, i, count, s, r, g):
    """g_k + (x_k − s_k)∘r for columns j to j + 7, rows from i on."""
    return (
        fma(read(V, (j, i), count) - s[0], r, g[0]),
        fma(read(V, (j + 1, i), count) - s[1], r, g[1]),
        fma(read(V, (j + 2, i), count) - s[2], r, g[2]),
        fma(read(V, (j + 3, i), count) - s[3], r, g[3]),
        fma(read(V, (j + 4, i), count) - s[4], r, g[4]),
        fma(read(V, (j + 5, i), count) - s[5], r, g[5]),
        fma(read(V, (j + 6, i), count) - s[6], r, g[6]),
        fma(read(V, (j + 7, i), count) - s[7], r, g[7]),
    )


@inner
def _project_many(V, first, last, shift, residual, out):
    """All sums of eight columns with eight residuals stay in registers."""
    eights = first + (last - first) // 8 * 8
    for t in range(0, residual.shape[1], 8):
        for j in range(first, eights, 8):
            s, g = _eight_of(shift, j), _eight(lanes(0.0))
            for i in range(V.shape[1]):
                r = read(residual, (i, t))
                g = (
                    fma(lanes(V[j, i]) - s[0], r, g[0]),
                    fma(lanes(V[j + 1, i]) - s[1], r, g[1]),
                    fma(lanes(V[j + 2, i]) - s[2], r, g[2]),
                    fma(lanes(V[j + 3, i]) - s[3], r, g[3]),
                    fma(lanes(V[j + 4, i]) - s[4], r, g[4]),
                    fma(lanes(V[j + 5, i]) - s[5], r, g[5]),
                    fma(lanes(V[j + 6, i]) - s[6], r, g[6]),
                    fma(lanes(V[j + 7, i]) - s[7], r, g[7]),
                )
            for k in range(8):
                write(out, (j + k, t), g[0])
                g = (g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[0])
        for j in range(eights, last):
            g, s = lanes(0.0), at(shift, j)
            for i in range(V.shape[1]):
                g = fma(lanes(V[j, i] - s), read(residual, (i, t)), g)
            write(out, (j, t), g)
