"""Take one protection after the other away, and print the first test that fails without it, and of what.

With all of them in place none may fail, and without any of them one has to.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from protections import WITHOUT


def failing(name):
    """The first test that fails without it, and its assertion; "" if none does."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", Path(__file__).parent, "--exitfirst", "--quiet", "-rfE", "--tb=no"],
        env=os.environ | {"WITHOUT": name, "COLUMNS": "240"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^(?:FAILED|ERROR) \S*/(.+)", done.stdout, re.MULTILINE)
    return found[1] if found else ""


if broken := failing(""):
    sys.exit(f"with all protections in place: {broken}")
found = {}
for name in WITHOUT:
    found[name] = failing(name)
    print(f"{name:12} {found[name] or 'NO TEST FAILS'}", flush=True)
sys.exit(not all(found.values()))
