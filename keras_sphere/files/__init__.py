"""Files that are never half written, and their checksums."""
