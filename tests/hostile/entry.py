"""pinlite as these tests run it.

LAZILY starts workers when they are needed: most attacks end in the first stage, and then pay for no other. WITHOUT
names a protection to take away, to see that tests fail without it: ``make hostile WITHOUT=network``.
"""

import os
import sys

from protections import WITHOUT

from pinlite.cli.main import main
from pinlite.runner.workers import Workers

if os.environ.get("LAZILY"):
    start = Workers.start
    Workers.start = lambda workers, stages: start(workers, stages[:1])
if os.environ.get("WITHOUT"):
    WITHOUT[os.environ["WITHOUT"]]()
sys.exit(main())
