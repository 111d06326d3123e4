"""A report as one HTML file. It fetches nothing: the scripts, the style and every number are in it."""

import base64
import hashlib
import html
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from plotly.offline import get_plotlyjs

from core import __version__
from core.report.parts import Block, Cell, Drawing, Report, Section, Table, table_of

ASSETS = Path(__file__).resolve().parent.parent.parent / "assets" / "report"
MOST_ROWS = 60
"""Rows of a chart's numbers that stand in the file; the CSV has all."""


@cache
def _plotly() -> str:
    return get_plotlyjs()


@cache
def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def page(report: Report) -> str:
    """The whole file.

    A policy in its head forbids a browser to fetch anything and to run any script but those two: what stands in names
    and notes is escaped, and would be dead if it were not.
    """
    drawn = any(isinstance(block, Drawing) for section in report.sections for block in section.blocks)
    scripts = [_plotly(), _asset("report.js")] if drawn else []
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts) or "'none'"
    # Plotly's WebGL charts compile their shaders' callers; `data:` and `blob:` are how it saves a picture.
    compiled = " 'unsafe-eval'" if drawn else ""
    policy = (
        f"default-src 'none'; script-src {hashes}{compiled}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    title = html.escape(report.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{title}</title>\n'
        f"<style>{_asset('report.css')}</style>\n</head>\n<body>\n<main>\n{_head(report)}\n{_contents(report)}\n"
        f"{''.join(map(_section, report.sections))}\n{_foot(report)}\n</main>\n"
        f"{''.join(map(_script, scripts))}\n</body>\n</html>\n"
    )


def _script(script: str) -> str:
    return f"<script>{script}</script>"


def _head(report: Report) -> str:
    author = f'<p class="by">{html.escape(report.wanted.author.strip())}</p>' if report.wanted.author.strip() else ""
    notes = "".join(f"<p>{html.escape(part.strip())}</p>" for part in report.wanted.notes.split("\n\n") if part.strip())
    notes = f'<div class="notes">{notes}</div>' if notes else ""
    warned = "".join(f"<li>{html.escape(str(flag['message']))}</li>" for flag in report.flags)
    flags = f'<h2 class="minor">What to keep in mind</h2><ul class="flags">{warned}</ul>' if warned else ""
    return (
        f'<header><p class="kicker">Poisonscope report</p><h1>{html.escape(report.title)}</h1>{author}'
        f'<p class="facts">{html.escape(report.facts)}</p><p class="facts">{html.escape(report.made)}</p></header>\n'
        f'<p class="verdict {report.verdict.tone}">{_text(report.verdict.text)}</p>{flags}{notes}'
    )


def _text(words: str) -> str:
    """Escaped, with every percent sign kept beside its number."""
    return html.escape(words).replace(" %", "&nbsp;%")


def _contents(report: Report) -> str:
    links = "".join(f'<li><a href="#{part.name}">{html.escape(part.title)}</a></li>' for part in report.sections)
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>' if links else ""


def _foot(report: Report) -> str:
    hidden = "" if report.wanted.truth else " What only the attacker knows was left out of this file."
    written = time.strftime("%Y-%m-%d")
    return (
        f"<footer>Written by Poisonscope {__version__} on {written}.{hidden} A pass is one image going forward and "
        "backward through the network once: a cost that does not depend on the machine. Intervals are 95 %: Wilson’s "
        "for one model, Student’s t over several. Figures need a browser that runs JavaScript; the tables do not."
        "</footer>"
    )


def _section(section: Section) -> str:
    blocks = "\n".join(map(_block, section.blocks))
    return f'<section id="{section.name}">\n<h2>{html.escape(section.title)}</h2>\n{blocks}\n</section>\n'


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block, block.rows)
    return _drawing(block) if isinstance(block, Drawing) else block.html


def _drawing(drawing: Drawing) -> str:
    """A place for the chart, its data as JSON that no tag can end, how to read it, and the same as a table."""
    chart, table = drawing.chart, table_of(drawing)
    content = json.loads(chart.figure.to_json())
    content["layout"].pop("template", None)
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    rest = len(table.rows) - MOST_ROWS
    more = f"<p>{rest:,} more rows are in the CSV.</p>" if rest > 0 else ""
    return (
        f'<figure class="chart"><h3>{html.escape(drawing.title)}</h3>'
        f'<div class="plot" role="img" aria-label="{html.escape(chart.alt)}" '
        f'style="height:{int(content["layout"]["height"])}px"></div>'
        f'<script type="application/json">{data}</script><figcaption>{_text(chart.reading)}</figcaption>'
        f"<details><summary>The same as a table</summary>{_table(table, table.rows[:MOST_ROWS])}"
        f"{more}</details></figure>"
    )


def _table(table: Table, rows: Sequence[Sequence[Cell]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0].shown)}</th>{"".join(map(_cell, row[1:]))}</tr>' for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{html.escape(table.title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    shown = _text(cell.shown)
    if cell.n is None or cell.low is None or cell.high is None:
        kind = ' class="num"' if isinstance(cell.value, int | float) else ""
        return f"<td{kind}>{shown}</td>"
    low, high = 100 * cell.low, 100 * cell.high
    models = f", {cell.models:,} models" if cell.models > 1 else ""
    bar = (
        f'<span class="range" aria-hidden="true"><i style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
        f'<u style="left:{100 * float(cell.value or 0):.2f}%"></u></span>'
    )
    return f'<td class="rate"><b>{shown}</b>{bar}<small>{low:.1f} to {high:.1f} %, n = {cell.n:,}{models}</small></td>'
