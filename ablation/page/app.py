"""The page and the two questions that it asks: for an example, and for what follows a story.

It loads nothing from elsewhere and answers under the names of this machine only, so that no page of another site can ask.
"""

import base64
import io
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ablation.errors import AblationError
from ablation.predict.predictor import Predictor
from ablation.predict.story import INPUTS, MOST_BYTES, InputError, Story, read_stories
from ablation.world.example import example_story

HERE = Path(__file__).parent
FILES = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
HOSTS = ["127.0.0.1", "localhost"]
POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
MOST_SENT = INPUTS * MOST_BYTES * 4 // 3 + 2**20
FIRST_EXAMPLE, EXAMPLES = 3, 1000
WHOSE = "the story"


def make_app(predictor: Predictor, told: str) -> FastAPI:
    """The page for one model; `told` says in words whose it is."""
    app = FastAPI(title="what comes next", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.middleware("http")(_guarded)
    for address, name in FILES.items():
        app.get(address)(_file(HERE / name))

    @app.get("/model")
    def model() -> dict[str, str]:
        return {"name": predictor.config.run_name, "told": told}

    @app.get("/examples/{number}")
    def example(number: int) -> dict[str, list[str]]:
        frames, texts = example_story(number=(FIRST_EXAMPLE + number) % EXAMPLES)
        return {"images": [as_address("image/jpeg", frame) for frame in frames], "texts": texts}

    @app.post("/ask")
    async def ask(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _refused(["send application/json"], 415)  # other kinds a page of another site may send
        try:
            asked = await request.json()
        except (ValueError, RecursionError):
            return _refused(["what was sent is not JSON"])
        try:
            return JSONResponse(await run_in_threadpool(lambda: _answer(predictor, _story(asked))))
        except InputError as error:
            return _refused([problem.removeprefix(f"{WHOSE}, ") for problem in error.problems])
        except AblationError as error:
            return _refused([str(error)], 500)

    return app


def _file(file: Path):
    async def send() -> FileResponse:
        return FileResponse(file)

    return send


async def _guarded(request: Request, go_on) -> Response:
    if int(request.headers.get("content-length") or 0) > MOST_SENT:
        return _refused([f"the pictures have more than {MOST_SENT:,} bytes together: make them smaller"], 413)
    response = await go_on(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _story(asked: Any) -> Story:
    asked = asked if isinstance(asked, dict) else {}
    (story,) = read_stories({WHOSE: (asked.get("images"), asked.get("texts"))})
    return story


def _answer(predictor: Predictor, story: Story) -> dict[str, str]:
    answer = predictor.answer(story)
    return {
        "image": as_address("image/png", _png(answer.frame)),
        "text": answer.description,
        "note": answer.note,
    }


def _refused(problems: list[str], status: int = 400) -> JSONResponse:
    return JSONResponse({"problems": problems}, status)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def as_address(kind: str, encoded: bytes) -> str:
    """A picture as a `data:` address."""
    return f"data:{kind};base64,{base64.b64encode(encoded).decode()}"
