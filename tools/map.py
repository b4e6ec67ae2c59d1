"""Draw the map of the house from its imports: docs/images/architecture.svg, and the table in docs/architecture.md.

    python tools/map.py            write both
    python tools/map.py --check    exit 1 when they are out of date

Rows are the layers of import-linter's contract (pyproject.toml), boxes the rooms that are there. An arrow says that
one room imports another; what follows from other arrows is left out of the picture and stands in the table. Imports
inside of functions count, those for type checkers alone do not. Rooms and imports must be exact; the numbers of lines
may be off by a tenth, so that not every change of the code is one of the map.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = "vision_banana_ros"
ROOT = Path(__file__).parents[1]
SVG, PAGE = Path("docs/images/architecture.svg"), Path("docs/architecture.md")
BEGIN, END = "<!-- map: begin -->", "<!-- map: end -->"

#: What each room is for; a room without words here is drawn with its name alone.
PURPOSES: dict[str, str] = {
    "cli": "vision-banana",
    "commands": "one file a command",
    "bench": "measured side by side",
    "ros": "messages, QoS, lifecycle",
    "training": "questions, losses, the loop",
    "labelling": "teachers over recordings",
    "tuning": "a base generator, tuned",
    "viewing": "panels, viewers, reports",
    "evaluation": "metrics, baselines",
    "generators": "everything that paints",
    "runtimes": "ONNX, OpenVINO, TensorRT",
    "models": "manifest, folder, pack",
    "student": "the small network",
    "world": "the procedural renderer",
    "data": "frames with their truth",
    "perceiver": "one camera's way, kept",
    "perceive": "frame -> perception",
    "prompts": "instructions, their words",
    "tasks": "one file a task",
    "codecs": "arithmetic of colours",
    "geometry": "camera, cloud, scale",
    "scaling": "actors of Ray",
    "core": "frozen nouns, errors",
}
#: Where a room stands in its row, 0 to 4 from the left. Rooms that are not named here follow on the right.
COLUMNS: dict[str, float] = {
    "cli": 2,
    "commands": 2,
    "bench": 2,
    "ros": 2,
    "training": 0,
    "labelling": 1,
    "viewing": 3.2,
    "tuning": 4.1,
    "evaluation": 3,
    "generators": 1.4,
    "runtimes": 1.4,
    "models": 1.4,
    "student": 1.05,
    "world": 3.45,
    "data": 4.1,
    "perceiver": 2.05,
    "perceive": 2.4,
    "prompts": 1.8,
    "tasks": 2.2,
    "codecs": 1.5,
    "geometry": 2.5,
    "core": 2,
}
#: Rooms that need NumPy and OpenCV alone, by another contract of pyproject.toml.
LIGHT = "core to perceive need only NumPy and OpenCV"

WIDTH, ROW, BOX_W, BOX_H, LEFT, STEP, TOP = 1000, 66, 158, 44, 42, 190, 74
_LIGHT_COLORS = {
    "paper": "#fdfcf8", "zone": "#f1eee2", "box": "#ffffff", "line": "#8a8574", "ink": "#23211c", "faint": "#6f6a5c",
    "bar": "#e3b92f",
}  # fmt: skip
_DARK_COLORS = {
    "paper": "#1d1f23", "zone": "#272a30", "box": "#32363e", "line": "#8f949e", "ink": "#f0eee8", "faint": "#a9adb5",
    "bar": "#d9ae26",
}  # fmt: skip


def _colored(colors: dict[str, str]) -> str:
    """Written out, without variables: not every viewer of SVG knows them."""
    return (
        f"text {{ fill: {colors['ink']}; }} .small {{ fill: {colors['faint']}; }} "
        f".paper {{ fill: {colors['paper']}; }} .zone {{ fill: {colors['zone']}; }} .bar {{ fill: {colors['bar']}; }} "
        f".box {{ fill: {colors['box']}; stroke: {colors['line']}; }} .arrow {{ stroke: {colors['line']}; }} "
        f".head {{ fill: {colors['line']}; }}"
    )


STYLE = f"""
    text {{ font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}
    .name {{ font-size: 14px; font-weight: 600; }} .small {{ font-size: 10.5px; }}
    .title {{ font-size: 17px; font-weight: 600; }} .arrow {{ fill: none; stroke-width: 1.3; }}
    {_colored(_LIGHT_COLORS)}
    @media (prefers-color-scheme: dark) {{ {_colored(_DARK_COLORS)} }}"""


@dataclass(frozen=True)
class House:
    """Layers from the top, each with its rooms; what each room imports; how many lines it has."""

    layers: list[list[str]]
    imports: dict[str, set[str]]
    lines: dict[str, int]
    light: frozenset[str]


def read_house(root: Path = ROOT) -> House:
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers, light = [], frozenset[str]()
    for contract in contracts["contracts"]:
        if contract["type"] == "layers":
            layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]
        elif contract["name"] == LIGHT:
            light = frozenset(name.rpartition(".")[2] for name in contract["source_modules"])
    files = {room: files for row in layers for room in row if (files := _files(root / PACKAGE, room))}
    lines = {room: sum(map(_lines, files[room])) for room in files}
    imports = {room: {name for file in files[room] for name in _imported(file)} & set(files) - {room} for room in files}
    present = [[room for room in row if room in files] for row in layers]
    return House([row for row in present if row], imports, lines, light)


def _files(package: Path, room: str) -> list[Path]:
    single = package / f"{room}.py"
    return [single] if single.is_file() else sorted((package / room).rglob("*.py"))


def _lines(file: Path) -> int:
    return sum(1 for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def _imported(file: Path) -> Iterator[str]:
    """First names below the package that a file imports, for any purpose but type checking."""
    for node in _nodes(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith(f"{PACKAGE}."))
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            first, _, rest = (node.module or "").partition(".")
            if first == PACKAGE:
                yield from [rest.split(".")[0]] if rest else [alias.name for alias in node.names]


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Statements, however deep, but not those for type checkers."""
    yield node
    for body in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, body, ()) if isinstance(getattr(node, body, None), list) else ():
            test = getattr(child, "test", None)
            if getattr(test, "id", getattr(test, "attr", "")) != "TYPE_CHECKING":
                yield from _nodes(child)


