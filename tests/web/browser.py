"""Chromium, driven by its own protocol through a pipe: no package, no port."""

import base64
import contextlib
import functools
import http.server
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import threading
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120.0  # seconds; a page that takes longer is stuck
KEYS = {"Tab": 9, "Enter": 13, "ArrowRight": 39, " ": 32}


def find_chromium():
    """Path of Chromium, or `None`."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class _Files(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """Serves a folder on loopback; yields its address, which ends in a slash."""
    handler = functools.partial(_Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class Browser:
    """A headless Chromium with one page.

    Args:
        folder: Path of a folder for its profile.
        *flags: Strings. Further flags.

    Attributes:
        requests: List of the addresses that page and workers asked for.
        errors: List of texts of what went wrong in the page's script.
    """

    def __init__(self, folder, *flags):
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        command = [
            *(find_chromium(), "--headless=new", "--no-sandbox", "--no-first-run"),
            *("--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu"),
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",),
            *(f"--user-data-dir={folder}", "--remote-debugging-pipe", *flags),
        ]
        # The protocol is spoken on the descriptors 3 and 4.
        bridge = f'exec "$@" 3<&{commands} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", bridge, "bash", *command],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands)
        os.close(answers)
        self._buffer, self._id, self._session = b"", 0, None
        self.requests, self.errors = [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._watch(self._session)
        self.send("Page.enable")

    def _watch(self, session):
        """Asks for the requests and errors of the page or of a worker."""
        for method, values in (
            ("Runtime.enable", {}),
            ("Network.enable", {}),
            (
                "Target.setAutoAttach",
                {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True},
            ),
            ("Runtime.runIfWaitingForDebugger", {}),
        ):
            self._post(method, values, session)

    def _post(self, method, values, session):
        self._id += 1
        message = {"id": self._id, "method": method, "params": values}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._id

    def send(self, method, **values):
        """Calls a method of the protocol; returns its result."""
        number = self._post(method, values, self._session)
        while True:
            message = self._next(time.monotonic() + PATIENCE)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]

    def _next(self, deadline):
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], deadline - time.monotonic())[0]:
                raise TimeoutError("Chromium does not answer")
            received = os.read(self._read, 2**20)
            if not received:
                raise ConnectionError("Chromium has ended")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method"), message.get("params"))
        return message

    def _note(self, method, values):
        if method == "Target.attachedToTarget" and self._session:
            self._watch(values["sessionId"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(values["exceptionDetails"]["text"])

    def evaluate(self, expression):
        """The value of an expression in the page, a promise's once it is there."""
        result = self.send(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def open(self, address):
        """Goes to an address and forgets what was noted of the last one."""
        self.requests.clear()
        self.errors.clear()
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=address)
        self.wait(
            "location.href !== 'about:blank' && document.readyState !== 'loading'"
        )

    def wait(self, condition):
        """Waits until an expression is true."""
        try:
            self.wait_for(lambda: self.evaluate(f"Boolean({condition})"))
        except TimeoutError:
            text = self.evaluate("document.body.innerText")
            raise TimeoutError(f"{condition} stays false. The page: {text}") from None

    def wait_for(self, condition):
        """Waits until a callable without arguments returns a true value."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("It stays false")
            time.sleep(0.02)

    def _place(self, selector):
        return self.evaluate(
            f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}; }})()"""
        )

    def click(self, selector):
        """Clicks the middle of an element with the mouse."""
        place = self._place(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent",
                **{"type": kind, "button": "left", "clickCount": 1, **place},
            )

    def type(self, selector, text):
        """Replaces the text of a field by the keyboard."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        self.send("Input.insertText", text=str(text))

    def press(self, key):
        """Presses a key on what has the focus."""
        values = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        kind = "keyDown" if text else "rawKeyDown"
        self.send("Input.dispatchKeyEvent", type=kind, text=text, **values)
        self.send("Input.dispatchKeyEvent", type="keyUp", **values)

    def choose(self, selector, text):
        """Chooses an entry of a list by what it says."""
        self.evaluate(
            f"""(() => {{ const list = document.querySelector({json.dumps(selector)});
            const named = (option) => option.text === {json.dumps(text)};
            list.value = [...list.options].find(named).value;
            list.dispatchEvent(new Event("input", {{bubbles: true}}));
            list.dispatchEvent(new Event("change", {{bubbles: true}})); }})()"""
        )

    def slide(self, selector, value):
        """Moves a slider to a value."""
        self.evaluate(
            f"""(() => {{ const range = document.querySelector({json.dumps(selector)});
            range.value = {value};
            range.dispatchEvent(new Event("input", {{bubbles: true}})); }})()"""
        )

    def drop(self, selector, path):
        """Drops a file onto an element."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            place = self._place(selector)
            self.send("Input.dispatchDragEvent", type=kind, data=data, **place)

    def show(self, width, height, scheme="light"):
        """Sets the size of the window, and light or dark colors."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path):
        """Writes the whole page as a PNG file."""
        image = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(image["data"]))

    def close(self):
        """Ends Chromium and all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
