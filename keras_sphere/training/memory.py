"""How much memory a training takes, as far as it can be said in advance."""

import os

_BYTES = 4  # of a float32
BYTES_PER_PARAMETER = 5 * _BYTES  # weight, two moments, average, gradient


def estimate_memory(parameters, plan):
    """Bytes of what does not depend on the batch; activations come on top.

    Args:
        parameters: Integer. Parameters of the model.
        plan: `TrainingPlan`.

    Returns:
        Dict of integers, by what it is for.
    """
    size = parameters * _BYTES
    parts = {"weights": size, "optimizer moments": 2 * size}
    if plan.optimizer["use_ema"]:
        parts["moving average"] = size
    parts["gradients"] = size
    if plan.gradient_accumulation_steps > 1:
        parts["accumulated gradients"] = size
    return parts


def checkpoint_bytes(parts):
    """Bytes of a checkpoint: all but the gradients of a step, and a preset."""
    kept = sum(size for name, size in parts.items() if name != "gradients")
    return kept + parts["weights"]


def free_host_memory():
    """Bytes of memory that are free on this machine; `None` if it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