def essential(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """The imports that do not follow from others (the transitive reduction)."""

    def reach(room: str) -> set[str]:
        found: set[str] = set()
        rest = [room]
        while rest:
            for name in imports[rest.pop()] - found:
                found.add(name)
                rest.append(name)
        return found

    behind = {room: reach(room) for room in imports}
    return {room: {n for n in names if all(n not in behind[m] for m in names - {n})} for room, names in imports.items()}


def draw(house: House) -> str:
    places = _places(house)
    height = TOP + ROW * len(house.layers) + 20
    rows = [y for room, (_, y) in places.items() if room in house.light]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title">',
        f'  <title id="title">The rooms of {PACKAGE} and who imports whom</title>',
        f"  <style>{STYLE}\n  </style>",
        '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0.8 L8 4 L0 7.2 z"/></marker></defs>',
        f'  <rect class="paper" width="{WIDTH}" height="{height}" rx="14"/>',
        f'  <text class="title" x="30" y="36">The rooms of {PACKAGE}</text>',
        f'  <text class="small" x="30" y="54">Imports point downwards only. The bar: lines of code, full at '
        f"{_full(house):,}.</text>",
    ]
    if rows:
        top, bottom = min(rows) - 11, max(rows) + BOX_H + 9
        parts.append(f'  <rect class="zone" x="14" y="{top}" width="{WIDTH - 28}" height="{bottom - top}" rx="12"/>')
        parts.append(f'  <text class="small" x="30" y="{bottom - 12}">these need NumPy and OpenCV alone</text>')
    arrows = essential(house.imports)
    below = {room: sorted(arrows[room], key=lambda name: places[name]) for room in arrows}
    above = {
        room: sorted((r for r in arrows if room in arrows[r]), key=lambda name: places[name][0]) for room in arrows
    }
    for room in house.lines:
        for name in below[room]:
            start = _port(places[room][0], sorted(below[room], key=lambda n: places[n][0]).index(name), below[room])
            end = _port(places[name][0], above[name].index(room), above[name])
            parts.append(_arrow(start, places[room][1] + BOX_H, end, places[name][1], list(places.values())))
    for room, (x, y) in places.items():
        parts.extend(_box(room, x, y, house))
    return "\n".join([*parts, "</svg>", ""])


def _places(house: House) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(house.layers):
        spare = iter(range(5))
        taken = {COLUMNS[room] for room in row if room in COLUMNS}
        for room in row:
            column = COLUMNS.get(room)
            if column is None:
                column = next(free for free in spare if all(abs(free - other) >= 1 for other in taken))
            places[room] = (round(LEFT + STEP * column), TOP + ROW * number)
    return places


def _port(x: int, index: int, names: list[str]) -> int:
    """Where on a box's edge the arrow of that place begins or ends."""
    return round(x + BOX_W * (index + 1) / (len(names) + 1))


