"""The report: one page that holds all it shows, whatever the study's words are."""

import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ablation.analyse.curves import CURVES, MOST_PANELS, curve_figures, panels
from ablation.analyse.drawing import NAMED, inline_svg, write_figures
from ablation.analyse.figures import differences_figure, study_figures
from ablation.analyse.gallery import SHEET, TABLE, Gallery, galleries
from ablation.analyse.judge import Judge
from ablation.analyse.palette import BEST, FLOOR, INK
from ablation.analyse.report import Material, report_page, shown_galleries
from ablation.analyse.study_record import cells_of
from ablation.commands import report
from ablation.commands.judging import Judged
from ablation.commands.notes import code_block
from ablation.console import Console
from ablation.errors import TrackingError
from tests.test_judge import NOISE, PRIMARY, Made

EVIL = "<script>alert('&')</script>"
ARMS = {"Basecase": {}, "norm": {"latent_norm": "layernorm"}, EVIL: {"fused_dim": 32}}
LOSSES = {
    "Basecase": (0.25 + NOISE[:5]).tolist(),
    "norm": (0.22 + NOISE[1:6]).tolist(),
    EVIL: [*(0.2501 + NOISE[2:6]), None],
}
VOID = {"meta", "br", "img", "link", "hr", "path", "use", "rect", "line", "polyline", "circle", "stop"}


