#!/usr/bin/env python3
"""Features of sound, written down from their definitions: expected values for common/sound.

    sound.py record test/golden/sound/rows.safetensors
    sound.py check SOUND.wav FEATURES.h5 KIND     features of va-hear, of a sound of 16 kHz in one channel of 16 bits

record makes rows of the sound that test/unit/test_sound.c makes by the same formula: float64, stored as float32. check
compares features with the spectrum of torchaudio, the mel weights of Kaldi (torchaudio) and with librosa's centroid,
roll-off, crossings and pitch, and prints the largest differences; exit 1 when one is too large.

Needs NumPy, SciPy and safetensors; check needs torchaudio, librosa and h5py instead of safetensors. The file was made with
NumPy 2.4.6 and SciPy 1.17.1.
"""
import argparse
import sys
import wave

import numpy as np
from scipy.fft import dct

RATE, STEP, SPAN, N = 16000, 160, 400, 512
VALUES = ["f0", "voicing", "loudness", "crossings", "centroid", "rolloff", "flux"]


# ---- a sound ------------------------------------------------------------------------------


def make_sound(count):
    """A voice that rises, noise, a pause, and a tone."""
    t = np.arange(count) / RATE
    phase = 2 * np.pi * (120 * t + 40 * t * t)
    voice = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.05 + 0.1 * t)
    noise, state = np.zeros(count), 1
    for i in range(count):
        state = (1103515245 * state + 12345) % 2**31
        noise[i] = state / 2**31 - 0.5
    tone = 0.2 * np.sin(2 * np.pi * 440 * t)
    x = np.where(t < 1.5, voice + 0.01 * noise, np.where(t < 2, 0.3 * noise, 0))
    return np.where(t >= 2.25, tone, x).astype(np.float32).astype(np.float64)


# ---- moments ------------------------------------------------------------------------------


def frames(x, before, span):
    count = (len(x) - SPAN) // STEP + 1
    padded = np.concatenate([np.zeros(before), x, np.zeros(span)])
    return np.stack([padded[i * STEP : i * STEP + span] for i in range(count)])


def magnitudes(x):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SPAN) / SPAN)
    return np.abs(np.fft.rfft(frames(x, 0, SPAN) * window, N, axis=1))


