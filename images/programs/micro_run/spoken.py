"""What a library of C++ writes to standard error, which is all that it says of why it failed."""

import os
import sys


def during(call):
    """What a call returned, the RuntimeError that it raised or None, and the lines that it wrote to descriptor 2."""
    sys.stderr.flush()
    kept, written = os.dup(2), os.memfd_create("stderr")
    os.dup2(written, 2)
    found = error = None
    try:
        found = call()
    except RuntimeError as raised:
        error = raised
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        with os.fdopen(written, "rb") as stream:
            stream.seek(0)
            text = stream.read().decode(errors="replace")
        # It belongs into the log of the worker, as ever.
        sys.stderr.write(text)
        sys.stderr.flush()
    return found, error, [line.strip() for line in text.splitlines() if line.strip()]
