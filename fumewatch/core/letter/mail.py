"""The HTML of a mail: one document with a section for each language.

Made for mail apps: tables and inline styles, a style sheet only for narrow screens and dark mode,
which an app may drop. Every picture is inline; nothing is loaded from anywhere.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from fumewatch.core.letter.en import EN
from fumewatch.core.letter.facts import Facts
from fumewatch.core.letter.marks import web_address
from fumewatch.core.letter.style import Ready, Style
from fumewatch.core.letter.template import fill, said
from fumewatch.core.letter.zh import ZH
from fumewatch.core.words import Language

_COLOURS: Final = {
    "critical": "#c62828",
    "warning": "#b45309",
    "info": "#52606d",
    "resolved": "#2e7d32",
}
_WORDS: Final = {
    "zh": {
        "open": "打开预警",
        "all": "查看全部",
        "what": "预警",
        "where": "地点",
        "since": "开始时间",
        "details": "详情",
        "still": "仍未解除",
        "more": "另有 {} 条未列出",
        "proof": "在线数据仅作预警，不作为执法依据",
        "counts": "{} 条未解除，{} 条已解除",
        "to": "至",
    },
    "en": {
        "open": "Open the early warning",
        "all": "All of them",
        "what": "Early warning",
        "where": "Where",
        "since": "Since",
        "details": "Details",
        "still": "still",
        "more": "and {} more, not listed",
        "proof": "Online values are an early warning, not legal proof",
        "counts": "{} open, {} over",
        "to": "to",
    },
}
_FONT: Final = (
    "font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei',sans-serif;"
)
_CSS: Final = {
    name: Ready(text)
    for name, text in {
        "page": f"margin:0;padding:16px;background:#f1f3f5;{_FONT}",
        "card": "background:#ffffff;color:#1f2328;border-radius:6px;padding:20px;font-size:15px;"
        f"line-height:1.5;overflow-wrap:anywhere;{_FONT}",
        "button": "display:inline-block;padding:11px 20px;border-radius:5px;color:#ffffff;"
        "font-weight:600;text-decoration:none;",
        "label": "padding:3px 12px 3px 0;vertical-align:top;color:#57606a;width:6em;",
        "soft": "color:#57606a;font-size:13px;font-weight:400;",
        "plot": "display:block;width:100%;max-width:640px;height:auto;margin:14px 0 4px;border:0;"
        "background:#ffffff;border-radius:4px;",
        "cell": "padding:8px 10px;vertical-align:top;border-top:1px solid #d8dee4;",
    }.items()
}
_HTML: Final = """\
<!doctype html>
<html lang="{{ parts[0].language }}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{ parts[0].heading }}</title>
<style>
:root { color-scheme: light dark; }
a { color: #1155cc; }
@media (max-width: 520px) {
  .page { padding: 8px !important; }
  .card { padding: 14px !important; }
  .head { display: none !important; }
  .row td { display: block !important; width: auto !important; padding: 0 0 0 15px !important;
    border-top: 0 !important; white-space: normal !important; }
  .row td.what { padding: 2px 0 2px 10px !important; }
  .row td.last { padding-bottom: 16px !important; }
}
@media (prefers-color-scheme: dark) {
  .page { background: #16181b !important; }
  .card { background: #212529 !important; color: #e6e8ea !important; }
  .soft { color: #a3abb3 !important; }
  .line { border-top-color: #3a4047 !important; }
  .plot { background: #ffffff !important; }
  a { color: #8ab4f8 !important; }
  a.button { color: #ffffff !important; }
  .tag-critical { color: #ff8a80 !important; }
  .tag-warning { color: #ffb74d !important; }
  .tag-info { color: #b0bec5 !important; }
  .tag-resolved { color: #81c784 !important; }
}
</style></head>
<body class="page" style="{{ css.page }}">
{% macro button(part, says) %}
<p style="margin:16px 0 0;"><a class="button" href="{{ part.button }}"
style="{{ css.button }}background:{{ part.colour }};">{{ says }}</a></p>
{% endmacro %}
{% macro plot(part) %}
{% if picture %}
<img class="plot" src="{{ picture }}" width="640" alt="{{ part.picture.caption }}"
style="{{ css.plot }}">
<p class="soft" style="margin:0 0 12px;{{ css.soft }}">{{ part.picture.caption }}</p>
{% endif %}
{% endmacro %}
{% for part in parts %}
{% set words = part.words %}
<table role="presentation" lang="{{ part.language }}" width="100%" cellpadding="0" cellspacing="0"
style="max-width:680px;margin:0 auto 16px;">
<tr><td class="card" style="{{ css.card }}border-top:5px solid {{ part.colour }};">
<h1 style="margin:0 0 12px;font-size:19px;line-height:1.35;">{{ part.heading }}</h1>
{% if part.own %}
{% for line in part.own[1:] %}
<p style="margin:0 0 8px;">{{ line }}</p>
{% endfor %}
{% else %}
{% for line in part.intro %}
<p style="margin:0 0 12px;">{{ line }}</p>
{% endfor %}
{% if part.one %}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"
style="border-collapse:collapse;">
{% for label, said in part.one.pairs %}
<tr>
{% if label %}
<td class="soft" style="{{ css.label }}">{{ label }}</td>
<td style="padding:3px 0;vertical-align:top;">{{ said }}</td>
{% else %}
<td class="soft" colspan="2" style="padding:6px 0 0;{{ css.soft }}">{{ said }}</td>
{% endif %}
</tr>
{% endfor %}
</table>
{% endif %}
{% if part.one %}
{{ plot(part) }}
{% endif %}
{% if part.one and part.button %}
{{ button(part, words.open) }}
{% elif part.alerts and not part.one %}
{% if part.reason == "storm" %}
<p style="margin:0 0 12px;">{{ part.counted }}</p>
{% endif %}
<table width="100%" cellpadding="0" cellspacing="0"
style="border-collapse:collapse;font-size:14px;">
<tr class="head">
{% for name in ("what", "where", "since") %}
<th class="soft" align="left" style="padding:4px 10px;{{ css.soft }}">{{ words[name] }}</th>
{% endfor %}
<th></th></tr>
{% for a in part.alerts %}
{% set tint = "resolved" if a.state == "resolved" else a.severity %}
<tr class="row">
<td class="what line" style="{{ css.cell }}border-left:5px solid {{ colours[tint] }};">
<strong class="tag-{{ tint }}" style="color:{{ colours[tint] }}">{{ a.tag }}</strong>
{% if a.change == "still" %}
<span class="soft" style="{{ css.soft }}">({{ words.still }})</span>
{% endif %}
<br>{{ a.sentence }}</td>
<td class="line" style="{{ css.cell }}"><strong>{{ a.site or a.monitor }}</strong>
{% if a.where %}
<br><span class="soft" style="{{ css.soft }}">{{ a.where }}</span>
{% endif %}
</td>
<td class="line" style="{{ css.cell }}white-space:nowrap;">{{ a.since }}
{% if a.until %}
<span class="soft" style="{{ css.soft }}">{{ words.to }} {{ a.until }}</span>
{% endif %}
</td>
<td class="line last" style="{{ css.cell }}white-space:nowrap;">
{{- link(a.link, words.details) }}</td>
</tr>
{% endfor %}
</table>
{% endif %}
{% if part.more %}
<p class="soft" style="margin:12px 0 0;{{ css.soft }}">{{ part.unlisted }}</p>
{% endif %}
{% if not part.one %}
{{ plot(part) }}
{% endif %}
{% if not part.one and part.button %}
{{ button(part, words.all) }}
{% endif %}
{% if part.alerts and not part.one %}
<p class="soft" style="margin:14px 0 0;{{ css.soft }}">{{ words.proof }}</p>
{% endif %}
{% endif %}
</td></tr></table>
{% endfor %}
</body></html>
"""


def mail(
    languages: Sequence[Language],
    titles: Sequence[str],
    given: Sequence[Facts],
    own: Sequence[Sequence[str] | None],
) -> str:
    """`given`: facts by language. `own`: the lines of a layout of the receiver's own, if it has
    one: they stand instead of ours."""
    parts = [_part(*each) for each in zip(languages, titles, given, own, strict=True)]
    source = given[0]["picture"]["src"] if given[0]["picture"] else ""
    facts = {"parts": parts, "colours": _COLOURS, "picture": Ready(escape(source)), "css": _CSS}
    return fill(_HTML, Style.HTML, languages[0], facts)


def _part(
    language: Language, title: str, given: Facts, own: Sequence[str] | None
) -> dict[str, Any]:
    alerts, counts, words = given["alerts"], given["counts"], _WORDS[language]
    is_one = given["total"] == 1 and alerts and given["reason"] not in ("digest", "storm")
    one = alerts[0] if is_one else None
    layout = ZH if language == "zh" else EN
    intro = said(layout, "intro", Style.HTML, language, given)
    tint = "resolved" if given["state"] == "resolved" else given["severity"]
    return {
        **given,
        "heading": title,
        "own": [_linked(line, given) for line in own] if own else None,
        "one": one,
        "intro": [Ready(line) for line in intro.split("\n") if line.strip()],
        "words": words,
        "colour": Ready(_COLOURS[tint]),
        "counted": words["counts"].format(counts["firing"], counts["resolved"]),
        "unlisted": words["more"].format(given["more"]),
        "button": Ready(escape(web_address((one and one["link"]) or given["page"]))),
    }


def _linked(line: str, given: Facts) -> Ready:
    """A line of plain text, in which our own addresses can be followed, and nothing else."""
    ours = sorted(_addresses(given), key=len, reverse=True)
    for address in ours:
        if address in line:
            before, _, after = line.partition(address)
            href = escape(address)
            link = f'<a href="{href}">{href}</a>'
            return Ready(f"{escape(before)}{link}{_linked(after, given)}")
    return Ready(escape(line))


def _addresses(given: Facts) -> Iterable[str]:
    links = [alert["link"] for alert in given["alerts"]] + [given["page"]]
    return filter(None, map(web_address, links))