def mel_weights():
    def mel(f):
        return 1127 * np.log(1 + f / 700)

    corners = np.linspace(mel(125), mel(7500), 66)
    at = mel(np.arange(257) * RATE / N)
    up = (at - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    down = (corners[2:, None] - at) / (corners[2:] - corners[1:-1])[:, None]
    return np.maximum(0, np.minimum(up, down))


def yin(x):
    """Hertz and d' of each moment."""
    out = []
    for f in frames(x, 312, 1024):
        if (f[:512] ** 2).mean() < 1e-9:
            out.append((np.nan, 1))
            continue
        d = np.array([((f[:512] - f[k : k + 512]) ** 2).sum() for k in range(269)])
        norm = np.ones(269)
        norm[1:] = d[1:] * np.arange(1, 269) / np.cumsum(d[1:])
        low = [k for k in range(26, 268) if norm[k] < 0.15 and norm[k] <= norm[k + 1] and norm[k] < norm[k - 1]]
        k = low[0] if low else 26 + int(norm[26:268].argmin())
        bend = norm[k - 1] - 2 * norm[k] + norm[k + 1]
        shift = np.clip((norm[k - 1] - norm[k + 1]) / (2 * bend), -0.5, 0.5) if bend > 0 else 0
        out.append((RATE / (k + shift) if norm[k] < 0.15 else np.nan, norm[k]))
    return np.array(out).T


def flux(s):
    norm = np.linalg.norm(s, axis=1)
    unit = s / np.maximum(norm, 1e-9)[:, None]
    moved = np.concatenate([[0], ((unit[1:] - unit[:-1]) ** 2).sum(1)])
    there = norm >= 1e-9
    return moved * there * np.concatenate([[False], there[:-1]])


def rolloff(s):
    share = np.cumsum(s, axis=1) >= 0.85 * s.sum(1, keepdims=True)
    return np.where(s.sum(1) >= 1e-9, share.argmax(1) * RATE / N / 1000, 0)


def moments(x):
    """Of each moment: time, log-mel spectrum [64], prosody [20]."""
    s, f = magnitudes(x), frames(x, 0, SPAN)
    hertz, dip = yin(x)
    log_mel = np.log(s @ mel_weights().T + 0.01)
    freq = np.arange(257) * RATE / N / 1000
    total = s.sum(1)
    values = [
        12 * np.log2(hertz / 27.5),
        np.maximum(0, 1 - dip),
        20 * np.log10(np.maximum(np.sqrt((f**2).mean(1)), 1e-5)),
        ((f[:, 1:] < 0) != (f[:, :-1] < 0)).mean(1),
        np.where(total >= 1e-9, s @ freq / np.maximum(total, 1e-9), 0),
        rolloff(s),
        flux(s),
    ]
    mfcc = dct(log_mel, type=2, norm="ortho", axis=1)[:, :13]
    return (np.arange(len(f)) * STEP + SPAN / 2) / RATE, log_mel, np.column_stack(values + [mfcc])


# ---- rows ---------------------------------------------------------------------------------


def summary(t, x):
    t, x = t[~np.isnan(x)], x[~np.isnan(x)]
    if len(x) == 0:
        return [0, 0, 0]
    around = t - t.mean()
    spread = (around**2).sum()
    return [x.mean(), x.std(), (around * x).sum() / spread if spread > 0 else 0]


def prosody_row(t, values, at):
    row = []
    inside = [(t >= at - w / 2) & (t < at + w / 2) for w in (1, 4)]
    for v in range(7):
        for i in inside:
            row += summary(t[i], values[i, v])
    for v in range(7, 20):
        row += summary(t[inside[0]], values[inside[0], v])[:2]
    return row


def logmel_row(t, log_mel, at, length):
    return log_mel[(t >= at - length / 2) & (t < at + length / 2)].mean(0)


def record(path):
    from safetensors.numpy import save_file

    t, log_mel, values = moments(make_sound(48000))
    at = np.array([0.0, 0.04, 0.3, 0.731, 1.1, 1.48, 1.76, 2.1, 2.3, 2.9, 2.98])
    rows = {
        "time": at,
        "logmel": np.array([logmel_row(t, log_mel, a, 0.04) for a in at], np.float32),
        "prosody": np.array([prosody_row(t, values, a) for a in at], np.float32),
    }
    save_file(rows, path)


# ---- others -------------------------------------------------------------------------------


def others(x):
    """moments() of torchaudio and librosa, as far as they go: no voicing, loudness and flux."""
    import librosa
    import torch
    import torchaudio
    from torchaudio.compliance.kaldi import get_mel_banks

    edge = (N - SPAN) // 2  # they centre the window in the transform
    padded = np.concatenate([np.zeros(edge), x, np.zeros(edge)])
    s = torchaudio.functional.spectrogram(
        torch.tensor(padded), 0, torch.hann_window(SPAN, dtype=torch.float64), N, STEP, SPAN, 1, False, center=False
    ).numpy()
    weights = np.zeros((64, 257))
    weights[:, :256] = get_mel_banks(64, N, float(RATE), 125.0, 7500.0, 100.0, -500.0, 1.0)[0].numpy()
    log_mel = np.log(weights @ s + 0.01).T
    span = np.concatenate([np.zeros(312), x, np.zeros(712)])
    f0 = librosa.yin(span, fmin=60, fmax=600, sr=RATE, frame_length=1024, hop_length=STEP, center=False, trough_threshold=0.15)
    n = s.shape[1]
    values = {
        "f0": 12 * np.log2(f0[:n] / 27.5),
        "crossings": librosa.feature.zero_crossing_rate(x, frame_length=SPAN, hop_length=STEP, center=False, pad=False)[0] * SPAN / (SPAN - 1),
        "centroid": librosa.feature.spectral_centroid(S=s, sr=RATE)[0] / 1000,
        "rolloff": librosa.feature.spectral_rolloff(S=s, sr=RATE, roll_percent=0.85)[0] / 1000,
        "mfcc": librosa.feature.mfcc(S=log_mel.T, n_mfcc=13),
    }
    return (np.arange(n) * STEP + SPAN / 2) / RATE, log_mel, values


def told(what, difference, bound):
    print(f"{what}: off by {difference:.3g}, allowed {bound:g}")
    return difference <= bound


def check(path, features, kind):
    import h5py

    with wave.open(path) as w:
        assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (RATE, 1, 2), path
        x = np.frombuffer(w.readframes(w.getnframes()), "<i2") / 32768
    with h5py.File(features) as f:
        found, at = f["features"][:].astype(np.float64), f["pts"][:]
        names = [n.decode() for n in f["names"][:]]
    t, log_mel, values = others(x)
    length = np.median(np.diff(at))
    good = True
    if kind == "logmel":
        rows = np.array([logmel_row(t, log_mel, a, length) for a in at])
        return told("logmel", np.abs(rows - found).max(), 2e-4)  # Kaldi's weights are float32
    for name, v in values.items():
        column = names.index("mfcc00.mean.1s" if name == "mfcc" else f"{name}.mean.1s")
        wide = v if name == "mfcc" else v[None]
        for i, one in enumerate(wide):
            rows = np.array([one[(t >= a - 0.5) & (t < a + 0.5)].mean() for a in at])
            difference = np.abs(rows - found[:, column + 2 * i])
            # librosa's pitch sums over a window that shortens, and has one without a voice, too
            voiced = found[:, names.index("voicing.mean.1s")] > 0.9 if name == "f0" else slice(None)
            good &= told(f"{name} {i}", difference[voiced].max(), 0.3 if name == "f0" else 1e-3)
    return good


def main():
    args = argparse.ArgumentParser()
    args.add_argument("command", choices=["record", "check"])
    args.add_argument("files", nargs="+")
    args = args.parse_args()
    if args.command == "record":
        record(*args.files)
    elif not check(*args.files):
        sys.exit(1)


if __name__ == "__main__":
    main()
