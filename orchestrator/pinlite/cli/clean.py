from rich.text import Text

from pinlite.cli.consoles import data
from pinlite.maintenance import leftovers


def clean() -> None:
    count = 0
    for count, removed in enumerate(leftovers.clean(), start=1):  # noqa: B007  # the last is what is asked for
        data.print(Text(f"removed {removed}"), soft_wrap=True)
    data.print(Text(f"{count} removed" if count else "nothing was left"))
