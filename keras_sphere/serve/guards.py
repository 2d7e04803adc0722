"""Which requests are refused unread: those that other sites make a browser send."""

import ipaddress
import json
import socket
import urllib.parse

NAMES_OF_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# No other site may show the page in a frame, read a file of it, or learn its address.
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def is_loopback(host):
    """Whether a host reaches this machine alone.

    Args:
        host: String, a name or an address.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(method, headers, host):
    """Why a request is not answered, as a sentence, or `None`.

    A name that anybody can register may be made to point here (DNS rebinding), so that
    only addresses and this machine's own names are answered, and of a server on
    loopback only those of loopback. Whatever changes or costs something comes from the
    page itself, or from a program that is no browser and says nothing of its origin.

    Args:
        method: String, such as `"POST"`.
        headers: Dict of lower-case name -> string.
        host: String. What the server listens on.
    """
    asked = headers.get("host", "")
    if not _is_own(_name(f"//{asked}"), host):
        return (
            "This server answers to its own address alone; open the one that it "
            f"printed. Received: Host {asked[:100]!r}"
        )
    if method in ("GET", "HEAD"):
        return None
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    foreign = origin is not None and urllib.parse.urlsplit(origin).netloc != asked
    if foreign or site not in (None, "same-origin"):
        return (
            "Another site may not use this server. "
            f"Received: Origin {(origin or 'unknown')[:100]!r}"
        )
    return None


def _name(address):
    try:
        return urllib.parse.urlsplit(address).hostname
    except ValueError:
        return None


def _is_own(name, host):
    if name is None:
        return False
    if is_loopback(host):
        return name in (*NAMES_OF_LOOPBACK, host)
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return name in ("localhost", host.lower(), socket.gethostname().lower())


class Guard:
    """An ASGI application around another one, which sees no request that is refused.

    Args:
        app: ASGI application.
        host: String. What the server listens on.
    """

    def __init__(self, app, host):
        self.app = app
        self.host = host

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {
            k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]
        }

        async def send_guarded(message):
            if message["type"] == "http.response.start":
                added = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        sentence = refusal(scope["method"], headers, self.host)
        if sentence is None:
            await self.app(scope, receive, send_guarded)
            return
        start = {"type": "http.response.start", "status": 403}
        content_type = [(b"content-type", b"application/json")]
        await send_guarded({**start, "headers": content_type})
        body = json.dumps({"error": sentence}).encode()
        await send_guarded({"type": "http.response.body", "body": body})
