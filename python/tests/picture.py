"""Draws the tables of the database from its catalog: columns, keys, foreign keys, and whether a table is journaled.

Tables are in columns, so that each foreign key points to the left. Within a column, they are sorted by the positions of their neighbors. The
same catalog always results in the same picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

ROW, CHAR, PAD, GAP_X, GAP_Y, SLOT = 18, 7.3, 10, 64, 18, 24

STYLE = """
    svg { --page: #fdfdfb; --ink: #1c2530; --soft: #5b6673; --box: #ffffff; --edge: #6a7683; --kept: #d5e5f6; --other: #e7e7e2; }
    @media (prefers-color-scheme: dark) {
      svg { --page: #14181d; --ink: #e8ecf1; --soft: #a3adb8; --box: #1d232a; --edge: #8793a0; --kept: #24466b; --other: #39404a; }
    }
    text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--ink); white-space: pre; }
    .name { font-weight: 700; font-size: 13px; }
    .key { font-weight: 700; }
    .type { fill: var(--soft); }
    .page { fill: var(--page); }
    .box { fill: var(--box); stroke: var(--edge); }
    .kept { fill: var(--kept); stroke: var(--edge); }
    .other { fill: var(--other); stroke: var(--edge); }
    .edge { fill: none; stroke: var(--edge); stroke-width: 1.3; }
    .head { fill: var(--edge); }
""".strip("\n")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    nullable: bool
    key: bool


@dataclass(frozen=True)
class Table:
    """A table of the database."""

    name: str
    comment: str
    journaled: bool
    columns: tuple[Column, ...]
    references: tuple[tuple[str, str], ...]  # the first column and the referenced table of each foreign key


@dataclass
class Box:
    """The position of a table. A box without a table is a point where a line crosses a column of tables."""

    name: str
    layer: int
    table: Table | None = None
    x: float = 0
    y: float = 0
    left: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)

    @property
    def width(self) -> float:
        if self.table is None:
            return 0
        named = max(len(column.name) for column in self.table.columns)
        typed = max(len(shown_type(column)) for column in self.table.columns)
        return 2 * PAD + CHAR * max(named + 2 + typed, 1.1 * len(self.name))

    @property
    def height(self) -> float:
        return SLOT - GAP_Y if self.table is None else ROW * (len(self.table.columns) + 1) + 8

    def row_y(self, column: str) -> float:
        """Returns the vertical center of the row of a column, or of the heading."""
        if self.table is None:
            return self.y
        names = [shown.name for shown in self.table.columns]
        return self.y + (ROW / 2 + 1 if column not in names else 6 + ROW * (names.index(column) + 1.5))


def shown_type(column: Column) -> str:
    short = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}.get(column.type, column.type)
    return short + ("?" if column.nullable else "")


def draw(tables: Sequence[Table]) -> str:
    """Returns the picture as SVG."""
    boxes, layers, lines = arrange(tables)
    width, height = set_positions(layers)
    drawn = [edge(boxes, line) for line in lines]
    drawn += [box_svg(box, box.table) for box in boxes.values() if box.table is not None]
    body = "\n".join(drawn)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">
  <title>The tables of the database</title>
  <desc>Bold: primary key. ?: may be null. A line leads from a foreign key to the table that it references. Blue: the journal keeps every change.</desc>
  <style>
{STYLE}
  </style>
  <rect class="page" width="{width:.0f}" height="{height:.0f}" rx="6"/>
{body}
</svg>
"""


def arrange(tables: Sequence[Table]) -> tuple[dict[str, Box], list[list[Box]], list[list[tuple[str, str]]]]:
    """Returns the boxes by name, the columns of boxes, and the points of each line: (box, row)."""
    by_name = {table.name: table for table in sorted(tables, key=lambda table: table.name)}
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            depth[name] = max((depth_of(to) + 1 for _, to in by_name[name].references if to != name), default=0)
        return depth[name]

    boxes = {name: Box(name, depth_of(name), table) for name, table in by_name.items()}
    lines = []
    for table in by_name.values():
        for column, to in table.references:
            line = [(table.name, column)]
            for layer in range(depth[table.name] - 1, depth[to], -1):
                passing = f"{table.name}.{column}-{to}.{layer}"
                boxes[passing] = Box(passing, layer)
                line.append((passing, ""))
            line.append((to, ""))
            lines.append(line)
            for (right, _), (left, _) in zip(line, line[1:]):
                boxes[right].left.append(left)
                boxes[left].right.append(right)
    linked = [box for box in boxes.values() if box.left or box.right]
    layers = [[box for box in linked if box.layer == layer] for layer in range(max(depth.values()) + 1)]
    order(layers)
    for box in boxes.values():
        if box not in linked:
            min(layers, key=lambda layer: sum(other.height + GAP_Y for other in layer)).append(box)
    for number, stack in enumerate(layers):
        for box in stack:
            box.layer = number
    return boxes, layers, lines


