"""The page on which a model is asked: its answers, its guard, and the page itself in a browser."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ablation.page.app import FILES, HERE, make_app
from ablation.predict.packing import unpack
from ablation.predict.story import read_stories
from tests.servers import answers, free_port, wait_until

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b"3", b'{"images": 3}', b'"\xff"'])
def test_nonsense_is_refused(client, sent):
    answer = client.post("/ask", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["problems"]


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


@pytest.fixture
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs `pip install playwright`")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def pictures_of(page, number):
    answer = json.load(urllib.request.urlopen(f"{page.address}/examples/{number}"))
    return [base64.b64decode(image.partition(",")[2]) for image in answer["images"]]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 800, 390])
def test_a_visitor_sees_an_answer_changes_the_story_and_sees_another(page, browser, tmp_path, width):
    tab, asked, wrong = browser.new_page(viewport={"width": width, "height": 844}), [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
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
    tab.wait_for_function("[...document.querySelectorAll('.frame .drop:not(.full)')].length === 1")
    shown = tab.locator("label.drop img").evaluate_all("all => all.map(i => i.src)")
    assert [base64.b64decode(src.partition(",")[2]) for src in shown] == example
    tab.click("#ask")
    tab.wait_for_selector("#save:not([hidden])")
    tab.click("#clear")
    assert tab.locator("#predicted:visible").count() == 0 and not wrong
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {page.address.split("/")[2]}


@pytest.mark.browser
def test_ctrl_c_closes_the_page(page):
    assert page.stop() == 0
    told = page.log.read_text()
    assert (
        f"ask it at  {page.address}" in told
        and told.endswith("the page is closed\n")
        and "Traceback" not in told
    )
