"""An engine that does not see the files of a run."""

import contextlib
import subprocess
import sys

import docker
from command import NETWORK, Ended

CONVERT = ("convert", *NETWORK, "--engine", "docker", "--no-cache")


def test_files_that_the_engine_does_not_see_are_sent_and_fetched(pinlite):
    """As from another container: the run's temporary files are in a mount that only its own processes see."""
    hidden = pinlite.here / "hidden"
    hidden.mkdir(parents=True)

    def out_of_sight(*arguments) -> Ended:
        script = 'mount -t tmpfs none "$0" && TMPDIR="$0" "$@" && test -z "$(ls "$0")"'
        run = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, hidden, sys.executable, "-m", "pinlite", *arguments],
            cwd=pinlite.here,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = run.communicate(timeout=240)
        return Ended(run.returncode, out, err)

    sent = out_of_sight(*CONVERT, "--out", "sent")
    assert sent.status == 0, sent.err
    pinlite.succeeds(*CONVERT, "--out", "mounted")
    made, same = (pinlite.here / name / "model.float32.tflite" for name in ("sent", "mounted"))
    assert made.read_bytes() == same.read_bytes()
    assert "sent and fetched: it does not see this machine's folders" in out_of_sight("doctor").out
    assert "folders are mounted" in pinlite("doctor").out
    with contextlib.closing(docker.from_env()) as client:
        assert client.volumes.list(filters={"label": "pinlite.run"}) == []
