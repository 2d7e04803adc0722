"""What devices send each other, read from a compiled program."""

import math
import re

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
_OPERATION = re.compile(rf"= (.*?) ({'|'.join(KINDS)})(-start)?\(")
_ARRAY = re.compile(r"([a-z]+)(\d*)\w*\[([\d,]*)\]")


def collective_bytes(program):
    """Bytes of the results of all collective operations of a program, per device.

    What really crosses a wire depends on the devices' network and on how they run
    an operation: a ring sends nearly twice the bytes of an all-reduce.

    Args:
        program: String. The optimized HLO of one device, as `compiled.as_text()` of
            JAX returns it.

    Returns:
        Dict of bytes by kind of operation, those that occur.
    """
    totals = {}
    for line in program.splitlines():
        match = _OPERATION.search(line)
        if match is None:
            continue
        shapes, kind, is_start = match.groups()
        sizes = [
            math.prod(map(int, filter(None, dimensions.split(","))))
            * (int(bits) if bits else 8)
            // 8
            for _, bits, dimensions in _ARRAY.findall(shapes)
        ]
        # What starts an asynchronous one returns its operands as well.
        total = sum(sizes) if not is_start else max(sizes)
        totals[kind] = totals.get(kind, 0) + total
    return totals
