import shutil
from pathlib import Path

from rich.text import Text

from pinlite.cli.consoles import data, print_json
from pinlite.errors import UsageError
from pinlite.machine import folders, writing


def example(*, name: str | None = None, out: str, json: bool) -> None:
    there = {path.stem: path for path in sorted(folders.EXAMPLES.iterdir()) if not path.name.startswith(("_", "."))}
    if name is not None and name not in there:
        raise UsageError(f"there is no example {name!r}", hint=f"there are {', '.join(there)}")
    folder, written = Path(out), list[str]()
    for path in there.values() if name is None else [there[name]]:
        place = folder / path.name
        if place.exists():
            raise UsageError(f"{place} is there already", hint="name another folder: --out DIR")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__", "build"))
            else:
                shutil.copyfile(path, place)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise UsageError(
                f"{place} can't be written: {writing.reason(error)}", hint="name another folder: --out DIR"
            ) from error
        written.append(str(place))
        if not json:
            data.print(Text(f"wrote {place}"), soft_wrap=True)
    if json:
        print_json({"written": written})
