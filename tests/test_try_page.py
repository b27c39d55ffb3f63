"""The page on which a model is asked: its answers, its guard, and the page itself in a browser."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ablation.commands.try_page import _listening
from ablation.errors import AblationError
from ablation.page.app import FILES, HERE, make_app
from ablation.predict.packing import unpack
from ablation.predict.story import read_stories
from tests.browser import chromium
from tests.servers import answers, free_port, wait_until

ROOT = Path(__file__).parents[1]
SHOWN = "told => [...document.querySelectorAll('label.drop img')].map(i => i.src.split(',')[1]).join() === told.join()"
"""Whether the four places show these pictures, in base64."""


@pytest.fixture
def predictor(trained):
    return unpack(trained.folder / "data" / "model")


@pytest.fixture
def client(predictor):
    return TestClient(make_app(predictor, "the model of a test"), base_url="http://127.0.0.1")


def test_the_example_is_answered_as_the_model_answers_it(client, predictor):
    example = client.get("/examples/0").json()
    told = client.post("/ask", json=example).json()
    (story,) = read_stories({"row 1": (example["images"], example["texts"])})
    answer = predictor.answer(story)
    assert told["text"] == answer.description and told["note"] == answer.note
    assert told["image"].startswith("data:image/png;base64,")
    (shown,) = read_stories({"row 1": ([told["image"]] * 4, ["a"] * 4)})
    assert shown.images[0].tobytes() == answer.frame.tobytes()
    assert client.get("/examples/1").json() != example
    assert client.get("/model").json() == {"name": predictor.config.run_name, "told": "the model of a test"}


def test_what_is_wrong_is_told_by_field(client):
    example = client.get("/examples/0").json()
    sent = {"images": [*example["images"][:3], "data:image/png;base64,AAAA"], "texts": ["a", "", "c", 4]}
    answer = client.post("/ask", json=sent)
    assert answer.status_code == 400
    assert [problem.split(":")[0] for problem in answer.json()["problems"]] == ["image 4", "text 2", "text 4"]


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b"3", b'{"images": 3}', b'"\xff"', b"[" * 100_000])
def test_nonsense_is_refused(client, sent):
    answer = client.post("/ask", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["problems"]


def test_what_the_model_cannot_do_is_told(client, predictor, monkeypatch):
    def fail(story):
        raise AblationError("its encoder is gone")

    monkeypatch.setattr(predictor, "answer", fail)
    answer = client.post("/ask", json=client.get("/examples/0").json())
    assert (answer.status_code, answer.json()) == (500, {"problems": ["its encoder is gone"]})


def test_no_file_of_this_machine_is_read(client, tmp_path):
    answer = client.post("/ask", json={"images": ["/etc/hostname"] * 4, "texts": ["a"] * 4})
    assert answer.status_code == 400 and "is no base64" in answer.text
    for address in ("/app.py", "/../app.py", "/%2e%2e/app.py", "/page.css/../app.py"):
        assert client.get(address).status_code == 404


def test_another_site_cannot_ask(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    simple = client.post("/ask", content="{}", headers={"content-type": "text/plain"})
    assert simple.status_code == 415
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    huge = client.post(
        "/ask", content=b"x", headers={"content-length": "1000000000", "content-type": "application/json"}
    )
    assert huge.status_code == 413


def test_the_page_names_nothing_of_another_machine():
    for name in FILES.values():
        assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", (HERE / name).read_text())


def test_a_port_that_is_taken_is_named(command, trained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = command("try", "--port", taken.getsockname()[1])
    assert code == 1 and "Address already in use; give another, or 0 for any that is free" in err


def test_the_port_is_taken_before_the_model_is_there():
    """Two that are started at once would both say that they answer."""
    with _listening(0) as first, pytest.raises(AblationError, match="Address already in use"):
        _listening(first.getsockname()[1])


class Page:
    """The command in a process of its own."""

    def __init__(self, folder, uri):
        self.address = f"http://127.0.0.1:{free_port()}"
        environment = os.environ | {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "ablation", "try", "--port", self.address.rsplit(":")[-1]]
        self.log = folder / "told.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        wait_until(lambda: answers(self.address) or self.process.poll() is not None)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@pytest.fixture
def page(trained, tmp_path):
    opened = Page(tmp_path, trained.uri)
    yield opened
    opened.process.kill()
    opened.process.wait()


def pictures_of(page, number):
    answer = json.load(urllib.request.urlopen(f"{page.address}/examples/{number}"))
    return [base64.b64decode(image.partition(",")[2]) for image in answer["images"]]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 800, 390])
def test_a_visitor_sees_an_answer_changes_the_story_and_sees_another(page, tmp_path, width):
    asked = []
    with chromium(width, 844) as tab:
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.address)
        tab.wait_for_selector("#save:not([hidden])")
        first = tab.get_attribute("#predicted", "src"), tab.inner_text("#told")
        assert all(tab.locator("section.frame img").evaluate_all("all => all.map(i => i.naturalWidth > 0)"))
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert tab.evaluate(
            "document.getElementById('ask').scrollWidth <= document.getElementById('ask').clientWidth"
        )
        tab.click("#example")
        tab.wait_for_function(
            "src => predicted.src !== src && !document.body.classList.contains('busy')", arg=first[0]
        )
        tab.fill("textarea >> nth=2", "")
        assert tab.locator("#answer.stale").count() == 1
        tab.keyboard.press("Control+Enter")
        assert (
            tab.inner_text("section.frame:nth-of-type(3) .problem:not([hidden])")
            == "say in words what the frame shows"
        )
        broken = tmp_path / "2.png"
        broken.write_bytes(b"nothing")
        tab.set_input_files("input >> nth=1", broken)
        tab.fill("textarea >> nth=2", "a man waits")
        tab.click("#ask")
        tab.wait_for_selector("section.frame:nth-of-type(2) .problem:not([hidden])")
        assert "it is no picture that can be read" in tab.inner_text("section.frame:nth-of-type(2)")
        pictures = [tmp_path / f"{n}.jpg" for n in (3, 1, 4, 2)]
        example = pictures_of(page, 5)
        for file, picture in zip(sorted(pictures), example, strict=True):
            file.write_bytes(picture)
        tab.set_input_files(
            "input >> nth=2", pictures
        )  # four at once fill all places, in the order of their names
        tab.wait_for_function(SHOWN, arg=[base64.b64encode(picture).decode() for picture in example])
        tab.click("#ask")
        tab.wait_for_selector("#save:not([hidden])")
        tab.click("#clear")
        assert tab.locator("#predicted:visible").count() == 0
        assert {url.split("/")[2] for url in asked if url.startswith("http")} == {page.address.split("/")[2]}


@pytest.fixture
def tab(page):
    """The page with its first answer."""
    with chromium(1400) as opened:
        opened.goto(page.address)
        opened.wait_for_selector("#save:not([hidden])")
        yield opened


@contextmanager
def asked_and_held(tab):
    """Asks, and answers at the end of the block."""
    held = []
    tab.route("**/ask", lambda route: held.append(route))
    with tab.expect_request("**/ask"):
        tab.click("#ask")
    yield
    with tab.expect_response("**/ask"):
        held[0].continue_()
    tab.wait_for_selector("#ask:not([disabled])")


def is_stale(tab):
    return tab.get_by_text("before your change").is_visible()


@pytest.mark.browser
def test_a_text_emptied_while_the_answer_is_awaited_leaves_the_page_at_work(tab):
    with asked_and_held(tab):
        tab.fill("textarea >> nth=2", "")
        tab.keyboard.press("Control+Enter")
        assert tab.get_by_text("say in words what the frame shows").is_visible()
    assert tab.inner_text("#ask") == "Predict frame 5" and is_stale(tab)


@pytest.mark.browser
def test_an_answer_to_what_was_asked_before_a_change_says_so(tab):
    with asked_and_held(tab):
        tab.fill("textarea >> nth=1", "a man waits")
    assert is_stale(tab)
    with asked_and_held(tab):
        assert is_stale(tab)
    assert not is_stale(tab)


@pytest.mark.browser
def test_a_refusal_of_what_was_asked_before_a_change_stands_under_no_field(tab, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    tab.set_input_files("input >> nth=1", tmp_path / "broken.png")
    tab.get_by_text("This browser cannot show it").wait_for()
    with asked_and_held(tab):
        tab.fill("textarea >> nth=1", "a man waits")
    assert tab.locator(".problem:visible").all_inner_texts() == [
        "what was asked before your change was refused: ask again"
    ]


@pytest.mark.browser
def test_the_keyboard_reaches_every_field_once_and_chooses_a_picture(tab):
    reached = []
    tab.focus("body")
    for _ in range(8):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.ariaLabel"))
    kinds = {"Picture": ", chosen", "Description": ""}
    assert reached == [
        f"{kind} of frame {number}{told}" for number in range(1, 5) for kind, told in kinds.items()
    ]
    tab.focus("input >> nth=2")
    assert (
        tab.evaluate("getComputedStyle(document.querySelectorAll('label.drop')[2]).outlineStyle") == "solid"
    )
    tab.on("filechooser", lambda chooser: None)  # else the browser's own would open between the two
    for key in ("Enter", " "):
        with tab.expect_file_chooser():
            tab.keyboard.press(key)
    with tab.expect_request("**/ask"):
        tab.keyboard.press("Control+Enter")


@pytest.mark.browser
def test_a_screen_reader_hears_whether_a_picture_is_there_and_what_is_wrong_with_a_field(tab):
    picture, text = tab.locator("input >> nth=2"), tab.locator("textarea >> nth=2")
    text.fill("")
    tab.keyboard.press("Control+Enter")
    assert text.get_attribute("aria-invalid") == "true"
    assert "say in words" in tab.inner_text(f"#{text.get_attribute('aria-describedby')}")
    text.fill("a man waits")
    assert text.get_attribute("aria-invalid") == "false"
    assert picture.get_attribute("aria-label") == "Picture of frame 3, chosen"
    tab.click("#clear")
    assert picture.get_attribute("aria-label") == "Picture of frame 3, none yet"


@pytest.mark.browser
def test_ctrl_c_closes_the_page(page):
    assert page.stop() == 0
    told = page.log.read_text()
    assert (
        f"ask it at  {page.address}" in told
        and told.endswith("the page is closed\n")
        and "Traceback" not in told
    )
