"""The socket, and the server that listens on it."""

import contextlib
import errno
import os
import socket

from keras_sphere.serve.guards import is_loopback

BACKLOG = 256  # connections that are not looked at yet
SECONDS_TO_END = 1  # for answers that are under way


def listen(host, port):
    """A socket that listens, so that nobody else takes its place.

    Args:
        host: String, a name or an address of this machine.
        port: Integer; 0 for any that is free.

    Returns:
        `socket.socket`.

    Raises:
        OSError: If the port is taken, or the host is none of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (socket.gaierror, UnicodeError):
        raise OSError(f"There is no such host. Received: host={host}") from None
    with contextlib.ExitStack() as stack:
        stack.callback(listener.close)
        if os.name == "posix":  # elsewhere it takes the port away from another one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            raise OSError(_reason(error, host, port)) from None
        stack.pop_all()
    return listener


def _reason(error, host, port):
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use; --port=0 takes one that is free. "
            f"Received: port={port}"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no such address. Received: host={host}"
    return f"{error.strerror}. Received: host={host}, port={port}"


def address_of(listener, host):
    """The address that a browser opens.

    Args:
        listener: What `listen` returned.
        host: String. What it was given; all addresses of a machine are loopback, too.
    """
    port = listener.getsockname()[1]
    name = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"


def warning_of(host):
    """What the user of an open server should know, or `None`."""
    if is_loopback(host):
        return None
    return (
        "Every machine that reaches this one can use the model: there is no password, "
        "and nothing is encrypted."
    )


def run(app, listener):
    """Serves until the process is interrupted or ended.

    Args:
        app: ASGI application.
        listener: What `listen` returned.
    """
    new_server(app).run(sockets=[listener])


def new_server(app):
    """A `uvicorn.Server` of an ASGI application."""
    import uvicorn

    settings = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    return uvicorn.Server(settings)
