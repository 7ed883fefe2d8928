from rich.text import Text

from pinlite.cli.consoles import data, print_json
from pinlite.maintenance import leftovers


def clean(*, json: bool) -> None:
    found = list[str]()
    for removed in leftovers.clean():
        found.append(removed)
        if not json:
            data.print(Text(f"removed {removed}"), soft_wrap=True)
    if json:
        print_json({"removed": found})
    else:
        data.print(Text(f"{len(found)} removed" if found else "nothing was left"))
