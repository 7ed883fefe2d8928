"""Errors of the user's code, each in one line."""

import contextlib
import re
import traceback
from pathlib import Path

from stagekit import StageError, environment
from stagekit.errors import pass_on

from . import newer_code

# A line of the stack that torch keeps with each traced operator: "/path/net.py(12): forward".
TRACED = re.compile(r"^(.+)\((\d+)\): ", re.MULTILINE)
LONGEST_MESSAGE = 600
# What torch says to code that wants a GPU, or has a part of the model on one.
GPU = re.compile(
    r"no NVIDIA driver|not compiled with (?:CUDA|MPS)|No CUDA GPUs|CUDA (?:driver|runtime|error)|cudaGetDevice"
    r"|on a CUDA device|MPS backend|torch\.cuda\.\w*Tensor|same device.*\bcuda"
)
WITHOUT_GPU = (
    "no stage has a GPU: leave out .cuda(), .to('cuda') and device='cuda' there, or choose the device as "
    "'cuda' if torch.cuda.is_available() else 'cpu'"
)
# Packages that are not called as they are imported, and the last version that takes a torch before 2, where later ones
# pin what no early torch has beside it.
PACKAGES = {
    "cv2": "opencv-python-headless",
    "pytorch_lightning": "pytorch-lightning",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
LAST_OF_OLD = {"pytorch-lightning": "1.5.10"}
# What is there for torch 2 alone, and its name before.
OF_TODAY = {"lightning": "pytorch_lightning"}

SEES_NOTHING_ELSE = (
    "the model's code sees no network, and of files its modules, all files of its package (package.module:callable), "
    "and those beside a module that it names by a text in the code (open('anchors.json'), up to 512 MiB): build the "
    "model without downloads (pretrained=False), and give its weights with --weights FILE"
)


class UserCode:
    """The folders that the user's modules lie in; none when the model comes without any."""

    def __init__(self, *folders):
        self._folders = folders

    @contextlib.contextmanager
    def blamed(self, doing, hint=""):
        """Turn what the user's code raises into a StageError of kind ``usage`` that begins with ``doing``.

        The traceback goes to the log. A lack of memory stays what it is.
        """
        try:
            yield
        except StageError:
            raise
        except (Exception, SystemExit) as error:
            # Where what it writes to is full, its line is told.
            if not isinstance(error, OSError):
                pass_on(error)
            traceback.print_exception(type(error), error, error.__traceback__)
            wants_gpu = GPU.search(str(error))
            told = WITHOUT_GPU if wants_gpu else newer_code.hint(error, hint or _hint(error))
            raise StageError("usage", "{}: {}".format(doing, self.words(error)), told) from error

    def words(self, error):
        """An exception's type, message and line of the user's code."""
        if isinstance(error, SyntaxError):
            message, line = error.msg, self.short(error.filename or "", error.lineno)
        else:
            message, line = one_line(error), self.line_of(error)
        return "{}{}{}".format(
            type(error).__name__, ": " + message if message else "", " ({})".format(line) if line else ""
        )

    def line_of(self, error):
        """The innermost line of the user's code that an exception went through, as ``net.py:12``, or ''."""
        frames = traceback.extract_tb(error.__traceback__)
        return next(filter(None, (self.short(frame.filename, frame.lineno) for frame in reversed(frames))), "")

    def line_in(self, stack):
        """The innermost line of the user's code in the stack that torch keeps with a traced operator, or ''."""
        return next(filter(None, (self.short(path, number) for path, number in TRACED.findall(stack))), "")

    def short(self, path, number):
        """A line of a file as ``net.py:12``, or '' where it is not the user's."""
        for folder in self._folders:
            if folder in Path(path).parents:
                return "{}:{}".format(Path(path).relative_to(folder), number)
        return ""


def one_line(error):
    """An exception's message on one line. TorchScript's ends with the reason, after a traceback of its own."""
    lines = str(error).strip().splitlines()
    if any("Traceback of TorchScript" in line for line in lines):
        lines = lines[-1:]
    message = " ".join(" ".join(lines).split())
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "..."


def needs_package(module):
    """What to do where a module, whose name may be None, is not there."""
    top = (module or "").partition(".")[0]
    if environment.is_users():
        return "install the package that brings it in the environment of --python"
    if newer_code.IS_OLD and top in OF_TODAY:
        earlier = needs_package(OF_TODAY[top])
        return "{} is for torch 2: {}, and --with {}==VERSION; or import {} in its place, and {}".format(
            top, newer_code.ELSEWHERE, top, OF_TODAY[top], earlier
        )
    name = PACKAGES.get(top, top) or "NAME"
    version = LAST_OF_OLD.get(name) if newer_code.IS_OLD else None
    return "add the package that brings it: --with {}=={}".format(name, version or "VERSION")


def _hint(error):
    if isinstance(error, ModuleNotFoundError):
        return needs_package(error.name)
    if isinstance(error, OSError) and not environment.is_users():
        return SEES_NOTHING_ELSE
    return ""
