"""A line that says how far a run is."""

import sys
import time

WIDTH = 30


class ProgressBar:
    """Writes a bar to the terminal, or a line every ten seconds to a file.

    Args:
        total: Integer. Images to make.
        stream: File to write to; standard error by default.
    """

    SECONDS_BETWEEN_LINES = 10.0

    def __init__(self, total, stream=None):
        self.total, self.done = total, 0
        self.stream = sys.stderr if stream is None else stream
        self.start = self.written = time.monotonic()

    def add(self, count):
        """Counts images as made."""
        self.done += count
        now = time.monotonic()
        if self.stream.isatty():
            self._write(f"\r{self._line(now)}")
        elif now - self.written >= self.SECONDS_BETWEEN_LINES:
            self.written = now
            self._write(f"{self._line(now)}\n")

    def close(self):
        """Ends the line."""
        now = time.monotonic()
        start = "\r" if self.stream.isatty() else ""
        self._write(f"{start}{self._line(now)}\n")

    def _line(self, now):
        rate = self.done / max(now - self.start, 1e-9)
        left = (self.total - self.done) / rate
        filled = WIDTH * self.done // self.total
        bar = "#" * filled + "." * (WIDTH - filled)
        return (
            f"[{bar}] {self.done}/{self.total} images, {rate:.1f}/s, {left:.0f} s left "
        )

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()
