"""Posters drawn here as SVG: the same film gives the same picture, with no file and no picture of anybody else's."""

from __future__ import annotations

import colorsys
import hashlib
import textwrap
from html import escape
from typing import Final
from urllib.parse import quote

from cinematch.domain.watchlist import Film

WIDTH, HEIGHT = 300, 450
LINE_CHARACTERS, LINES_MAX = 16, 5
TITLE_Y, LINE_HEIGHT = 300, 32
_NOT_IN_XML: Final = dict.fromkeys((*range(32), 127, 65534, 65535, *range(55296, 57344)), " ")


def poster_path(movie_id: str) -> str:
    """Give the API's path of a film's drawn poster."""
    return f"/posters/{quote(movie_id, safe='')}.svg"


def poster_svg(film: Film) -> str:
    """Draw a film's poster: an SVG document of 300 x 450 units; texts are escaped, nothing outside is referred to."""
    digest = hashlib.sha256(film.movie_id.encode(errors="replace")).digest()
    hue = digest[0] / 256
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{_text("Poster of " + film.title)}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{_colour(hue, 0.22)}"/>',
            *_shapes(digest, hue),
            *_title(film.title),
            _line(HEIGHT - 24, 14, " · ".join(_facts(film))),
            "</svg>",
        )
    )


def _shapes(digest: bytes, hue: float) -> list[str]:
    return [
        f'<circle cx="{digest[n] * WIDTH // 255}" cy="{digest[n + 1]}" r="{20 + digest[n + 2] // 3}" '
        f'fill="{_colour(hue + digest[n] / 1024, 0.35 + digest[n + 2] / 640)}" fill-opacity="0.7"/>'
        for n in range(1, 16, 3)
    ]


def _title(title: str) -> list[str]:
    lines = textwrap.wrap(title, LINE_CHARACTERS, max_lines=LINES_MAX, placeholder=" …") or [""]
    return [_line(TITLE_Y + place * LINE_HEIGHT, 26, text) for place, text in enumerate(lines)]


def _facts(film: Film) -> list[str]:
    return [*([str(film.year)] if film.year else []), *film.genres[:1]]


def _line(y: int, size: int, text: str) -> str:
    return f'<text x="20" y="{y}" font-family="Georgia, serif" font-size="{size}" fill="#fff">{_text(text)}</text>'


def _text(text: str) -> str:
    return escape(text.translate(_NOT_IN_XML))


def _colour(hue: float, lightness: float) -> str:
    channels = colorsys.hls_to_rgb(hue % 1, lightness, 0.45)
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
