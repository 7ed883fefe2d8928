"""A stranger's code that takes, lies or plants things: each run ends with its status, in words, and leaves nothing."""

from dataclasses import dataclass

import carriers
import pytest
from conftest import ENTRY, running

from pinlite.engine.process import LONGEST_LOG

SMALL = ("--disk", "64m")
SHORT = ("--timeout", "4")
ESCAPES = r"\x1b[2J\x1b]0;title\x07\x9b31m\u202e"


@dataclass(frozen=True)
class Attack:
    """The body of a function that makes a model; what the command that runs it ends with, and says."""

    name: str
    code: str
    status: int
    words: str
    options: tuple[str, ...] = ()


def planting(name, code, words="is neither a file nor a folder"):
    """Honest outputs, but for what takes the model's place."""
    return Attack(name, f"honest()\nMODEL.unlink()\n{code}\nend()", 6, words)


ATTACKS = (
    # Takes all there is.
    Attack(
        "one-file-without-end",
        "f = (OUT / 'f').open('wb')\nwhile True: f.write(bytes(2**20))",
        *(6, "writes more than its limit of 0.062 GiB", SMALL),
    ),
    Attack(
        "files-that-fill-the-disk",
        "for n in range(10**6): (OUT / str(n)).write_bytes(bytes(2**22))",
        *(6, "writes more than its limit of 0.062 GiB", SMALL),
    ),
    Attack("files-without-end", "for n in range(10**9): (OUT / str(n)).touch()", 6, "writes more than 10000 files"),
    Attack(
        "folders-without-end",
        "os.chdir(OUT)\nfor n in range(3000): os.mkdir('d'); os.chdir('d')\ntime.sleep(60)",
        *(6, "writes folders more than 16 deep"),
    ),
    Attack(
        "sparse-files",
        "for n in range(9): os.truncate(os.open(f'/out/{n}', os.O_CREAT | os.O_RDWR), 2**23)\nend()",
        *(6, "writes more than its limit", SMALL),
    ),
    Attack(
        "memory",
        "kept = []\nwhile True: kept.append(b'x' * 2**24)",
        *(6, "needs more memory than its limit of 0.68 GiB", ("--memory", "700m")),
    ),
    Attack(
        "shared-memory",
        "f = open('/dev/shm/f', 'wb')\nwhile True: f.write(bytes(2**20))",
        *(2, "No space left on device"),
    ),
    Attack("time", "while True: pass", 6, "gave no answer within 4 s", SHORT),
    Attack("stands-still", "os.kill(os.getpid(), signal.SIGSTOP)", 6, "gave no answer within 4 s", SHORT),
    Attack(
        "forks-without-end",
        "while True:\n try: os.fork()\n except OSError: time.sleep(60)",
        *(6, "gave no answer within 4 s", SHORT),
    ),
    Attack("prints-without-end", "while True: os.write(2, b'blah' * 2**16)", 6, "gave no answer within 4 s", SHORT),
    # Ends, and stays.
    Attack(
        "leaves-and-stays", "if os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(60)", 6, "exited (0) without an answer"
    ),
    Attack(
        "ends-the-init",
        "os.kill(1, signal.SIGKILL)\nos.kill(1, signal.SIGTERM)\ntime.sleep(60)",
        *(6, "was ended by signal 15"),
    ),
    # Lies.
    Attack("says-garbage", "say(b'garbage\\n')\ntime.sleep(60)", 6, "broke the contract"),
    Attack("says-deep-garbage", "say(b'[' * 2**20 + b'\\n')\ntime.sleep(60)", 6, "broke the contract"),
    Attack("says-a-giant-line", "say(b'x' * 9 * 2**20)\ntime.sleep(60)", 6, "a line without an end"),
    Attack("says-a-giant-number", "answer(peak_memory=10**400)\ntime.sleep(60)", 6, "broke the contract"),
    Attack("answers-without-end", "while True: answer(id='other')", 6, "broke the contract"),
    Attack("answers-for-another", "answer(id='check')\ntime.sleep(60)", 6, "its answer belongs to no request"),
    Attack(
        "is-ready-again",
        'say(b\'{"type": "ready", "contract": 1, "versions": {}}\\n\')\ntime.sleep(60)',
        *(6, "its answer belongs to no request"),
    ),
    Attack(
        "result-of-no-kind",
        "honest()\nanswer({'inputs': 3})\ntime.sleep(60)",
        *(6, "its result is not what the stage promises"),
    ),
    Attack(
        *("done-with-nothing", "end()", 6),
        "its outputs should be model.onnx, outputs.npz, profiled.npz, profiles.npz, samples.npz, but are none",
    ),
    Attack(
        "blames-the-user",
        f"error = {{'kind': 'usage', 'message': '{ESCAPES}', 'hint': 'pay\\nerror: {ESCAPES}'}}\n"
        "answer(None, error=error)\ntime.sleep(60)",
        *(2, r"error: export: \x1b[2J\x1b]0;title"),
    ),
    Attack(
        "fails-in-colours",
        f"raise RuntimeError('[red]{ESCAPES}[/red] [link=http://a]')",
        *(2, r"[red]\x1b[2J\x1b]0;title"),
    ),
    # Plants.
    planting("link-to-a-secret", "MODEL.symlink_to(SECRET)"),
    planting("link-to-a-folder", "MODEL.symlink_to('/')"),
    planting("a-pipe", "os.mkfifo(MODEL)"),
    planting("a-socket", "socket.socket(socket.AF_UNIX).bind(str(MODEL))"),
    planting("a-folder-for-a-file", "MODEL.mkdir()", "its output 'model.onnx' is a folder"),
    planting("one-file-more", r"(OUT / '\x1b[2J<script>').touch()", r"\x1b[2J<script>"),
    planting("names-that-are-no-text", r"open(b'/out/export/\xff\xfe', 'w')", "its outputs should be"),
    Attack("outputs-are-a-link", "OUT.rmdir()\nOUT.symlink_to('/in/export')\nend()", 6, "but are none"),
    # Poisons what comes after.
    Attack(
        "an-onnx-file-that-is-none",
        "honest()\nMODEL.write_bytes(b'\\x08garbage' * 99)\nend()",
        *(2, "error: check: this is no ONNX file"),
    ),
    Attack(
        "samples-that-are-none",
        "honest()\n(OUT / 'samples.npz').write_bytes(b'PK garbage')\nend()",
        *(2, "error: check: samples.npz is no .npz"),
    ),
    Attack(
        "outputs-that-are-code",
        "honest()\nnp.savez(str(OUT / 'outputs.npz'), y=np.array([print], object))\nend()",
        *(6, "wrote outputs that are not arrays: an array holds objects"),
    ),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_ends_in_words(pinlite, aims, tmp_path, attack):
    targets, visits = aims
    body = "".join(f"    {line}\n" for line in attack.code.splitlines())
    (pinlite.here / "attack.py").write_text(f"SECRET = {targets['secret']!r}\n{carriers.TOOLS}{body}")
    arguments = (
        "convert",
        "attack.py:build",
        "--input",
        "x=1x4",
        *attack.options,
        "--engine",
        "docker",
        "--out",
        "out",
    )
    ended = pinlite(*arguments, entry=ENTRY, LAZILY="1", PINLITE_CACHE=str(tmp_path / "cache"))
    assert (ended.status, attack.words in ended.err) == (attack.status, True), ended.err
    assert "hint: " in ended.err
    assert ended.out == ""
    # Only our own lines begin as ours do, and nothing steers the terminal.
    assert ended.err.count("\nerror: ") == 1
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(ended.err)
    assert targets["word"] not in ended.err
    assert visits() == 0
    assert running(targets["word"]) == []
    assert sorted(path.name for path in pinlite.here.iterdir()) == ["attack.py", "err.txt", "out.txt", "tmp"]
    assert all(path.stat().st_size < LONGEST_LOG + 2**16 for path in tmp_path.glob("cache/logs/*/*.log"))
