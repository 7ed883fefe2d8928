from typing import Unpack

from rich.text import Text

from pinlite import api, toolchain
from pinlite.cli.consoles import data, log
from pinlite.engine import Engine, choose
from pinlite.errors import ImageError
from pinlite.events import BuildStarted, Event
from pinlite.maintenance import garbage, local_base
from pinlite.options.declared import BuildImagesOptions, CollectImagesOptions, EngineOptions, RemoveImagesOptions
from pinlite.schema.choices import EngineChoice
from pinlite.ui import tables
from pinlite.ui.progress import ProgressView
from pinlite.units import bytes_


def build(**given: Unpack[BuildImagesOptions]) -> None:
    begun = list[str]()

    with ProgressView(log) as view:

        def observe(event: Event) -> None:
            if isinstance(event, BuildStarted):
                begun.append(event.image)
            view(event)

        found = api.build_images(observe=observe, **given)
    if not begun:
        log.print(Text(f"all {len(found)} images of {given['toolchain']} are there already"))


def base() -> None:
    local_base.build()


def list_(**given: Unpack[EngineOptions]) -> None:
    chosen = _chosen(given["engine"])
    current = {image.reference for image in chosen.find(toolchain.every_recipe()).values()}
    shown = tables.table(f"images of the {chosen.name} engine", "image", "identity", "", "reference")
    for image in chosen.images():
        state = "current" if image.reference in current else "not used by this version"
        shown.add_row(image.name, image.identity[:16], state, Text(image.reference))
    data.print(shown)


def rm(**given: Unpack[RemoveImagesOptions]) -> None:
    with ProgressView(log) as view:
        removed = api.remove_images(observe=view, **given)
    for image in removed:
        log.print(Text(f"removed {image.reference}"))


def gc(**given: Unpack[CollectImagesOptions]) -> None:
    chosen = _chosen(given["engine"])
    with garbage.found(chosen, given["toolchains"], keep_days=given["keep_days"]) as found:
        packages = sum(path.stat().st_size for path in found.packages)
        if given["dry_run"]:
            for image in (*found.images, *found.parts):
                left = "" if image.name else ", left by a build that failed"
                size = f", {bytes_(image.size)}" if image.size else ""
                data.print(Text(f"would remove image {image.reference}{left}{size}"), soft_wrap=True)
            data.print(Text(f"would remove {len(found.packages)} files of packages, {bytes_(packages)}"))
            return
        before, kept = chosen.size(), list[ImageError]()
        for removed in garbage.remove(chosen, found, kept):
            log.print(Text(f"removed {removed}"), soft_wrap=True)
    for error in kept:
        log.print(Text(f"kept: {error.message}"), soft_wrap=True)
    data.print(Text(f"removed images: {bytes_(max(0, before - chosen.size()))}, packages: {bytes_(packages)}"))


def _chosen(engine: EngineChoice) -> Engine:
    with ProgressView(log) as view:
        return choose(engine, view)
