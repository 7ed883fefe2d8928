from typing import TYPE_CHECKING, Any, Unpack

from rich.text import Text

from pinlite import api, toolchain
from pinlite.cli.consoles import data, log, print_json, progress
from pinlite.engine import Engine, Image, choose
from pinlite.errors import ImageError, RegistryError
from pinlite.events import BuildStarted, Event
from pinlite.maintenance import garbage, local_base
from pinlite.options.declared import (
    BuildImagesOptions,
    CollectImagesOptions,
    EngineOptions,
    LoadImagesOptions,
    PullImagesOptions,
    PushImagesOptions,
    RemoveImagesOptions,
    SaveImagesOptions,
)
from pinlite.options.option import StrPath
from pinlite.schema.choices import EngineChoice
from pinlite.ui import tables
from pinlite.units import bytes_

if TYPE_CHECKING:
    from pinlite.engine.sharing.exchange import Exchanged


def build(*, json: bool, **given: Unpack[BuildImagesOptions]) -> None:
    begun = list[str]()

    with progress() as view:

        def observe(event: Event) -> None:
            if isinstance(event, BuildStarted):
                begun.append(event.image)
            view(event)

        found = api.build_images(observe=observe, **given)
    if json:
        print_json({"images": [_described(image) for image in found.values()], "built": begun})
    elif not begun:
        log.print(Text(f"all {len(found)} images of {given['toolchain']} are there already"))


def base(*, name: str = "", json: bool) -> None:
    made = local_base.build(name)
    if json:
        print_json({"bases": [{"name": base.local, "identity": base.local_identity} for base in made]})


def push(repository: str, *, json: bool, **given: Unpack[PushImagesOptions]) -> None:
    with progress() as view:
        exchanged = api.push_images(repository, observe=view, **given)
    _show(exchanged, json=json, nothing=f"all {len(exchanged.there)} of them are there already")


def pull(repository: str, *, json: bool, **given: Unpack[PullImagesOptions]) -> None:
    with progress() as view:
        lacking = api.pull_images(repository, observe=view, **given)
    if json:
        print_json({"missing": lacking})
    if lacking:
        raise RegistryError(
            f"{repository} has nothing for {', '.join(lacking)} that a key which you trust has signed",
            hint="push the images with this version of pinlite and the same toolchain: `pinlite images push`",
        )


def save(file: StrPath, *, json: bool, **given: Unpack[SaveImagesOptions]) -> None:
    with progress() as view:
        exchanged = api.save_images(file, observe=view, **given)
    _show(exchanged, json=json, nothing="")


def load(file: StrPath, *, json: bool, **given: Unpack[LoadImagesOptions]) -> None:
    with progress() as view:
        exchanged = api.load_images(file, observe=view, **given)
    _show(exchanged, json=json, nothing=f"all {len(exchanged.there)} images are there already")


def _show(exchanged: "Exchanged", *, json: bool, nothing: str) -> None:
    entries = (*exchanged.images, *exchanged.packages)
    if json:
        print_json(
            {
                "images": [entry.model_dump() for entry in exchanged.images],
                "packages": [entry.model_dump() for entry in exchanged.packages],
                "there": exchanged.there,
            }
        )
    elif not entries:
        log.print(Text(nothing))


def list_(*, json: bool, **given: Unpack[EngineOptions]) -> None:
    chosen = _chosen(given["engine"])
    with progress() as view, view.busy("looking for images"):
        current = {image.reference for image in chosen.find(toolchain.every_recipe()).values()}
        images = chosen.images()
    if json:
        found = [{**_described(image), "current": image.reference in current} for image in images]
        print_json({"engine": chosen.name, "images": found})
        return
    shown = tables.table(f"images of the {chosen.name} engine", "image", "identity", "", "reference")
    for image in images:
        state = "current" if image.reference in current else "not used by this version"
        shown.add_row(image.name, image.identity[:16], state, Text(image.reference))
    data.print(shown)


def rm(*, json: bool, **given: Unpack[RemoveImagesOptions]) -> None:
    with progress() as view:
        removed = api.remove_images(observe=view, **given)
    if json:
        print_json({"removed": [_described(image) for image in removed]})
        return
    for image in removed:
        log.print(Text(f"removed {image.reference}"))


def gc(*, json: bool, **given: Unpack[CollectImagesOptions]) -> None:
    if json:
        print_json({"dry_run": given["dry_run"], "removed": api.collect_images(**given)})
        return
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


def _described(image: Image) -> dict[str, Any]:
    return {"name": image.name, "identity": image.identity, "reference": image.reference}


def _chosen(engine: EngineChoice) -> Engine:
    with progress() as view:
        return choose(engine, view)
