"""How much a request may bring, in bytes."""

LARGEST_BODY = 4 * 1024 * 1024
"""Of what is read whole: JSON."""
LARGEST_FILE = 64 * 1024 * 1024
"""Of a form with a file, which goes to the disk piece by piece."""
