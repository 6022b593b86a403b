"""The whole of a sandbox as one JSON document: written, read, and brought from older formats."""
