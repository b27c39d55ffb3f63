"""Figures as files for papers, and as SVG within a page."""

import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ablation.analyse import palette

FORMATS, DOTS_PER_INCH = ("png", "svg", "pdf"), 150
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""So that the same runs give the same files."""
NAMED = {
    palette.INK: "currentColor",
    palette.PAPER: "var(--paper)",
    palette.ARM: "var(--arm)",
    palette.FLOOR: "var(--floor)",
    palette.BEST: "var(--best)",
    palette.BASELINE: "var(--quiet)",
}
"""Colours of an SVG that a page sets by itself, light or dark."""


NO_GLYPH = r"Glyph (\d+) .* missing from font"
_told_of: set[str] = set()
logger = logging.getLogger("ablation")


def write_figures(figures: Mapping[str, Figure], folder: Path) -> list[str]:
    """Each as PNG, SVG and PDF; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        for form in FORMATS:
            with _style(name):
                figure.savefig(folder / f"{name}.{form}", dpi=DOTS_PER_INCH, metadata=UNDATED.get(form))
    return list(figures)


def inline_svg(name: str, figure: Figure, label: str) -> str:
    """For a page: scales with it, takes its colours; a screen reader says `label` instead of it."""
    buffer = io.StringIO()
    with _style(name):
        figure.savefig(buffer, format="svg", metadata=UNDATED["svg"], transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z.\d]+_\d+"', "", svg)  # "axes_1" of every figure; nothing refers to it
    for colour, named in NAMED.items():
        svg = svg.replace(colour.lower(), named)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{escape(label, quote=True)}">{rest}'


@contextmanager
def _style(name: str) -> Iterator[None]:
    """That of all figures, in the block. Letters that the font lacks are told of once, not at every figure."""
    with (
        matplotlib.rc_context(palette.STYLE | {"svg.hashsalt": name}),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.filterwarnings("always", NO_GLYPH)
        yield
    glyphs = [re.match(NO_GLYPH, str(warning.message)) for warning in told]
    for warning, glyph in zip(told, glyphs, strict=True):
        if not glyph:
            warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    lacking = {chr(int(glyph[1])) for glyph in glyphs if glyph} - _told_of
    if lacking:
        _told_of.update(lacking)
        letters = " ".join(sorted(lacking))
        logger.warning("the figures' font lacks %s: PNG and PDF show boxes there, SVG the letters", letters)
