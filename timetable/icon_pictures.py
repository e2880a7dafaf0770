"""The icon as pictures of points, for devices that take no drawing: made from the drawing itself.

The drawing is the U of Understudy on a ground with or without round corners. Only what it is made of is
understood here: two uprights, joined by half a circle, drawn with a round pen on a square.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from pathlib import Path
from xml.etree import ElementTree

from django.contrib.staticfiles import finders
from django.urls import reverse

SVG = "{http://www.w3.org/2000/svg}"

PEN = re.compile(
    r"M(?P<left>[\d.]+) (?P<top>[\d.]+)v(?P<straight>[\d.]+)"
    r"a(?P<radius>[\d.]+) (?P=radius) 0 0 0 (?P<across>[\d.]+) 0(?:v-(?P=straight)|V(?P=top))"
)

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Picture:
    """One of the pictures there are: from which drawing, and how many points wide and high."""

    drawing: str
    size: int

    @property
    def purpose(self) -> str:
        return "maskable" if self.drawing.endswith("maskable.svg") else "any"


DRAWING, FULL = "understudy/icon.svg", "understudy/icon-maskable.svg"

PICTURES = {
    "icon-192": Picture(DRAWING, 192),
    "icon-512": Picture(DRAWING, 512),
    "icon-maskable-192": Picture(FULL, 192),
    "icon-maskable-512": Picture(FULL, 512),
    "apple-touch-icon": Picture(FULL, 180),
}
"""Apple's devices cut the corners themselves, and take what is clear for black."""


@dataclass(frozen=True)
class Drawing:
    """What the file says, in its own units."""

    side: float
    corner: float
    ground: Colour
    left: float
    top: float
    straight: float
    radius: float
    width: float
    ink: Colour

    @classmethod
    def read(cls, name: str) -> Drawing:
        """Raises ValueError where the file holds anything that is not understood here."""
        root = ElementTree.fromstring(_file(name).read_bytes())  # noqa: S314  (our own file)
        rect, path = root.find(f"{SVG}rect"), root.find(f"{SVG}path")
        if rect is None or path is None or len(root) != 2:
            raise ValueError(f"{name} is no letter on a ground")
        pen = PEN.fullmatch(path.get("d", ""))
        if pen is None or path.get("stroke-linecap") != "round":
            raise ValueError(f"{name} is not drawn with one round pen")
        side = float(rect.get("width", 0))
        left, radius = float(pen["left"]), float(pen["radius"])
        if root.get("viewBox") != f"0 0 {side:g} {side:g}" or left + radius != side / 2:
            raise ValueError(f"{name} is not the same on both sides")
        return cls(
            side=side,
            corner=float(rect.get("rx", 0)),
            ground=_colour(rect.get("fill", "")),
            left=left,
            top=float(pen["top"]),
            straight=float(pen["straight"]),
            radius=radius,
            width=float(path.get("stroke-width", 0)),
            ink=_colour(path.get("stroke", "")),
        )

    def beyond_ground(self, x: float, y: float) -> float:
        """How far outside the ground a point of the left half is; negative inside."""
        half = self.side / 2
        dx = abs(x - half) - (half - self.corner)
        dy = abs(y - half) - (half - self.corner)
        return hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - self.corner

    def beyond_ink(self, x: float, y: float) -> float:
        """How far outside the letter a point of the left half is; negative inside."""
        below = y - self.top - self.straight
        if below > 0:
            away = abs(hypot(x - self.side / 2, below) - self.radius)
        else:
            away = hypot(x - self.left, min(y - self.top, 0))
        return away - self.width / 2


def _file(name: str) -> Path:
    found = finders.find(name)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    return Path(found)


def _colour(said: str) -> Colour:
    digits = said.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


@lru_cache(maxsize=1)
def mark() -> str:
    """Changes with the drawings, and so with the pictures."""
    read = b"".join(_file(name).read_bytes() for name in (DRAWING, FULL))
    return hashlib.sha256(read).hexdigest()[:12]


def address(name: str) -> str:
    """Where the picture of this name is: somewhere else once it is another one."""
    return reverse("timetable:icon", args=[mark(), name])


@lru_cache(maxsize=len(PICTURES))
def png(name: str) -> bytes:
    """The picture of this name, as a PNG file. Takes a moment, once in each process."""
    picture = PICTURES[name]
    drawing = Drawing.read(picture.drawing)
    clear = drawing.corner > 0
    rows = (_row(drawing, picture.size, y, clear) for y in range(picture.size))
    data = b"".join(b"\0" + row for row in rows)
    colours = 6 if clear else 2
    head = struct.pack(">IIBBBBB", picture.size, picture.size, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(data, 9)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _row(drawing: Drawing, size: int, row: int, clear: bool) -> bytes:
    """One row of points, the left half and its mirror image. A point on an edge is partly covered."""
    scale = size / drawing.side
    y = (row + 0.5) / scale
    ground, pen = bytes(drawing.ground), bytes(drawing.ink)
    points = []
    for column in range(size // 2):
        x = (column + 0.5) / scale
        ink = _share(drawing.beyond_ink(x, y) * scale)
        point = (pen if ink else ground) if ink in (0, 1) else _between(ground, pen, ink)
        if clear:
            point += bytes([round(255 * _share(drawing.beyond_ground(x, y) * scale))])
        points.append(point)
    return b"".join(points + points[::-1])


def _between(ground: bytes, pen: bytes, share: float) -> bytes:
    return bytes(round(a + (b - a) * share) for a, b in zip(ground, pen, strict=True))


def _share(beyond: float) -> float:
    """How much of a point is covered whose middle lies so many points outside."""
    return min(max(0.5 - beyond, 0.0), 1.0)
