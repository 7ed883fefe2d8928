"""Where commands print: what they are asked for, and what happens meanwhile."""

from pinlite.ui.console import SafeConsole

data = SafeConsole()
log = SafeConsole(stderr=True)
