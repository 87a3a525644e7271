"""
How fast is a gradient on this machine?
=======================================

NumPy reads X twice for a gradient: once for the residuals, once for the products with them.
``gradient`` does both in one read. That counts where X is larger than the caches.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# Both compute the same gradient.


def with_numpy(X, y, theta, lam):
    return (X.T @ (X @ theta - y) + lam * theta) / len(y)


rng = np.random.default_rng(0)
X = rng.standard_normal((1000, 100))
y, theta = X[:, 0], rng.standard_normal(100)
difference = with_numpy(X, y, theta, 1.0) - fastreg.gradient(X, y, theta, 1.0)
print("largest difference:", np.abs(difference).max())


# %%
# The least of several runs is what the machine can do. X has a hundred columns throughout.
def least_time(function, *arguments):
    times = []
    for _ in range(10):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


sizes = [100, 1000, 10_000, 40_000, 100_000]
X = rng.standard_normal((sizes[-1], 100))
y = rng.standard_normal(sizes[-1])
seconds = {"NumPy": [], "fastreg": []}
for m in sizes:
    seconds["NumPy"].append(least_time(with_numpy, X[:m], y[:m], theta, 1.0))
    seconds["fastreg"].append(least_time(fastreg.gradient, X[:m], y[:m], theta, 1.0))

# %%
# On the right: bytes of X over time. A small X stays in the caches, where a second read costs
# little and the checks of a call count. A large one comes from memory, where one read is best.
megabytes = np.array(sizes) * 100 * 8 / 1e6
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
for name, colour in (("NumPy", "C1"), ("fastreg", "C0")):
    axes[0].plot(megabytes, 1e3 * np.array(seconds[name]), "o-", color=colour, label=name)
    axes[1].plot(megabytes, 1e-3 * megabytes / seconds[name], "o-", color=colour, label=name)
axes[0].set(yscale="log", ylabel="time of a gradient / ms")
axes[1].set(ylabel="speed / GB of X per second")
axes[1].set_ylim(0.0, None)
for ax in axes:
    ax.set(xscale="log", xlabel="size of X / MB")
axes[0].legend()
plt.show()

for m, slow, fast in zip(sizes, seconds["NumPy"], seconds["fastreg"], strict=True):
    print(f"{m:7} rows: NumPy {1e3 * slow:8.3f} ms, fastreg {1e3 * fast:8.3f} ms")
