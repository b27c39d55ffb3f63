"""The colours of all figures: Okabe and Ito's, which colour-blind readers tell apart, and two that a page may turn
round in the dark.
"""

ARM, FLOOR, BEST = "#0072B2", "#D55E00", "#009E73"
BASELINE, INK, PAPER = "#555555", "#1b1b1a", "#fefefd"

STYLE = {
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.framealpha": 0,
    "svg.fonttype": "none",
    "font.family": "sans-serif",
}
"""For matplotlib; the letters of an SVG stay letters, which can be searched, copied and read aloud."""
