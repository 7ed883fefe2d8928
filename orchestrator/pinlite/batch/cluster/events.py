"""What happens in a task, as a worker tells it on the way: what is shown of it, as plain lists."""

import dataclasses
from typing import Any

from pinlite import events
from pinlite.events import (
    BatchEvent,
    BuildFinished,
    BuildStarted,
    InModel,
    ModelPlanned,
    ModelStarted,
    Notice,
    StageFinished,
    StageStarted,
)

_MODELS = (ModelStarted, ModelPlanned)
_INNER = (Notice, BuildStarted, BuildFinished, StageStarted, StageFinished)


def packed(event: BatchEvent) -> list[Any] | None:
    """An event as JSON has it; None for what nobody is told of from afar."""
    if isinstance(event, InModel):
        return [event.model, *_named(event.event)] if isinstance(event.event, _INNER) else None
    return ["", *_named(event)] if isinstance(event, _MODELS) else None


def unpacked(told: list[Any]) -> BatchEvent | None:
    """The event; None for what is none, or one of another version."""
    try:
        model, kind, values = told
        if kind not in {each.__name__ for each in (*_MODELS, *_INNER)}:
            return None
        event = getattr(events, kind)(**values)
    except (TypeError, ValueError):
        return None
    return InModel(model, event) if isinstance(event, _INNER) else event


def _named(event: Any) -> tuple[str, dict[str, Any]]:
    return type(event).__name__, dataclasses.asdict(event)
