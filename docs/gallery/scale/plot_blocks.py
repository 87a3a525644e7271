"""
A file larger than memory, read in blocks
=========================================

What if the data do not fit into memory? A fit can read them block by block.
The file of this example is small. The code is the same for one of a terabyte.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# A table of 100 000 rows is written to two files.
rng = np.random.default_rng(0)
X = rng.standard_normal((100_000, 40))
y = X[:, :5] @ [0.5, -0.4, 0.3, -0.2, 0.1] + 2.0 * rng.standard_normal(100_000)
folder = Path(tempfile.mkdtemp())
np.save(folder / "X.npy", X)
np.save(folder / "y.npy", y)

# %%
# ``read`` opens them without reading. ``memory=0`` forbids the fit to hold all rows.
# It holds a few blocks of 16 MB, however long the file is. All ten folds and all hundred strengths
# share a single read.
source = fastreg.read(folder / "X.npy", folder / "y.npy", memory=0)
model = fastreg.LassoCV(cv=10).fit(source)

same = fastreg.LassoCV(cv=10).fit(X, y)
print("same alpha as in memory:", bool(np.isclose(model.alpha_, same.alpha_)))
print("largest difference of a coefficient:", np.abs(model.coef_ - same.coef_).max())
model.plot()
plt.title("Ten folds, from one read of the file")
plt.ylabel("held-out mean squared error")
plt.show()

# %%
# Rows may also arrive over time. ``partial_fit`` takes each block once and forgets it.
# After every block the answer is exact for all rows so far.
online = fastreg.Ridge(alpha=1.0)
rows, coefs = [], []
for start in range(0, 100_000, 1000):
    block = slice(start, start + 1000)
    online.partial_fit(X[block], y[block])
    rows.append(start + 1000)
    coefs.append(online.coef_[:5].copy())

fig, ax = plt.subplots(layout="constrained")
for j, truth in enumerate([0.5, -0.4, 0.3, -0.2, 0.1]):
    ax.axhline(truth, color="0.8", lw=1.0)
    ax.plot(rows, np.array(coefs)[:, j], color=f"C{j}", label=f"feature {j}")
ax.set(xscale="log", xlabel="rows so far", ylabel="coefficient (grey: truth)")
ax.set_xticks([1000, 10_000, 100_000], ["1000", "10 000", "100 000"])
ax.xaxis.set_minor_formatter("")
ax.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.12), columnspacing=1.0)
plt.show()
