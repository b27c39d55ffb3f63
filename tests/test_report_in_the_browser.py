"""The report in a real browser: wide and narrow, light and dark, by keyboard, on paper, and without any network."""

import pytest

from ablation.analyse.gallery import galleries
from ablation.analyse.report import shown_galleries
from tests.browser import chromium
from tests.test_report import judged, page_of, pictures  # noqa: F401

pytestmark = pytest.mark.browser
PHONE, DESK = 390, 1300
CONTRAST = """
() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('p, th, td, a, summary, h1, h2, h3, figcaption, caption, svg text')].map(element => {
    const style = getComputedStyle(element);
    const ink = light(element.closest('svg') ? (style.fill === 'none' ? style.color : style.fill) : style.color);
    return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
  });
}
"""
FOLDED = "[...document.querySelectorAll('details:not([open]) > :not(summary)')].map(e => e.checkVisibility() && e.offsetHeight > 0)"


@pytest.fixture
def address(judged, pictures, tmp_path):  # noqa: F811
    """A report with pictures, as a file."""
    made = galleries(shown_galleries(judged[2]), lambda run, place: pictures / place)
    (tmp_path / "report.html").write_text(page_of(judged, galleries=made), encoding="utf-8")
    return (tmp_path / "report.html").as_uri()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_is_fetched_and_nothing_sticks_out(address, width):
    with chromium(width) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shapes = page.evaluate("[...document.images].map(i => i.clientWidth / i.clientHeight)")
        assert shapes and all(shape == pytest.approx(125 / 60, rel=0.05) for shape in shapes)


def test_on_a_phone_an_arm_stands_beside_its_verdict_and_its_named_numbers(address):
    with chromium(PHONE) as page:
        page.goto(address)
        row = page.get_by_role("row").filter(has=page.locator("td.verdict")).nth(1)
        row.scroll_into_view_if_needed()
        assert page.evaluate("e => e.scrollWidth <= e.clientWidth", row.element_handle())
        name, verdict = row.get_by_role("rowheader").bounding_box(), row.locator("td.verdict").bounding_box()
        assert 0 < verdict["y"] - name["y"] < 40 and verdict["x"] + verdict["width"] <= PHONE
        told = row.locator("td").evaluate_all("all => all.map(e => getComputedStyle(e, '::before').content)")
        assert any("difference" in label for label in told)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_stand_out_from_the_ground(address, scheme):
    with chromium(DESK) as page:
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        assert (int(red) < 60) == (scheme == "dark")
        contrasts = page.evaluate(CONTRAST)
        assert len(contrasts) > 100 and min(contrasts) >= 4.5  # WCAG 2.2, 1.4.3


def test_the_keyboard_reaches_the_answer_and_opens_what_is_folded(address):
    with chromium(DESK) as page:
        page.goto(address)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the answer"
        folded = page.locator("summary", has_text="How to read a verdict")
        folded.focus()
        page.keyboard.press("Enter")
        assert page.get_by_text(
            "at least half of the runs predict one constant image", exact=False
        ).is_visible()


def test_it_prints_in_black_on_white_without_what_only_a_screen_needs(address):
    with chromium(DESK) as page:
        page.emulate_media(media="print", color_scheme="dark")
        page.goto(address)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.get_by_role("navigation").is_visible()
        folded = page.evaluate(FOLDED)
        assert folded and all(folded)
        assert page.pdf().startswith(b"%PDF")
