"""Colours as eyes see them: CIE Lab, lightness, and simulated colour-vision deficiencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
DEFICIENCIES = {
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# sRGB (IEC 61966-2-1) to CIE XYZ under D65, and that white.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colours: Sequence[str]) -> np.ndarray:
    """(N, 3) linear RGB of "#RRGGBB" colours, 0 to 1."""
    channels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]) / 255
    low = channels <= 0.04045
    return np.asarray(np.where(low, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4))


def simulated(colours: Sequence[str], deficiency: str) -> np.ndarray:
    """(N, 3) linear RGB as seen with a deficiency (a key of `DEFICIENCIES`)."""
    return np.asarray(np.clip(linear(colours) @ DEFICIENCIES[deficiency].T, 0.0, 1.0))


def lab(rgb: np.ndarray) -> np.ndarray:
    """(N, 3) CIE L*a*b* (D65) of linear RGB (N, 3)."""
    relative = rgb @ _TO_XYZ.T / _WHITE
    cut = (6 / 29) ** 3
    f = np.where(relative > cut, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def _of_lab(point: np.ndarray) -> np.ndarray:
    """(3,) linear RGB of one CIE L*a*b* (D65); outside of 0..1 where no screen shows it."""
    middle = (point[0] + 16) / 116
    f = np.array([middle + point[1] / 500, middle, middle - point[2] / 200])
    relative = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2)
    return np.asarray(np.linalg.solve(_TO_XYZ, relative * _WHITE))


def falling(colours: Sequence[str], light: float = 93.0, dark: float = 24.0) -> tuple[str, ...]:
    """The hues with L* falling evenly from `light` to `dark`, paler where they must be."""
    made = []
    for colour, height in zip(colours, np.linspace(light, dark, len(colours)), strict=True):
        point = np.array([height, *lab(linear([colour]))[0, 1:]])
        while not ((rgb := _of_lab(point)).min() >= -1e-4 and rgb.max() <= 1.0001):
            point[1:] *= 0.97
        rgb = np.clip(rgb, 0.0, 1.0)
        channels = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
        made.append("#{:02X}{:02X}{:02X}".format(*np.round(255 * channels).astype(int)))
    return tuple(made)


def neighbours(colours: Sequence[str], deficiency: str | None = None) -> float:
    """The smallest CIE76 difference of two colours that follow on one another."""
    rgb = linear(colours) if deficiency is None else simulated(colours, deficiency)
    return float(np.sqrt((np.diff(lab(rgb), axis=0) ** 2).sum(axis=1)).min())


def lightness(colours: Sequence[str]) -> np.ndarray:
    """(N,) CIE L*, 0 black to 100 white: what is left of a colour in greyscale."""
    return np.asarray(lab(linear(colours))[:, 0])


def least_difference(colours: Sequence[str], deficiency: str | None = None) -> float:
    """The smallest CIE76 difference (Delta E*ab) of two of the colours; infinite for one."""
    rgb = linear(colours) if deficiency is None else simulated(colours, deficiency)
    return _least(lab(rgb))


def least_lightness(colours: Sequence[str]) -> float:
    """The smallest difference in L* of two of the colours; infinite for one."""
    return _least(lightness(colours)[:, None])


def _least(points: np.ndarray) -> float:
    if len(points) < 2:
        return float("inf")
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1))
    return float(apart[np.triu_indices(len(points), 1)].min())
