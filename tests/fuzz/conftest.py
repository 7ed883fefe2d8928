"""How long fuzzing takes: the same few examples in ``make test``, as many new ones as wanted in ``make fuzz``."""

import os

from hypothesis import HealthCheck, settings

# What hypothesis reports as slow or repeated is files and fixtures that each example makes anew.
UNCONCERNED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]

examples = os.environ.get("FUZZ_EXAMPLES")
settings.register_profile(
    "pinlite",
    max_examples=int(examples or 150),
    derandomize=not examples,
    deadline=None,
    database=None,
    suppress_health_check=UNCONCERNED,
    print_blob=True,
)
settings.load_profile("pinlite")
