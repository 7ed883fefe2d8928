"""The picture of the rooms in docs/architecture.md: which room of the host half imports which, as a Mermaid graph.

`python tests/pages/import_graph.py` prints it with its numbers; PYTHONPATH names the `orchestrator` folder of another
commit, to compare with.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import grimp

PACKAGE = "pinlite"
BEGIN, END = "<!-- rooms: `make docs` draws this -->\n", "<!-- end of rooms -->"

# A room by name, and the rooms that it imports. There are no circles: import-linter sees to that.
Graph = Mapping[str, AbstractSet[str]]


def rooms(modules: grimp.ImportGraph) -> Graph:
    """What lies at the top of the package, and what of it each part imports by itself."""
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for module in modules.modules - {PACKAGE}:
        found = {_room(each) for each in modules.find_modules_directly_imported_by(module) if each != PACKAGE}
        graph[_room(module)] |= found - {_room(module)}
    return graph


def build() -> grimp.ImportGraph:
    """The imports between all modules, but those that only a type checker follows."""
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)


def shortened(graph: Graph) -> Graph:
    """The graph without the arrows that a longer way replaces."""
    beyond = {room: set().union(*(_reached(graph, each) for each in graph[room])) for room in graph}
    return {room: graph[room] - beyond[room] for room in graph}


def mermaid(modules: grimp.ImportGraph) -> str:
    graph = shortened(rooms(modules))
    lines = ["flowchart TD"]
    for room in sorted(graph):
        is_folder = bool(modules.find_children(f"{PACKAGE}.{room}"))
        lines.append(f'    {room}["{room}/"]' if is_folder else f'    {room}(["{room}.py"])')
    lines += [f"    {room} --> {other}" for room in sorted(graph) for other in sorted(graph[room])]
    return "\n".join(lines)


def page(text: str) -> str:
    """A page's text with the graph between the markers."""
    drawn = f"{BEGIN}\n```mermaid\n{mermaid(build())}\n```\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: drawn, text, flags=re.DOTALL)


def _room(module: str) -> str:
    return module.split(".")[1]


def _reached(graph: Graph, room: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[room])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += graph[each]
    return found


def main() -> None:
    modules = build()
    graph = rooms(modules)
    print(mermaid(modules))
    print(
        f"%% {len(modules.modules)} modules, {len(graph)} at the top, {sum(map(len, graph.values()))} imports between "
        f"these, {sum(map(len, shortened(graph).values()))} arrows"
    )


if __name__ == "__main__":
    main()
