"""The modules that hold the parameters of the authors' temporal model, under their names.

No forward pass: what matters here is which keys load_state_dict asks for.
"""
import warnings

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # this weight normalisation is the older one
            norm = nn.utils.weight_norm
            self.conv1 = norm(nn.Conv1d(inputs, outputs, kernel))
            self.conv2 = norm(nn.Conv1d(outputs, outputs, kernel))
        self.relu1, self.relu2, self.relu = nn.PReLU(), nn.PReLU(), nn.PReLU()
        gap = nn.Identity
        self.net = nn.Sequential(
            self.conv1, gap(), self.relu1, gap(), self.conv2, gap(), self.relu2
        )
        self.downsample = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None


class Mixer(nn.Module):
    def __init__(self, width, states, taps, expand):
        super().__init__()
        inner, rank = expand * width, -(-width // 16)
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, taps, groups=inner)
        self.x_proj = nn.Linear(inner, rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.rand(inner, states))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)


class Head(nn.Module):
    def __init__(self, in_dim, channels, kernel, layers, states, taps, expand, hidden):
        super().__init__()
        width = channels[-1]
        self.temporal = nn.Module()
        self.temporal.network = nn.Sequential(
            *(Block(i, o, kernel) for i, o in zip([in_dim] + channels, channels))
        )
        self.mamba = nn.Module()
        self.mamba.mamba = nn.Module()
        self.mamba.mamba.layers = nn.ModuleList(
            nn.Sequential(Mixer(width, states, taps, expand), nn.LayerNorm(width))
            for _ in range(layers)
        )
        self.mamba.mamba.proj = nn.Linear(width, width)
        self.mamba.adaptor = nn.Sequential(nn.LayerNorm(width), nn.Identity())
        self.dual_reg = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 2))
