"""An answer that says how the work goes, line by line, until it is done."""

import asyncio
import contextlib
import json

LAST = ("done", "failed")
PATIENCE = 120.0  # seconds for the other side to take a line


class Following:
    """The answer to a request whose work is lined up: a line of JSON per event.

    Where the other side hangs up, or takes nothing any more, the work is cancelled.

    Args:
        worker: `Worker`.
        order: `Order`.
        place: `Place`, which it holds until the answer has been taken.
    """

    def __init__(self, worker, order, place):
        self.worker = worker
        self.order = order
        self.place = place
        place.hold()

    async def __call__(self, scope, receive, send):
        gone = asyncio.ensure_future(_hung_up(receive))
        lines = asyncio.ensure_future(self._write(send))
        try:
            await asyncio.wait({gone, lines}, return_when=asyncio.FIRST_COMPLETED)
            if lines.done() and not isinstance(lines.exception(), TimeoutError):
                lines.result()
        finally:
            self.worker.cancel(self.order)
            self.place.leave()
            for task in (gone, lines):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                    await task

    async def _write(self, send):
        headers = [(b"content-type", b"application/x-ndjson")]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        order, event = self.order, {"state": None}
        while event["state"] not in LAST:
            await order.changed.wait()
            order.changed.clear()
            event = order.event
            await _send_part(send, json.dumps(event).encode() + b"\n", True)
        # The server waits with it until most of the last line has been taken.
        await _send_part(send, b"", False)


async def _send_part(send, body, more):
    async with asyncio.timeout(PATIENCE):
        message = {"type": "http.response.body", "body": body, "more_body": more}
        await send(message)


async def _hung_up(receive):
    while (await receive())["type"] != "http.disconnect":
        pass
