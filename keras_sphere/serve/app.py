"""The application: files of a page, and actions that take their turns at the model."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keras_sphere.serve.bodies import read_body
from keras_sphere.serve.following import Following
from keras_sphere.serve.guards import Guard
from keras_sphere.serve.worker import Busy, Worker

SECONDS_TO_WAIT = "2"  # what a client that is turned away is told


@dataclasses.dataclass(frozen=True)
class Action:
    """What is done with the body of a request.

    Args:
        read: Callable of bytes that checks them and returns the answer, a dict, or the
            work that makes it: see `Order`. A `ValueError` says what is wrong.
        media_type: String. What the body must be; a type that no form of another site
            can send.
        most_bytes: Integer. Of the body.
    """

    read: Callable[[bytes], Any]
    media_type: str
    most_bytes: int


def build_app(files, actions, host, most_waiting):
    """An ASGI application.

    Args:
        files: Dict of path -> pair of bytes and media type.
        actions: Dict of path -> `Action`.
        host: String. What the server listens on; see `guards`.
        most_waiting: Integer. Requests that may wait while the model works for one;
            those beyond get the status 503 and a sentence.

    Returns:
        ASGI application. Errors are JSON, `{"error": sentence}`.
    """
    worker, reading = Worker(most_waiting), anyio.CapacityLimiter(1)

    @contextlib.asynccontextmanager
    async def lifespan(_):
        yield
        worker.close()

    routes = [Route(path, _serving(*file)) for path, file in files.items()]
    routes += [
        Route(path, _acting(action, worker, reading), methods=["POST"])
        for path, action in actions.items()
    ]
    handlers = {HTTPException: _say, Busy: _turn_away}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    return Guard(app, host)


def _serving(content, media_type):
    async def serve(request):
        return Response(content, media_type=media_type)

    return serve


def _acting(action, worker, reading):
    async def act(request):
        received = request.headers.get("content-type", "nothing")
        if received.partition(";")[0] != action.media_type:
            raise HTTPException(
                415, f"The type must be {action.media_type}. Received: {received}"
            )
        place = worker.take()
        try:
            content = await read_body(request, action.most_bytes)
            answer = await anyio.to_thread.run_sync(
                action.read, content, limiter=reading
            )
            if not callable(answer):
                return JSONResponse(answer)
            return Following(worker, worker.put(answer, place), place)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        finally:
            place.leave()

    return act


async def _say(request, error):
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _turn_away(request, error):
    headers = {"retry-after": SECONDS_TO_WAIT}
    return JSONResponse({"error": str(error)}, 503, headers)
