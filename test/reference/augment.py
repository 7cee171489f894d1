#!/usr/bin/env python3
"""Pictures cropped, mirrored and coloured by Pillow: expected values for common/media/va_augment.

    augment.py test/golden/augment/cases.safetensors

Each case N has choice.N: x, y, width, height, flip, the order of brightness 0, contrast 1,
saturation 2 and hue 3, and their factors (numbers in float64); and result.N [S, S, 3], uint8.

Needs NumPy, Pillow and safetensors. The file was made with Pillow 13.0.0.
"""
import colorsys
import sys

import numpy as np
from PIL import Image, ImageEnhance
from safetensors.numpy import save_file

SIZE = 11


def turn(image, turns):
    """Hue in floating point: Pillow's own HSV pictures have 8 bits a channel."""
    out = np.asarray(image).copy()
    for p in out.reshape(-1, 3):
        h, s, v = colorsys.rgb_to_hsv(*(p / 255.0))
        p[:] = np.rint(255 * np.array(colorsys.hsv_to_rgb((h + turns) % 1, s, v)))
    return Image.fromarray(out)


OPS = [
    lambda im, f: ImageEnhance.Brightness(im).enhance(f),
    lambda im, f: ImageEnhance.Contrast(im).enhance(f),
    lambda im, f: ImageEnhance.Color(im).enhance(f),
    turn,
]


def main():
    rng = np.random.default_rng(5)
    smooth = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    image = Image.fromarray(smooth).resize((23, 31), Image.Resampling.BICUBIC)
    noise = rng.integers(-40, 41, (31, 23, 3))
    image = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    cases = [
        (0, 0, 23, 31, 0, (0, 1, 2, 3), (1, 1, 1, 0)),
        (3, 5, 17, 11, 1, (0, 1, 2, 3), (1, 1, 1, 0)),
        (0, 0, 11, 11, 0, (0, 1, 2, 3), (0.6, 1, 1, 0)),
        (0, 0, 11, 11, 1, (0, 1, 2, 3), (1.7, 1, 1, 0)),
        (6, 20, 17, 11, 0, (0, 1, 2, 3), (1, 0.3, 1, 0)),
        (2, 3, 9, 20, 0, (0, 1, 2, 3), (1, 1.8, 1, 0)),
        (2, 3, 9, 20, 0, (0, 1, 2, 3), (1, 1, 0, 0)),
        (2, 3, 9, 20, 0, (0, 1, 2, 3), (1, 1, 1.9, 0)),
        (1, 1, 20, 20, 0, (0, 1, 2, 3), (1, 1, 1, 0.21)),
        (1, 1, 20, 20, 0, (0, 1, 2, 3), (1, 1, 1, -0.5)),
        (4, 0, 13, 25, 1, (2, 0, 3, 1), (1.2, 0.7, 1.4, 0.05)),
        (4, 0, 13, 25, 1, (3, 1, 2, 0), (0.8, 1.3, 0.6, -0.1)),
    ]
    out = {"image": np.asarray(image)}
    for n, (x, y, w, h, flip, order, factor) in enumerate(cases):
        im = image.crop((x, y, x + w, y + h))
        for size in (SIZE, h), (SIZE, SIZE):  # rows first, which Pillow 13 no longer always does
            im = im.resize(size, Image.Resampling.BICUBIC)
        if flip:
            im = im.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for what in order:
            if factor[what] != (0 if what == 3 else 1):
                im = OPS[what](im, factor[what])
        out[f"choice.{n}"] = np.array([x, y, w, h, flip, *order, *factor], dtype=np.float64)
        out[f"result.{n}"] = np.ascontiguousarray(np.asarray(im))
    save_file(out, sys.argv[1])


main()
