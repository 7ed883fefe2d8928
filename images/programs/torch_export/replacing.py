"""An attribute of a class or module, replaced for a while."""

import contextlib
import inspect


@contextlib.contextmanager
def replaced(holder, name, replacement):
    """While this context is entered, ``holder`` has ``replacement`` under this name; an inherited one comes back."""
    own, kept = name in vars(holder), inspect.getattr_static(holder, name)
    setattr(holder, name, replacement)
    try:
        yield
    finally:
        if own:
            setattr(holder, name, kept)
        else:
            delattr(holder, name)
