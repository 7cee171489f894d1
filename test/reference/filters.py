#!/usr/bin/env python3
"""Filtered series as SciPy computes them: expected values for common/data/va_filter.

    filters.py table > test/golden/filter/expected.tsv
    filters.py input --seed N --frames T > VIDEO.txt           random valence,arousal
    filters.py check IN.txt OUT.txt --case FILTER,EDGE,WINDOW,ORDER,PARAMETER [--case ...]

check compares OUT.txt with IN.txt filtered, the first case for valence, the last for arousal,
and prints the largest difference; exit 1 when it exceeds float32 rounding.

Needs NumPy and SciPy. The table was made with NumPy 2.4.6 and SciPy 1.17.1.
"""
import argparse
import sys

import numpy as np
from scipy import ndimage, signal

EDGES = ["reflect", "mirror", "nearest", "shrink"]
LENGTHS = [1, 2, 5, 17]


def over_frames_there(function, x):
    """A linear filter divided by its weight inside the series."""
    return function(x) / function(np.ones_like(x))


def mean(x, edge, window):
    if edge == "shrink":
        return over_frames_there(lambda v: ndimage.uniform_filter1d(v, window, mode="constant"), x)
    return ndimage.uniform_filter1d(x, window, mode=edge)


def gaussian(x, edge, sigma):
    if sigma == 0:
        return x.copy()
    if edge == "shrink":
        return over_frames_there(lambda v: ndimage.gaussian_filter1d(v, sigma, mode="constant"), x)
    return ndimage.gaussian_filter1d(x, sigma, mode=edge)


def exponential(x, alpha):
    return signal.lfilter([alpha], [1, alpha - 1], x, zi=[(1 - alpha) * x[0]])[0]


def savgol(x, edge, window, order):
    if edge == "reflect":  # a mode that savgol_filter does not offer
        return ndimage.convolve1d(x, signal.savgol_coeffs(window, order), mode=edge)
    if edge == "interp" and len(x) < window:  # where SciPy gives up
        at = np.arange(len(x))
        return np.polynomial.Polynomial.fit(at, x, min(order, len(x) - 1))(at)
    return signal.savgol_filter(x, window, order, mode=edge)


def median(x, edge, window):
    if edge == "shrink":
        first = [t - window // 2 for t in range(len(x))]
        there = [np.sort(x[max(a, 0) : a + window]) for a in first]
        return np.array([w[len(w) // 2] for w in there])
    if window <= len(x):
        return ndimage.median_filter(x, window, mode=edge)
    # SciPy 1.17.1 reads beyond the series when the window is longer than it.
    names = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge"}
    padded = np.pad(x, (window // 2, window - 1 - window // 2), mode=names[edge])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    return np.sort(windows, axis=1)[:, window // 2]


def run(name, edge, window, order, parameter, x):
    if name == "mean":
        return mean(x, edge, window)
    if name == "gaussian":
        return gaussian(x, edge, parameter)
    if name == "exponential":
        return exponential(x, parameter)
    if name == "savgol":
        return savgol(x, edge, window, order)
    if name == "median":
        return median(x, edge, window)
    raise SystemExit(f"no filter {name}")


def cases():
    for edge in EDGES:
        for window in (1, 2, 3, 6, 9, 40):
            yield "mean", edge, window, 0, 0
            yield "median", edge, window, 0, 0
        for sigma in (0, 0.1, 0.7, 2, 9):
            yield "gaussian", edge, 0, 0, sigma
    for edge in ("reflect", "mirror", "nearest", "interp"):
        for window, order in ((1, 0), (3, 1), (5, 2), (9, 3), (21, 3)):
            yield "savgol", edge, window, order, 0
    for alpha in (1, 0.5, 0.1, 0.01):
        yield "exponential", "reflect", 0, 0, alpha


def print_table():
    x = np.random.default_rng(20).integers(-64, 65, max(LENGTHS)) / 64
    row = lambda *fields: print(*fields, sep="\t")
    text = lambda values: ",".join(f"{v:.17g}" for v in values)
    row("filter", "edge", "window", "order", "parameter", "values")
    row("input", "-", 0, 0, 0, text(x))
    for case in cases():
        for n in LENGTHS:
            row(*case[:4], f"{case[4]:.17g}", text(run(*case, x[:n])))


def print_input(seed, frames):
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.1, (frames, 2)), axis=0) + rng.normal(0, 0.2, (frames, 2))
    print("valence,arousal")
    for v, a in np.tanh(walk).astype(np.float32):
        print(f"{v:.9g},{a:.9g}")


def check(texts, given, found):
    cases = [t.split(",") for t in texts]
    cases = [(c[0], c[1], int(c[2]), int(c[3]), float(c[4])) for c in cases]
    read = lambda path: np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    x = read(given).astype(np.float32).astype(np.float64)
    y = read(found)
    if x.shape != y.shape:
        raise SystemExit(f"{x.shape} frames became {y.shape}")
    worst = 0
    for d, case in ((0, cases[0]), (1, cases[-1])):
        expected = np.clip(run(*case, np.ascontiguousarray(x[:, d])), -1, 1)
        worst = max(worst, np.abs(y[:, d] - expected).max())
    print(f"{worst:.3g}")
    return 0 if worst <= 1e-7 else 1  # values in [-1, 1] are rounded by at most 2^-25


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=("table", "input", "check"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--case", action="append")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    if args.what == "table":
        print_table()
    elif args.what == "input":
        print_input(args.seed, args.frames)
    else:
        sys.exit(check(args.case, *args.files))


if __name__ == "__main__":
    main()
