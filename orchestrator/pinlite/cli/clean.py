from rich.text import Text

from pinlite.cli.consoles import data, print_json, progress
from pinlite.maintenance import leftovers


def clean(*, json: bool) -> None:
    found = list[str]()
    try:
        with progress() as view, view.busy("looking for what killed runs have left"):
            for removed in leftovers.clean():
                found.append(removed)
    finally:
        # What is gone is told, even if the rest could not be looked for.
        if not json:
            for removed in found:
                data.print(Text(f"removed {removed}"), soft_wrap=True)
    if json:
        print_json({"removed": found})
    else:
        data.print(Text(f"{len(found)} removed" if found else "nothing was left"))
