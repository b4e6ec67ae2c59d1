"""What a real camera does to a picture: `expose(rendered, settings)` in place of the clean development of `render`.

In the order of light: lens dirt and vignetting, glare, blur of focus and of motion, exposure and white balance, shot
and read noise, the tone curve, saturation, JPEG. Only the picture changes; labels stay exact. The rolling shutter
moves whole pixels in whole rows, so `roll` moves labels with them.

Convention
    Light is linear, 1 is white after exposure. Noise in units of white: variance = shot * value + read^2.
    Shifts in pixels of the image; motion is the full length of the streak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, DataError, FloatArray, Frame, Truth, UInt8Array
from vision_banana_ros.world.render import Rendered

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSettings:
    """The defaults are a perfect camera; `drawn` gives a random real one."""

    exposure_ev: float = 0.0  # stops over what the meter says; +2 burns out, -2 drowns
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0  # exponent around middle grey
    saturation: float = 1.0
    shoulder: float = 1.0  # 1: highlights roll off; 0: they clip
    vignetting: float = 0.0  # share of light lost in the corners
    dirt: float = 0.0  # share of light lost in the worst smudge
    glare: float = 0.0  # share of light that spreads over the picture
    blur_px: float = 0.0  # standard deviation of the focus
    motion_px: tuple[float, float] = (0.0, 0.0)
    shutter_px: float = 0.0  # how far the last row lags behind the first
    shot_noise: float = 0.0
    read_noise: float = 0.0
    jpeg_quality: int = 100  # 100: not compressed

    def __post_init__(self) -> None:
        if not 1 <= self.jpeg_quality <= 100:
            raise DataError(f"jpeg_quality must lie between 1 and 100, got {self.jpeg_quality}")
        for name in ("vignetting", "dirt", "glare"):
            if not 0 <= getattr(self, name) < 1:
                raise DataError(f"SensorSettings.{name} must lie in 0..1, got {getattr(self, name)}")
        for name in ("blur_px", "shot_noise", "read_noise", "contrast", "saturation"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"SensorSettings.{name} must be finite and >= 0, got {getattr(self, name)}")

    @classmethod
    def drawn(cls, seed: int, *, strength: float = 1.0) -> SensorSettings:
        """A random camera: most are decent, some are bad in one way; `strength` 0 gives the perfect one."""
        rng = np.random.default_rng(seed)

        def rarely(chance: float, low: float, high: float) -> float:
            value = float(rng.uniform(low, high))
            return strength * value if rng.uniform() < chance else 0.0

        warm, green = strength * rng.normal(0, 0.06), strength * rng.normal(0, 0.02)
        angle, streak = rng.uniform(0, math.tau), rarely(0.2, 1, 7)
        gain = math.exp(rng.uniform(math.log(0.1), math.log(4)))  # ISO: noise comes from darkness
        return cls(
            exposure_ev=strength * float(rng.normal(0.1, 0.45)) + rarely(0.08, 0.8, 2.0) - rarely(0.06, 0.8, 2.0),
            white_balance=(math.exp(warm), math.exp(green), math.exp(-warm)),
            contrast=1 + strength * float(rng.normal(0.05, 0.1)),
            saturation=max(0.0, 1 + strength * float(rng.normal(-0.05, 0.15)) - rarely(0.03, 0.8, 1.0)),
            shoulder=float(rng.uniform(1 - strength, 1)) if strength > 0 else 1.0,
            vignetting=min(0.7, strength * float(rng.uniform(0, 0.35))),
            dirt=min(0.6, rarely(0.1, 0.1, 0.5)),
            glare=min(0.5, rarely(0.25, 0.02, 0.15)),
            blur_px=rarely(0.6, 0.2, 0.8) + rarely(0.06, 0.5, 2.0),
            motion_px=(streak * math.cos(angle), streak * math.sin(angle) * 0.5),
            shutter_px=rarely(0.1, -3, 3),
            shot_noise=strength * gain * 6e-4,
            read_noise=strength * gain * 4e-3,
            jpeg_quality=100 if strength == 0 else int(rng.uniform(35, 96)) if rng.uniform() < 0.7 else 100,
        )


def photograph(rendered: Rendered, settings: SensorSettings, *, seed: int = 0) -> Rendered:
    """The rendered frame as this camera would have taken it, labels aligned with it."""
    rolled = roll(rendered, settings.shutter_px)
    return replace(rolled, frame=replace(rolled.frame, rgb=expose(rolled.linear, rolled.gain, settings, seed=seed)))


def expose(linear: FloatArray, gain: float, settings: SensorSettings, *, seed: int = 0) -> UInt8Array:
    """Linear light (H, W, 3) to sRGB bytes; `gain` is what the meter of `render` found."""
    s, rng = settings, np.random.default_rng(seed)
    light = _through_lens(linear, s, rng)
    balance = np.array(s.white_balance, np.float32) * np.float32(gain * 2**s.exposure_ev)
    light = np.minimum(light * balance, np.float32(16))
    if s.shot_noise > 0 or s.read_noise > 0:
        deviation = np.sqrt(np.float32(s.shot_noise) * np.minimum(light, 2) + np.float32(s.read_noise**2))
        light = light + deviation * rng.standard_normal(light.shape, np.float32)
    rgb = _developed(np.maximum(light, 0), s)
    if s.jpeg_quality < 100:
        _, packed = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, s.jpeg_quality])
        unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        rgb = np.ascontiguousarray(unpacked[..., ::-1])
    return rgb


def roll(rendered: Rendered, shutter_px: float) -> Rendered:
    """Rows shifted against each other by whole pixels, up to `shutter_px` from the first to the last, labels too."""
    height, width = rendered.frame.hw
    shift = np.rint(shutter_px * (np.arange(height) / max(1, height - 1) - 0.5)).astype(int)
    if not shift.any():
        return rendered
    columns = np.clip(np.arange(width) + shift[:, None], 0, width - 1)

    def moved(image: AnyArray) -> AnyArray:
        return np.ascontiguousarray(image[np.arange(height)[:, None], columns])

    t: Truth = rendered.truth
    truth = replace(
        t,
        depth_m=None if t.depth_m is None else moved(t.depth_m),
        normals=None if t.normals is None else moved(t.normals),
        mask=None if t.mask is None else moved(t.mask),
        instances=None if t.instances is None else moved(t.instances),
    )
    frame: Frame = replace(rendered.frame, rgb=moved(rendered.frame.rgb))
    return replace(rendered, frame=frame, truth=truth, linear=moved(rendered.linear))


def _through_lens(linear: FloatArray, s: SensorSettings, rng: np.random.Generator) -> AnyArray:
    height, width = linear.shape[:2]
    light: AnyArray = linear
    if s.vignetting > 0:
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        light = light * (1 - s.vignetting * ((x * x + y * y) / 2) ** 1.5).astype(np.float32)[..., None]
    if s.dirt > 0:
        spots = cv2.resize(rng.uniform(0, 1, (6, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        light = light * (1 - s.dirt * np.clip(spots * 2 - 1, 0, 1))[..., None]
    if s.glare > 0:
        spread = cv2.GaussianBlur(np.minimum(light, 20), (0, 0), width / 16)
        light = (1 - s.glare) * light + s.glare * spread
    if s.blur_px > 0.1:
        light = cv2.GaussianBlur(light, (0, 0), s.blur_px)
    if math.hypot(*s.motion_px) > 1:
        light = cv2.filter2D(light, -1, _streak(*s.motion_px))
    return light


def _streak(dx: float, dy: float) -> FloatArray:
    """The path of a point across the sensor while the shutter is open."""
    reach = math.ceil(max(abs(dx), abs(dy)) / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 4 * reach + 1):
        x, y = reach + dx * share, reach + dy * share
        column, row = int(x), int(y)
        for j, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
            kernel[row + j, column + i] += (1 - abs(x - column - i)) * (1 - abs(y - row - j))
    return kernel / kernel.sum()


def _developed(light: AnyArray, s: SensorSettings) -> UInt8Array:
    """Tone curve, sRGB, saturation, bytes."""
    rolled = np.where(light > 0.8, 0.8 + 0.2 * (1 - np.exp(-(light - 0.8) * 3)), light)
    light = s.shoulder * rolled + (1 - s.shoulder) * np.minimum(light, 1)
    if s.contrast != 1:
        light = 0.18 * (np.maximum(light, 1e-5) / 0.18) ** np.float32(s.contrast)
    light = np.clip(light, 0, 1)
    if s.saturation != 1:
        grey = (light @ LUMA)[..., None]
        light = np.clip(grey + s.saturation * (light - grey), 0, 1)
    return _SRGB[(light * 4095 + 0.5).astype(np.uint16)]


def _srgb_table() -> UInt8Array:
    x = np.arange(4096) / 4095
    curve = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return (255 * curve + 0.5).astype(np.uint8)


_SRGB = _srgb_table()
