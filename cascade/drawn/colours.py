"""Colours, (blue, green, red) from 0 to 255, and what people have of them."""

Colour = tuple[float, float, float]


def _by_channel(*channels: tuple[float, ...]) -> tuple[Colour, ...]:
    return tuple((blue, green, red) for blue, green, red in zip(*channels, strict=True))


#: Of skin from the lightest to the darkest, of hair, and of irises; the first hairs and irises are dark.
SKINS = _by_channel(
    (202, 172, 140, 112, 88, 70, 58), (222, 200, 178, 152, 124, 98, 78), (248, 240, 226, 206, 180, 148, 118)
)
HAIRS = _by_channel(
    (24, 30, 38, 34, 84, 126, 150, 208), (22, 36, 54, 62, 140, 176, 148, 210), (26, 52, 86, 124, 196, 214, 146, 212)
)
IRISES: tuple[Colour, ...] = ((26, 42, 70), (34, 64, 104), (112, 96, 60), (134, 104, 70), (80, 108, 78))


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker (below 1) or lighter, kept within 0 to 255."""
    blue, green, red = colour
    return min(255.0, blue * factor), min(255.0, green * factor), min(255.0, red * factor)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two, `share` of the way from the first to the second."""
    blue, green, red = (start + share * (end - start) for start, end in zip(one, other, strict=True))
    return blue, green, red
