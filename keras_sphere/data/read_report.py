"""Counts of what was read, converted and skipped."""

import logging
import threading

from keras_sphere.data.image_decoding import UnreadableImageError

logger = logging.getLogger("keras_sphere")

MAX_LISTED = 100
MAX_WARNINGS = 10


class ReadReport:
    """What became of the images of a dataset; safe to use from several threads.

    Args:
        strict: Boolean. Whether an image that cannot be read raises an
            `UnreadableImageError` instead of being noted.
        is_quiet: Boolean. Whether nothing goes to the log.

    Attributes:
        skipped: Dict of path -> reason, of images left out when they were listed.
        num_skipped: Integer. How many these are.
        replaced: Dict of path -> reason, of images found unreadable in use.
        other_files: List of paths that are no images by their names.
        partial_classes: Dict of class -> text that says which splits have it, of the
            classes that some splits lack.
    """

    def __init__(self, strict=False, is_quiet=False):
        self.strict = strict
        self.is_quiet = is_quiet
        self.skipped = {}
        self.num_skipped = 0
        self.replaced = {}
        self.other_files = []
        self.partial_classes = {}
        self._converted = {}
        self._lock = threading.Lock()

    def skip(self, path, reason):
        """Notes an image that is left out; one that is listed twice counts twice."""
        self.num_skipped += 1
        self._note(self.skipped, path, reason, "skipped")

    def replace(self, path, reason):
        """Notes an image in whose place another one is used."""
        self._note(self.replaced, path, reason, "replaced by another one")

    def convert(self, index, conversions):
        """Notes how an image was converted; reading it again counts once."""
        with self._lock:
            for conversion in conversions:
                self._converted.setdefault(conversion, set()).add(index)

    def text(self, heading):
        """All counts, and the paths of the first hundred images of each kind."""
        with self._lock:
            converted = {kind: len(found) for kind, found in self._converted.items()}
            skipped, replaced = dict(self.skipped), dict(self.replaced)
        lines = [heading]
        if self.partial_classes:
            lines.append(f"classes that some splits lack: {len(self.partial_classes)}")
            lines += _paths(self.partial_classes)
        if converted:
            counts = [f"{count} {kind}" for kind, count in sorted(converted.items())]
            lines.append(f"converted so far: {', '.join(counts)}")
        lines.append(f"skipped: {self.num_skipped}")
        lines += _paths(skipped)
        if replaced:
            lines.append(f"unreadable in use, another in its place: {len(replaced)}")
            lines += _paths(replaced)
        if self.other_files:
            lines.append(f"other files: {len(self.other_files)}")
            lines += _paths(dict.fromkeys(self.other_files))
        return "\n".join(lines)

    def _note(self, notes, path, reason, what):
        if self.strict:
            raise UnreadableImageError(path, reason)
        with self._lock:
            if path in notes:
                return
            notes[path] = reason
            count = len(notes)
        if self.is_quiet:
            return
        if count <= MAX_WARNINGS:
            logger.warning("An image is %s: %s: %s", what, path, reason)
        elif str(count).strip("0") == "1":
            logger.warning("%d images are %s by now.", count, what)


def _paths(notes):
    """The first paths of a dict of path -> reason or `None`, one a line."""
    lines = [
        f"  {path}: {reason}" if reason else f"  {path}"
        for path, reason in list(notes.items())[:MAX_LISTED]
    ]
    more = len(notes) - len(lines)
    return [*lines, f"  and {more} more"] if more else lines