class Page(HTMLParser):
    """What a browser would make of it: open and closed tags, what it would fetch, and the readable words."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.links = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.links += [v for k, v in attributes if k in ("src", "href", "xlink:href") and v]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.links += [v for k, v in attributes if k in ("src", "href", "xlink:href") and v]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def judged():
    made = Made(ARMS, LOSSES)
    runs = made.runs()
    for run in runs:
        run.name, run.ended, run.experiment_id = run.run_id, 60_000, "1"
        run.metrics |= {"floor/image_median": 0.3, "speed/stories_per_second": 40.0}
    record = made.record()
    cells = cells_of(record, runs)
    return record, cells, Judge(record, cells).results(PRIMARY)


def histories(rows, epochs=3):
    names = [f"{split}/{curve.name}" for split in ("train", "val") for curve in CURVES.values()]
    points = {epoch: 0.3 - epoch / 100 for epoch in range(1, epochs + 1)}
    return {(run.run_id, name): points for row in rows for run in row.runs for name in names}


def page_of_run(run):
    return f"#/runs/{run.run_id}?in=it"


def page_of(judged, figures=None, **others):
    record, cells, rows = judged
    if figures is None:
        figures = study_figures({PRIMARY: rows}) | curve_figures(rows, histories(rows))
    made = {"galleries": [], "compared": None, "causes": {}} | others
    return report_page(
        Material(
            record,
            cells,
            {PRIMARY: rows},
            f"An answer of {EVIL}.",
            figures,
            address="http://there",
            page_of=page_of_run,
            **made,
        )
    )


def test_the_page_needs_nothing_else(judged):
    text = page_of(judged)
    page = Page(text)
    assert page.open == []
    outward = [link for link in page.links if not link.startswith(("#", "data:image/png;base64,"))]
    assert outward and all(
        link.startswith("http://there/#/runs/id-") and link.endswith("?in=it") for link in outward
    )
    assert "@import" not in text and "url(http" not in text and not page.named("script")


def test_words_of_a_study_are_shown_not_obeyed(judged):
    text = page_of(judged)
    assert "<script" not in text
    assert EVIL in "".join(Page(text).words)


def test_it_holds_the_answer_the_verdicts_and_what_is_missing(judged):
    words = " ".join(" ".join(Page(page_of(judged)).words).split())
    record, cells, rows = judged
    assert record.question in words and record.command in words and record.code_hash in words
    assert all(row.verdict in words for row in rows)
    assert f"1 of {len(cells)} runs are missing" in words and f"run {EVIL}/4" in words


def test_what_each_change_is_worth_has_a_table_for_every_measure(judged):
    worth = {name: pd.DataFrame({"cure": ["norm"], "alone": [name[::-1]]}) for name in ("loss", "setting")}
    text = page_of(judged, {"causes": Figure()}, causes=worth)
    words = " ".join(Page(text).words)
    assert all(f"In figures: {name}" in words and name[::-1] in words for name in worth)
    assert "What each change is worth on setting, positive where it helps" in words


def test_a_screen_reader_finds_its_way(judged):
    page = Page(page_of(judged))
    assert page.named("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(ids)
    svgs = page.named("svg")
    assert len(svgs) == 5 and all(svg["role"] == "img" and svg["aria-label"] for svg in svgs)
    spoken = {svg["aria-label"].split(". ")[0]: svg["aria-label"] for svg in svgs}
    assert "norm: validation at the end 0.2700, floor 0.3000; " in spoken["Image loss by epoch, every seed"]
    assert "norm: validation at the end 0.2700; " in spoken["Total loss by epoch, every seed"]
    assert spoken["Every arm beside its floor"].endswith("The tables hold its numbers.")
    assert all("scope" in head for head in page.named("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1 and all(after - before <= 1 for before, after in pairwise(levels))


def test_figures_take_the_colours_of_the_page(judged):
    text = page_of(judged)
    assert not [colour for colour in NAMED if colour.lower() in text[text.index("<svg") :].lower()]
    assert "var(--floor)" in text and "currentColor" in text


def test_the_same_runs_give_the_same_page_and_files(judged, tmp_path):
    assert page_of(judged) == page_of(judged)
    for place in ("a", "b"):
        write_figures(study_figures({PRIMARY: judged[2]}), tmp_path / place)
    files = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert {"arms.png", "arms.svg", "arms.pdf"} <= files.keys()
    assert INK.encode() in files["arms.svg"]


def test_differences_stand_beside_what_is_negligible(judged):
    _, _, rows = judged
    (axes,) = differences_figure(rows).axes
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((-0.01, 0.02))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["norm", EVIL]
    assert [text.get_text() for text in axes.texts] == [row.verdict for row in rows[1:]]
    means = [
        line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o" and line.get_markersize() == 6
    ]
    assert means == pytest.approx([row.comparison.mean for row in rows[1:]])


def test_every_seed_has_its_curve_and_every_panel_its_floor(judged):
    _, _, rows = judged
    figures = curve_figures(rows, histories(rows))
    assert list(figures) == ["curves_image", "curves_text", "curves_total"]
    shown = [axes for axes in figures["curves_image"].axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(ARMS)
    curves = [sum(len(line.get_xdata()) == 3 for line in axes.lines) for axes in shown]
    assert curves == [10, 10, 8]  # training and validation of each seed
    floors = [line.get_ydata()[0] for axes in shown for line in axes.lines if line.get_color() == FLOOR]
    assert floors == pytest.approx([0.3] * 3)
    assert curve_figures(rows, {}) == {}


def test_the_best_possible_is_drawn_otherwise_than_the_floor_and_named(judged):
    _, _, rows = judged
    oracle = {"floor/image_oracle": 0.2}
    with_best = [
        replace(
            row,
            cells={
                s: replace(c, run=replace(c.run, metrics=c.run.metrics | oracle)) if c.run else c
                for s, c in row.cells.items()
            },
        )
        for row in rows
    ]
    figure = curve_figures(with_best, histories(rows))["curves_image"]
    styles = {line.get_color(): line.get_linestyle() for line in figure.axes[0].lines}
    assert (styles[FLOOR], styles[BEST]) == ("--", "-.")
    assert "norm: validation at the end 0.2700, floor 0.3000, best possible 0.2000; " in figure.get_label()
    words = " ".join(Page(page_of(judged, {"curves_image": figure})).words)
    assert (
        "Broken line: the floor of the validation stories; dash-dotted, where it is known: the best" in words
    )


def test_that_delta_was_declared_before_the_runs_is_said_of_those_that_carry_it(judged):
    record, cells, rows = judged
    assert "This was declared before the runs (declaration" in page_of(judged, {})
    edited = replace(record, delta_hash="another"), cells, rows
    text = page_of(edited, {})
    assert "declared before the runs" not in text
    assert (
        "14 of the 14 finished runs were not started under this declaration (declaration <code>another"
        in text
    )


def test_of_many_arms_the_baseline_and_the_best_have_curves():
    arms = {f"arm {n}": {} if n == 0 else {"fused_dim": 16 + n} for n in range(30)}
    made = Made(arms, {name: [0.25 - n / 1000] for n, name in enumerate(arms)})
    record = made.record()
    rows = Judge(record, cells_of(record, made.runs())).results(PRIMARY)
    figure = curve_figures(rows[:5], histories(rows))["curves_image"]
    assert len(figure.axes) == 8 and sum(axes.get_visible() for axes in figure.axes) == 5
    shown = [row.arm for row in panels(rows)]
    assert shown == ["arm 0", *(f"arm {n}" for n in range(30 - MOST_PANELS + 1, 30))]
    assert [arm for arm, _ in shown_galleries(rows)] == ["arm 0", "arm 29"]


@pytest.mark.parametrize(
    "losses, shown, told",
    [
        (
            [0.25, *[0.24] * 8, 0.23],
            ["arm 0", "arm 9"],
            "arm 0 (the baseline) and arm 9 (the best that learns)",
        ),
        ([0.30, *[0.31] * 9], ["arm 0"], "arm 0 (the baseline)"),
        ([0.20, *[0.24] * 9], ["arm 0"], "arm 0 (the baseline, the best that learns)"),
        ([None, *[0.24] * 8, 0.23], ["arm 9"], "arm 9 (the best that learns)"),
        ([0.25, 0.24, 0.23], ["arm 0", "arm 2", "arm 1"], "every arm"),
    ],
)
def test_pictures_are_of_the_arms_that_the_page_says(judged, losses, shown, told):
    made = Made(
        {f"arm {n}": {"fused_dim": 16 + n} for n in range(len(losses))},
        {f"arm {n}": [loss] for n, loss in enumerate(losses)},
    )
    record, runs = made.record(), made.runs()
    for run in runs:
        run.name, run.ended = run.run_id, 60_000
    cells = cells_of(record, runs)
    rows = Judge(record, cells).results(PRIMARY)
    chosen = shown_galleries(rows)
    assert [arm for arm, _ in chosen] == shown
    galleries = [Gallery(arm, run, []) for arm, run in chosen]
    assert f"(by image loss), of {told}." in page_of((record, cells, rows), {}, galleries=galleries)
    fewer = page_of((record, cells, rows), {}, galleries=galleries[:1])
    assert "every arm" not in fewer and f"of {shown[0]}" in fewer


@pytest.fixture
def pictures(tmp_path):
    """A sheet of 18 frames of one grey each, and its table."""
    levels = np.arange(18, dtype=np.uint8).reshape(3, 1, 6, 1, 1) * 10
    sheet = np.broadcast_to(levels, (3, 60, 6, 125, 3)).reshape(180, 750, 3)
    (tmp_path / "predictions").mkdir()
    Image.fromarray(sheet).save(tmp_path / SHEET)
    head = "rank,window,image_loss,text1,text2,text3,text4,text5,written\n"
    rows = "".join(
        f"{rank},test-1:{n},0.1,a,b,c,d,e,{EVIL}\n" for n, rank in enumerate(("best", "median", "worst"))
    )
    (tmp_path / TABLE).write_text(head + rows)
    return tmp_path


def test_a_gallery_is_read_frame_by_frame(judged, pictures):
    chosen = shown_galleries(judged[2])
    made = galleries(chosen, lambda run, place: pictures / place)
    assert [gallery.arm for gallery in made] == ["Basecase", "norm", EVIL]
    scenes = made[0].scenes
    assert [scene.rank for scene in scenes] == ["best", "median", "worst"]
    text = page_of(judged, galleries=made)
    page = Page(text)
    assert len(page.named("img")) == 3 * 3 * 6 and all(image["alt"] for image in page.named("img"))
    assert "<script" not in text and page.open == []
    (pictures / "frame.png").write_bytes(scenes[1].frames[5])
    frame = np.asarray(Image.open(pictures / "frame.png"))
    assert frame.shape == (60, 125, 3) and (frame == 110).all()


def test_runs_without_pictures_are_left_out_and_broken_ones_named(judged, pictures):
    chosen = shown_galleries(judged[2])
    assert galleries(chosen, lambda run, place: None) == []
    (pictures / SHEET).write_bytes(b"no picture")
    with pytest.raises(TrackingError, match="mlflow runs delete --run-id"):
        galleries(chosen, lambda run, place: pictures / place)


def cut_a_line(sheet, table):
    table.write_text(table.read_text().replace("0.1,a,b,c,d,e", "", 1).rstrip("\n"))


def break_a_chunk(sheet, table):
    sheet.write_bytes(sheet.read_bytes().replace(b"IDAT", b"ID\x00T", 1))


def make_smaller(sheet, table):
    Image.new("RGB", (10, 10)).save(sheet)


@pytest.mark.parametrize("spoil", [cut_a_line, break_a_chunk, make_smaller])
def test_a_report_comes_without_the_pictures_that_are_broken(judged, pictures, spoil, monkeypatch, capsys):
    record, cells, rows = judged
    spoil(pictures / SHEET, pictures / TABLE)
    monkeypatch.setattr(report, "local_artifact", lambda run, place, folder: pictures / place)
    text = report.report_of(Judged(record, cells, {PRIMARY: rows}), {}, Console())
    assert "What the models paint" not in text and Page(text).open == []
    assert (
        "without pictures of Basecase: run id-Basecase0: predictions/test-frames.png and"
        in capsys.readouterr().out
    )


@pytest.mark.filterwarnings("error")
def test_letters_that_the_font_lacks_are_told_of_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("ablation.analyse.drawing._told_of", set())
    figures = [Figure() for _ in range(2)]
    for figure in figures:
        figure.text(0.5, 0.5, "日本")
    write_figures({"one": figures[0], "two": figures[1]}, tmp_path)
    assert [record.message.split(":")[0] for record in caplog.records] == ["the figures' font lacks 日 本"]


def test_a_page_has_each_id_once(judged):
    figures = study_figures({PRIMARY: judged[2]})
    svgs = "".join(inline_svg(name, figure, name) for name, figure in figures.items())
    ids = re.findall(r' id="([^"]+)"', svgs)
    assert len(figures) > 1 and len(ids) == len(set(ids))


def test_a_command_that_is_wrapped_stays_the_same_command():
    folder = "/home/me/my studies/a folder with a long name"
    words = ["study", "--study", f"{folder}/norm of it.yaml", "--seeds", "5", "--dataset", f"{folder}/it's"]
    command = shlex.join(["python", "-m", "ablation", *words])
    block = code_block(command)
    assert block.count("\n") > 1 and shlex.split(block.replace("\\\n", " ")) == shlex.split(command)


def test_the_command_for_a_study_with_an_odd_name_can_be_copied(judged):
    record, *rest = judged
    page = Page(page_of((replace(record, name="mine two; & <b>"), *rest), {}))
    assert "python -m ablation report --study 'mine two; & <b>'" in "".join(page.words)


def test_a_study_without_a_finished_run_has_no_empty_table():
    made = Made(ARMS, {arm: [None] for arm in ARMS})
    record = made.record()
    cells = cells_of(record, made.runs())
    page = Page(page_of((record, cells, Judge(record, cells).results(PRIMARY)), {}))
    assert "Minutes by arm" not in page.words and "#speed" not in page.links


def test_a_report_on_no_study_says_so(command, store):
    code, _, err = command("report", "--study", "nothing")
    assert code == 1 and "holds no study nothing" in err
    assert "--study FILE, with the file that declares it" in err
