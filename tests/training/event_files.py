"""Reads TensorBoard's event files, as TensorBoard would show them."""

import struct

from tensorboardX.proto import event_pb2
from tensorboardX.record_writer import masked_crc32c


def read_events(folder):
    """All events of a folder, file by file; checks the checksums."""
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        content, start = path.read_bytes(), 0
        while start < len(content):
            header = content[start : start + 8]
            (length,) = struct.unpack("<Q", header)
            data = content[start + 12 : start + 12 + length]
            sums = content[start + 8 : start + 12], content[start + 12 + length :][:4]
            expected = masked_crc32c(header), masked_crc32c(data)
            assert [struct.unpack("<I", s)[0] for s in sums] == list(expected)
            yield event_pb2.Event.FromString(data)
            start += 16 + length


def shown(folder):
    """Dict of tag -> list of (step, value), without what a restart has hidden."""
    curves = {}
    for event in read_events(folder):
        if event.session_log.status == event_pb2.SessionLog.START:
            for points in curves.values():
                points[:] = [point for point in points if point[0] < event.step]
        for value in event.summary.value:
            is_scalar = value.HasField("simple_value")
            content = value.simple_value if is_scalar else value.image
            curves.setdefault(value.tag, []).append((event.step, content))
    return curves
