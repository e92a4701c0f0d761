"""Draws a terminal session as SVG: the typed commands and their output in the colors of the program.

Without animation, the picture shows the whole session. With animation, it starts with the first command and its output, and the other
commands are typed once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

CHAR, LINE, PAD = 8.4, 19, 16
# Space between scenes, in lines.
SPACE = 0.6
SECONDS_BEFORE_TYPING, SECONDS_PER_CHARACTER, SECONDS_BEFORE_OUTPUT, SECONDS_PER_LINE = 0.8, 0.06, 0.4, 0.2
ESCAPE = re.compile(r"\x1b\[([\d;]*)([A-Za-z])")
CLASSES = {1: "bold", 4: "under", 31: "red", 32: "green", 33: "yellow", 36: "cyan"}

DEFAULT_COLOR = 39
STYLE = """
    svg { --page: #fbfbfa; --edge: #c9ced6; --ink: #1c2530; --soft: #5b6673; --red: #b3261e; --green: #1a7f37; --yellow: #855300; --cyan: #0b6b86; }
    @media (prefers-color-scheme: dark) {
      svg { --page: #14181d; --edge: #3a424c; --ink: #e8ecf1; --soft: #a3adb8; --red: #ff8a80; --green: #7ee787; --yellow: #e3b341; --cyan: #6fd3e3; }
    }
    text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--ink); white-space: pre; }
    .page { fill: var(--page); stroke: var(--edge); }
    .prompt { fill: var(--soft); }
    .bold { font-weight: 700; }
    .under { text-decoration: underline; }
    .red { fill: var(--red); }
    .green { fill: var(--green); }
    .yellow { fill: var(--yellow); }
    .cyan { fill: var(--cyan); }
    .cursor { fill: var(--soft); }
    @keyframes show { from { opacity: 0; } to { opacity: 1; } }
    @keyframes type { from { clip-path: inset(0 100% 0 0); } to { clip-path: inset(0 0 0 0); } }
    @media (prefers-reduced-motion: no-preference) {
      .later { animation: show 0.01s linear both; }
      .typed { animation: type 1s linear both; }
    }
""".strip("\n")


@dataclass(frozen=True)
class Span:
    """Text in one style."""

    text: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A command with its output, which may contain escape sequences for colors."""

    command: str
    output: str


@dataclass
class Line:
    """A line of the terminal."""

    spans: list[Span] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(len(span.text) for span in self.spans)


def spans(text: str) -> Iterator[Span]:
    """Splits output at its escape sequences. Raises `ValueError` for a sequence that is not a known color or style."""
    position, active = 0, []  # type: int, list[int]
    for match in ESCAPE.finditer(text):
        if match.start() > position:
            yield Span(text[position : match.start()], tuple(CLASSES[code] for code in active))
        position = match.end()
        if match[2] != "m":
            raise ValueError(f"unknown escape sequence {match[0]!r}")
        for code in codes(match[1] or "0"):
            if code not in (0, *CLASSES):
                raise ValueError(f"unknown color {code}")
            active = [*active, code] if code else []
    if position < len(text):
        yield Span(text[position:], tuple(CLASSES[code] for code in active))


def codes(parameters: str) -> list[int]:
    """Returns the codes of a sequence. The first 8 colors of the palette (38;5;N) and the default color (39) get the basic codes."""
    basic = re.sub(r"\b38;5;([0-7])\b", r"3\1", parameters)
    return [0 if code == DEFAULT_COLOR else code for code in map(int, basic.split(";"))]


def lines(output: str, columns: int) -> list[Line]:
    """Returns the lines of output, broken at the width of the terminal."""
    done = [Line()]
    for span in spans(output.rstrip("\n")):
        for number, part in enumerate(span.text.split("\n")):
            if number:
                done.append(Line())
            while part:
                if done[-1].length == columns:
                    done.append(Line())
                fits = columns - done[-1].length
                done[-1].spans.append(Span(part[:fits], span.classes))
                part = part[fits:]
    return done


def text_svg(column: int, y: float, length: int, inner: str, attributes: str = "") -> str:
    """Draws text at a column of the terminal. `textLength` keeps the columns aligned in any font."""
    return f'    <text x="{PAD + column * CHAR:.1f}" y="{y:.0f}" textLength="{length * CHAR:.1f}"{attributes}>{inner}</text>'


def line_svg(line: Line, y: float) -> str:
    """Draws a line of output."""
    inner = ""
    for span in line.spans:
        text = escape(span.text, quote=False)
        inner += f'<tspan class="{" ".join(span.classes)}">{text}</tspan>' if span.classes else text
    return text_svg(0, y, line.length, inner)


def prompt_svg(y: float) -> str:
    """Draws a prompt."""
    return text_svg(0, y, 1, "$", ' class="prompt"')


def group(seconds: float) -> str:
    """Starts a group that appears after that time."""
    return f'  <g class="later" style="animation-delay: {seconds:.2f}s">' if seconds else "  <g>"


def draw(scenes: Sequence[Scene], columns: int, title: str, description: str) -> str:
    """Returns the picture."""
    drawn: list[str] = []
    y, seconds = PAD + LINE * 0.75, 0.0
    for number, scene in enumerate(scenes):
        command, shown = scene.command, lines(scene.output, columns)
        attributes = ' class="bold"'
        drawn += [group(seconds), prompt_svg(y)]
        if number:
            seconds += SECONDS_BEFORE_TYPING
            typing = len(command) * SECONDS_PER_CHARACTER
            timing = f"animation-delay: {seconds:.2f}s; animation-duration: {typing:.2f}s"
            attributes = f' class="bold typed" style="{timing}; animation-timing-function: steps({len(command)})"'
            seconds += typing + SECONDS_BEFORE_OUTPUT
        drawn += [text_svg(2, y, len(command), escape(command, quote=False), attributes), "  </g>", group(seconds)]
        y += LINE
        drawn += [line_svg(line, y + LINE * index) for index, line in enumerate(shown) if line.spans]
        drawn.append("  </g>")
        y += LINE * (len(shown) + SPACE)
        seconds += SECONDS_PER_LINE * len(shown)
    cursor = f'    <rect class="cursor" x="{PAD + 2 * CHAR:.1f}" y="{y - LINE * 0.68:.1f}" width="{CHAR:.1f}" height="{LINE - 3}"/>'
    drawn += [group(seconds), prompt_svg(y), cursor, "  </g>"]
    width, height = 2 * PAD + columns * CHAR, y + PAD
    body = "\n".join(drawn)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" xml:space="preserve">
  <title>{escape(title)}</title>
  <desc>{escape(description)}</desc>
  <style>
{STYLE}
  </style>
  <rect class="page" x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="8"/>
{body}
</svg>
"""
