"""The consoles of commands: results on standard output, progress on standard error."""

from pinlite.ui.console import SafeConsole

data = SafeConsole()
log = SafeConsole(stderr=True)