def _arrow(x1: int, y1: int, x2: int, y2: int, boxes: list[tuple[int, int]]) -> str:
    """Of a few curves the one that passes behind the fewest boxes."""
    drop = y2 - y1
    early, late = min(26.0, drop * 0.7), max(drop - 26.0, drop * 0.3)
    bends = [(y1 + drop * 0.45, y2 - drop * 0.45), (y1 + early, y1 + early), (y1 + late, y1 + late)]
    first, second = min(bends, key=lambda bend: _hidden((x1, y1), (x2, y2), bend, boxes))
    path = f"M{x1} {y1} C{x1} {first:.0f} {x2} {second:.0f} {x2} {y2 - 1}"
    return f'  <path class="arrow" marker-end="url(#head)" d="{path}"/>'


def _hidden(
    start: tuple[int, int], end: tuple[int, int], bend: tuple[float, float], boxes: list[tuple[int, int]]
) -> int:
    """How much of a curve lies behind boxes, in samples; a little room around them counts too."""
    hits = 0
    for step in range(2, 39):
        t = step / 40
        x = (1 - t) ** 2 * (1 + 2 * t) * start[0] + t**2 * (3 - 2 * t) * end[0]
        y = (1 - t) ** 3 * start[1] + 3 * t * (1 - t) * ((1 - t) * bend[0] + t * bend[1]) + t**3 * end[1]
        hits += any(left - 6 < x < left + BOX_W + 6 and top - 1 < y < top + BOX_H + 1 for left, top in boxes)
    return hits


def _full(house: House) -> int:
    """The bar's full length: the largest room but world, which is several times any other."""
    return max(-(-count // 500) * 500 for room, count in house.lines.items() if room != "world")


def _box(room: str, x: int, y: int, house: House) -> list[str]:
    share = min(1.0, house.lines[room] / _full(house))
    return [
        f'  <rect class="box" x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="8"/>',
        f'  <rect class="bar" x="{x + 9}" y="{y + BOX_H - 7}" width="{max(2, share * (BOX_W - 18)):.0f}" height="3" '
        'rx="1.5"/>',
        f'  <text class="name" x="{x + 9}" y="{y + 17}">{escape(room)}</text>',
        f'  <text class="small" x="{x + BOX_W - 9}" y="{y + 17}" text-anchor="end">{house.lines[room]:,}</text>',
        f'  <text class="small" x="{x + 9}" y="{y + 31}">{escape(PURPOSES.get(room, ""))}</text>',
    ]


def table(house: House) -> str:
    order = [room for row in house.layers for room in row]
    rows = ["| room | lines | imports |", "| --- | --- | --- |"]
    for room in order:
        names = ", ".join(name for name in order if name in house.imports[room]) or "nothing"
        rows.append(f"| `{room}` | {house.lines[room]} | {names} |")
    return "\n".join(rows)


def within(page: str, inside: str) -> str:
    """The page with the table between its markers."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise SystemExit(f"{PAGE} must have the lines {BEGIN} and {END} once each, and the table between them")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{inside}\n{END}{rest.partition(END)[2]}"


def stale(root: Path = ROOT) -> list[str]:
    """Why picture and table are out of date; nothing where they are not."""
    house = read_house(root)
    page, svg = (root / PAGE).read_text(encoding="utf-8"), root / SVG
    told = {name: int(count) for name, count in re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)}
    if set(told) != set(house.lines):
        return [f"rooms: {', '.join(sorted(set(told) ^ set(house.lines)))}"]
    reasons = [
        f"{room} has {count} lines, the map says {told[room]}"
        for room, count in house.lines.items()
        if abs(count - told[room]) > max(100, told[room] / 10)
    ]
    as_told = House(house.layers, house.imports, told, house.light)
    if page != within(page, table(as_told)):
        reasons.append(f"{PAGE}: the imports are others")
    if not svg.is_file() or svg.read_text(encoding="utf-8") != draw(as_told):
        reasons.append(f"{SVG} is drawn otherwise")
    return reasons


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is out of date")
    if parser.parse_args(arguments).check:
        reasons = stale(root)
        for reason in reasons:
            print(reason)
        if reasons:
            print("the map is out of date: run  python tools/map.py")
        return int(bool(reasons))
    house = read_house(root)
    page = (root / PAGE).read_text(encoding="utf-8")
    (root / PAGE).write_text(within(page, table(house)), encoding="utf-8")
    (root / SVG).write_text(draw(house), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
