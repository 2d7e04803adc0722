"""The bodies of requests, of which no more is read than may be."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

PATIENCE = 60.0  # seconds for a whole body


async def read_body(request, most_bytes):
    """The bytes of a request's body.

    Args:
        request: `starlette.requests.Request`.
        most_bytes: Integer.

    Raises:
        HTTPException: 413 if there are more, 408 if they do not come in time, 400 if
            the connection ends before.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > most_bytes:
        raise _too_large(most_bytes)
    content = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                content += chunk
                if len(content) > most_bytes:
                    raise _too_large(most_bytes)
    except TimeoutError:
        raise HTTPException(
            408, f"The request did not arrive within {PATIENCE:.0f} seconds."
        ) from None
    except ClientDisconnect:
        raise HTTPException(400, "The request ended before its end.") from None
    return bytes(content)


def _too_large(most_bytes):
    return HTTPException(
        413, f"A request of this kind may have {most_bytes:,} bytes at most."
    )
