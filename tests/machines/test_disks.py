"""An engine that does not see the files of a run."""

import subprocess
import sys

from command import NETWORK


def test_an_engine_that_does_not_see_our_files_is_told_with_what_to_do(pinlite):
    """As one in another container: the run's temporary files are in a mount that only its own processes see."""
    hidden = pinlite.here / "hidden"
    hidden.mkdir(parents=True)
    convert = ["-m", "pinlite", "convert", *NETWORK, "--engine", "docker", "--out", "out", "--no-cache"]
    script = 'mount -t tmpfs none "$0" && TMPDIR="$0" exec "$@"'
    run = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, hidden, sys.executable, *convert],
        cwd=pinlite.here,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 6, run.stderr
    said = " ".join(run.stderr.split())
    assert "bind source path does not exist" in said
    assert "hint: the Docker engine does not see the files of this machine" in said
    assert "TMPDIR" in said
    assert not (pinlite.here / "out").exists()
