"""pinlite that waits for the Docker engine for five seconds, not for a minute; CLOCK has its clock jump by so many
seconds at a worker's first answer.
"""

import os
import sys
import time
from datetime import datetime

from pinlite.cli.main import main
from pinlite.conversion import pipeline
from pinlite.engine import docker, process


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)


def jump(seconds):
    real, ask = time.time, process.ProcessWorker.request

    def asked(worker, request):
        response = ask(worker, request)
        time.time = lambda: real() + seconds
        return response

    process.ProcessWorker.request = asked
    pipeline.datetime = Clock


docker.PATIENCE = 5
process.BETWEEN_CHECKS = 0.5
if os.environ.get("CLOCK"):
    jump(float(os.environ["CLOCK"]))
sys.exit(main())
