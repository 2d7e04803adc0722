"""Sizes and durations as text, for people."""


def readable_size(num_bytes):
    """A number of bytes, such as `"344.9 MB"` or `"27.68 GB"`."""
    if num_bytes < 1e9:
        return f"{num_bytes / 1e6:.1f} MB"
    return f"{num_bytes / 1e9:.2f} GB"


def readable_duration(seconds):
    """A number of seconds, such as `"45 s"` or `"3.2 hours"`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86_400:.1f} days"
