"""mini-Xception in plain numpy, as Keras computes it, with random weights.

    mini_xception.py SEED NET.hdf5 FRAMES.h5   writes NET.hdf5 as Keras 2 saves it; prints the valence and
                                               arousal of every frame [64, 64] of FRAMES.h5
"""
import sys

import h5py
import numpy as np

EPS = 1e-3
PLACES = np.array([[-.51, .59], [-.60, .35], [-.64, .60], [.81, .51], [-.63, -.27], [.40, .67], [0, 0]])


def same(n, k, stride):
    """Zeros (or pixels that never win) before and behind: Keras' padding="same"."""
    total = max((-(-n // stride) - 1) * stride + k - n, 0)
    return total // 2, total - total // 2


def windows(x, k, stride, pad, fill=0.):
    x = np.pad(x, [pad, pad, (0, 0)], constant_values=fill)
    v = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))  # [h, w, C, k, k]
    return v[::stride, ::stride]


def conv(x, kernel, stride=1, padding="valid"):
    k = kernel.shape[0]
    pad = same(x.shape[0], k, stride) if padding == "same" else (0, 0)
    return np.einsum("hwcij,ijco->hwo", windows(x, k, stride, pad), kernel)


def depthwise(x, kernel):
    return np.einsum("hwcij,ijc->hwc", windows(x, 3, 1, (1, 1)), kernel[..., 0])


def pool(x):
    return windows(x, 3, 2, same(x.shape[0], 3, 2), -np.inf).max((3, 4))


class Net:
    def __init__(self, seed):
        self.draw = np.random.default_rng(seed)
        self.layers, self.count = {}, {}

    def add(self, kind, **parts):
        self.count[kind] = self.count.get(kind, 0) + 1
        name = f"{kind}_{self.count[kind]}"
        self.layers[name] = {p: np.float32(v) for p, v in parts.items()}
        return name

    def normal(self, *shape):
        return self.draw.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))

    def norm(self, n):
        self.add("batch_normalization", gamma=1 + .2 * self.draw.standard_normal(n), beta=.2 * self.draw.standard_normal(n),
                 moving_mean=.2 * self.draw.standard_normal(n), moving_variance=.5 + self.draw.random(n))

    def make(self):
        self.add("conv2d", kernel=self.normal(3, 3, 1, 8))
        self.norm(8)
        self.add("conv2d", kernel=self.normal(3, 3, 8, 8))
        self.norm(8)
        width = 8
        for out in 16, 32, 64, 128:
            self.norm(out)  # Keras counted the one of the shortcut first
            for c in width, out:
                self.add("separable_conv2d", depthwise_kernel=self.normal(3, 3, c, 1), pointwise_kernel=self.normal(1, 1, c, out))
                self.norm(out)
            self.add("conv2d", kernel=self.normal(1, 1, width, out))
            width = out
        self.add("conv2d", kernel=self.normal(3, 3, 128, 7), bias=self.draw.standard_normal(7))

    def save(self, path):
        with h5py.File(path, "w") as f:
            f.attrs["keras_version"] = "2.0.5"
            for name, parts in self.layers.items():
                for part, value in parts.items():
                    f[f"model_weights/{name}/{name}_1/{part}:0"] = value

    def normed(self, x, i):
        p = {k: np.float64(v) for k, v in self.layers[f"batch_normalization_{i}"].items()}
        return (x - p["moving_mean"]) / np.sqrt(p["moving_variance"] + EPS) * p["gamma"] + p["beta"]

    def kernel(self, name, part="kernel"):
        return np.float64(self.layers[name][part])

    def separable(self, x, i):
        name = f"separable_conv2d_{i}"
        return conv(depthwise(x, self.kernel(name, "depthwise_kernel")), self.kernel(name, "pointwise_kernel"))

    def classes(self, x):
        x = np.maximum(self.normed(conv(x, self.kernel("conv2d_1")), 1), 0)
        x = np.maximum(self.normed(conv(x, self.kernel("conv2d_2")), 2), 0)
        for i in range(4):
            y = np.maximum(self.normed(self.separable(x, 2 * i + 1), 3 * i + 4), 0)
            y = pool(self.normed(self.separable(y, 2 * i + 2), 3 * i + 5))
            x = y + self.normed(conv(x, self.kernel(f"conv2d_{i + 3}"), 2, "same"), 3 * i + 3)
        x = conv(x, self.kernel("conv2d_7"), 1, "same") + np.float64(self.layers["conv2d_7"]["bias"])
        e = np.exp(x.mean((0, 1)) - x.mean((0, 1)).max())
        return e / e.sum()


def main():
    seed, path, frames = sys.argv[1:]
    net = Net(int(seed))
    net.make()
    net.save(path)
    with h5py.File(frames) as f:
        for rgb in f["frames"]:
            grey = np.floor(rgb @ np.array([4899, 9617, 1868]) / 16384 + .5)
            print(*(net.classes((grey[..., None] / 255 - .5) * 2) @ PLACES))


main()
