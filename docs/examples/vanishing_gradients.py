"""The vanishing gradient, and what regularisation does about it: ten hidden layers of 32 units.

    python docs/examples/vanishing_gradients.py            a table and vanishing-gradients.png
    python docs/examples/vanishing_gradients.py --seeds 1 --steps 300

"Regularisation solves vanishing gradients" is false in general. L2 shrinks the weights, and with
them the product of Jacobians through which the signal comes back: a network whose signal is weak
ends at zero. It is true in two narrow senses: weights that are so large that units saturate are
pulled back, and a penalty on the Jacobians themselves (orthogonality, Pascanu's Ω) restores the
signal. R = ‖δ₁‖/‖δ₁₀‖ is the signal at the first hidden layer beside that at the last.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from fastreg.network import MLPRegressor

CASES = [  # network, activation, init, penalty, parameters
    ("logistic, Glorot", "logistic", "glorot", "none", {"lam": 0.0}),
    ("logistic, Glorot", "logistic", "glorot", "L2, λ = 3", {"lam": 3.0}),
    ("logistic, Glorot", "logistic", "glorot", "Ω, β = 0.1", {"lam": 0.0, "omega": 0.1}),
    ("tanh, N(0, 0.1²)", "tanh", 0.1, "none", {"lam": 0.0}),
    ("tanh, N(0, 0.1²)", "tanh", 0.1, "L2, λ = 3", {"lam": 3.0}),
    ("tanh, N(0, 0.1²)", "tanh", 0.1, "orthogonal, β = 0.1", {"lam": 0.0, "orthogonal": 0.1}),
    ("tanh, N(0, 0.1²)", "tanh", 0.1, "Ω, β = 0.01", {"lam": 0.0, "omega": 0.01}),
    ("tanh, N(0, 1)", "tanh", 1.0, "none", {"lam": 0.0}),
    ("tanh, N(0, 1)", "tanh", 1.0, "L2, λ = 3", {"lam": 3.0}),
    ("tanh, N(0, 1)", "tanh", 1.0, "L2, λ = 30", {"lam": 30.0}),
]


def data(seed: int, m: int = 256) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 4))
    y = np.sin(X[:, 0]) + X[:, 1] + 0.5 * X[:, 2] * X[:, 3]
    return X, y * np.sqrt(1.429) / y.std()


def run(activation: str, init: object, options: dict, seed: int, steps: int) -> MLPRegressor:
    X, y = data(seed)
    kind = next((name for name in ("omega", "orthogonal") if name in options), None)
    model = MLPRegressor(
        (32,) * 10, activation=activation, init=init, lam=options["lam"], gradient_penalty=kind,
        gradient_weight=options.get(kind, 0.0), clip_norm=1.0, solver="gd", learning_rate=0.05,
        momentum=0.9, max_iter=steps, tol=0, monitor=max(1, steps // 30), random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--output", default="vanishing-gradients.png")
    options = parser.parse_args(arguments)
    print(f"{'network':18} {'penalty':20} {'R start':>9} {'R end':>9} {'saturated':>9} {'MSE':>7}")
    traces = []
    for name, activation, init, penalty, parameters in CASES:
        ends, curves = [], []
        for seed in range(options.seeds):
            model = run(activation, init, parameters, seed, options.steps)
            X, y = data(seed)
            history = model.gradient_report_.history
            curves.append([max(each.vanishing_ratio, 1e-45) for each in history])
            saturated = [each.saturated.mean() for each in (history[0], history[-1])]
            ends.append([curves[-1][0], curves[-1][-1], *saturated,
                         np.mean((model.predict(X) - y) ** 2)])  # fmt: skip
        R0, R1, _, full, mse = np.exp(np.mean(np.log(np.maximum(ends, 1e-300)), axis=0))
        print(f"{name:18} {penalty:20} {R0:9.1e} {R1:9.1e} {full:9.1%} {mse:7.3f}", flush=True)
        at = [each.step for each in history]
        traces.append((name, penalty, at, np.exp(np.mean(np.log(curves), axis=0)), mse))
    draw(traces, options.output)


def draw(traces: list, output: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(each[0] for each in traces))
    figure, axes = pyplot.subplots(1, len(names), figsize=(11, 3.8), sharey=True,
                                   layout="constrained")  # fmt: skip
    for ax, name in zip(axes, names, strict=True):
        for k, (_, penalty, at, ratio, mse) in enumerate(t for t in traces if t[0] == name):
            ax.plot(at, ratio, color=f"C{k}", lw=1.8, label=f"{penalty}: MSE {mse:.2g}")
        ax.axhline(1.0, color="#8a8a8a", lw=0.8, zorder=0)
        ax.set_yscale("log")
        ax.set_title(name, loc="left")
        ax.set_xlabel("step")
        ax.legend(frameon=False, fontsize=8)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    axes[0].set_ylabel("R = ‖δ₁‖/‖δ₁₀‖")
    figure.savefig(output, dpi=130)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