def order(layers: list[list[Box]]) -> None:
    """Sorts each column by the mean position of the neighbors, in alternating directions."""

    def sweep(columns: list[list[Box]], neighbors: Callable[[Box], list[str]]) -> None:
        position = {box.name: number / len(layer) for layer in layers for number, box in enumerate(layer)}
        for column in columns:
            near = {box.name: [position[name] for name in neighbors(box)] or [position[box.name]] for box in column}
            column.sort(key=lambda box: (sum(near[box.name]) / len(near[box.name]), box.name))
            position.update({box.name: number / len(column) for number, box in enumerate(column)})

    for _ in range(8):
        sweep(layers[1:], lambda box: box.left)
        sweep(layers[-2::-1], lambda box: box.right)


def set_positions(layers: list[list[Box]]) -> tuple[float, float]:
    """Sets the position of each box. Returns the width and height of the picture."""
    tall = max(sum(box.height + GAP_Y for box in layer) for layer in layers)
    x = float(GAP_Y)
    for layer in layers:
        wide = max(box.width for box in layer)
        spare = (tall - sum(box.height + GAP_Y for box in layer)) / (len(layer) + 1)
        y = float(GAP_Y)
        for box in layer:
            y += spare
            box.x, box.y = x, y
            y += box.height + GAP_Y
        x += wide + GAP_X
    for layer in layers:
        wide = max(box.width for box in layer)
        for box in layer:
            box.x += 0 if box.table is None else (wide - box.width) / 2
    return x - GAP_X + GAP_Y, tall + GAP_Y


def edge(boxes: dict[str, Box], line: list[tuple[str, str]]) -> str:
    """Draws a line from the row of a foreign key to the heading of the referenced table."""
    first = boxes[line[0][0]]
    at = (first.x, first.row_y(line[0][1]))
    path = f"M{at[0]:.0f} {at[1]:.0f}"
    for name, _ in line[1:]:
        box = boxes[name]
        wide = box.width or max(other.width for other in boxes.values() if other.layer == box.layer)
        to = (box.x + wide, box.row_y(""))
        middle = (at[0] + to[0]) / 2
        path += f" C{middle:.0f} {at[1]:.0f} {middle:.0f} {to[1]:.0f} {to[0]:.0f} {to[1]:.0f}"
        at = to
        if box.table is None:
            path += f" H{box.x:.0f}"
            at = (box.x, to[1])
    x, y = at
    return f'  <path class="edge" d="{path}"/>\n  <path class="head" d="M{x:.0f} {y:.0f} l9 -4.5 v9 z"/>'


def box_svg(box: Box, table: Table) -> str:
    kind = "kept" if table.journaled else "other"
    lines = [
        f'  <g transform="translate({box.x:.0f} {box.y:.0f})">',
        f"    <title>{escape(table.comment)}</title>",
        f'    <rect class="box" width="{box.width:.0f}" height="{box.height:.0f}" rx="4"/>',
        f'    <path class="{kind}" d="M0 {ROW + 4} V4 a4 4 0 0 1 4 -4 H{box.width - 4:.0f} a4 4 0 0 1 4 4 V{ROW + 4} z"/>',
        f'    <text class="name" x="{PAD}" y="{ROW - 3}">{escape(box.name)}</text>',
    ]
    for number, column in enumerate(table.columns, 1):
        y = 6 + ROW * (number + 1) - 5
        key = ' class="key"' if column.key else ""
        lines.append(f'    <text{key} x="{PAD}" y="{y}">{escape(column.name)}</text>')
        lines.append(
            f'    <text class="type" x="{box.width - PAD:.0f}" y="{y}" text-anchor="end">{escape(shown_type(column))}</text>'
        )
    return "\n".join([*lines, "  </g>"])
