"""The default layout in English; see facts.py for what it may say. Its first line is the title."""

from typing import Final

from fumewatch.core.letter.template import Layout

EN: Final = Layout("""\
{% set one = alerts[0] if total == 1 and alerts else none %}
{% set proof = "Online values are an early warning, not legal proof" %}
{% macro item(a) %}
{{ tint("[" ~ a.tag ~ "]", "resolved" if a.state == "resolved" else a.severity) }} {{ a.told }}
{%- if a.change == "still" %} (still){% endif %}
{% if a.where and a.where not in group.values() %}, {{ a.where }}{% endif %}
{% if not a.until %}, since {{ a.since }}{% endif %} {{ link(a.link or page, "Details") }}
{% endmacro %}
{% macro brief(a) %}
{{ tint("[" ~ a.tag ~ "]", "resolved" if a.state == "resolved" else a.severity) }} {{ a.sentence }}
{%- if not a.until %}, since {{ a.since }}{% endif %} {{ link(a.link or page, "Details") }}
{% endmacro %}
{% macro whole(a) %}
{% for line in a.lines %}
{{ line }}
{% endfor %}
{{ link(a.link or page, "Details") }}
{% endmacro %}
{% macro items() %}
{% for a in alerts %}
{{ item(a) }}
{% endfor %}
{{ others() }}
{% endmacro %}
{% macro others() %}
{% if more %}
and {{ more }} more{% if not link_to_all() %}, not listed{% endif %} {{ link_to_all() }}
{% else %}
{{ link_to_all() }}
{% endif %}
{% endmacro %}
{% macro link_to_all() %}{{ link(page, "All of them") }}{% endmacro %}
{% macro counted() %}
{% if counts.firing or not counts.resolved %}
{{ counts.firing }} early warning{{ "" if counts.firing == 1 else "s" }} open
{%- if counts.resolved %}, {{ counts.resolved }} over{% endif %}
{% else %}
{{ counts.resolved }} early warning{{ "" if counts.resolved == 1 else "s" }} over
{%- endif %}
{% endmacro %}
{% macro urged() %}
{{ "Confirmed" if step.on == "confirmed" else "Answered" if step.on
    else "To be checked" if step.number == 1 else "Reminder" }}
{%- endmacro %}
{% macro expected() %}{{ step.name or title }}{{ ": " if step.name or title }}{% endmacro %}
{% macro shared() %}
{{ common|join(", ") }}{{ ": " if common }}{{ title }}{{ ", " if title }}
{%- endmacro %}
{% macro intro() %}
{% if reason == "test" %}
{% if to.name %}{{ to.name }}: this{% else %}This{% endif %} is a test:
{{- " early warnings of oil fume can reach you. Nothing is to be done." }}
{% elif reason == "dead man" and state == "firing" %}
Early warnings are still recorded, and sent once it works again.
Check the network, and the address and secret of that receiver.
{% elif reason == "dead man" %}
Early warnings go out as before.
{% elif reason == "escalation" %}
{% if step.on %}
{% if to.name %}{{ to.name }}: this{% else %}This{% endif %}
{{- " was confirmed on site" if step.on == "confirmed" else " was answered" }}.
Open the link for what was found and done, and follow it up
{%- elif step.number == 1 %}
{% if to.name %}{{ to.name }}: please{% else %}Please{% endif %}
{{- " check on site, then open the link to acknowledge it and to say what was done or found" }}
{%- else %}
{% if to.name %}{{ to.name }}: nobody{% else %}Nobody{% endif %} has closed this
{%- if step.since %} since {{ step.since }}{% endif %}
{% if step.number > 1 %}; it is now at step {{ step.number }}{% endif %}
{% if step.number > 1 and step.of %} of {{ step.of }}{% endif %}.
Check on site, then open the link to acknowledge it and to say what was done or found
{%- endif %}
{%- if step.until %}, by {{ step.until }}{% endif %}.
{% elif reason == "digest" and not total %}
No early warning is open.
{% elif reason == "digest" and not counts.resolved %}
To be visited, the worst first:
{% endif %}
{% endmacro %}
{% if reason == "test" %}
{{ strong("[Test] " ~ (title or "an early warning can reach you")) }}
{% elif reason == "dead man" %}
{{ strong("[Notice] " ~ (title or "early warnings cannot be delivered")) }}
{% elif reason == "storm" %}
{{ strong("[Early warnings] " ~ (title or counted())) }}
{% elif reason == "digest" %}
{{ strong("[" ~ (title or "List of early warnings") ~ "] " ~ counted()) }}
{% elif reason == "escalation" and one %}
{{ strong("[" ~ urged() ~ ": " ~ one.tag ~ "] " ~ expected() ~ one.told) }}
{% elif reason == "escalation" %}
{{ strong("[" ~ urged() ~ "] " ~ expected() ~ counted()) }}
{% elif one and one.change == "still" %}
{{ strong("[Still: " ~ one.tag ~ "] " ~ one.told) }}
{% elif one %}
{{ strong(one.headline) }}
{% else %}
{% set tag = "Still" if reason == "repeat" else "Early warnings" %}
{{ strong("[" ~ tag ~ "] " ~ shared() ~ counted()) }}
{% endif %}
{{ intro() }}
{% if one and reason not in ("digest", "storm") %}
{{ whole(one) }}
{% elif total and reason == "digest" %}
{% for site in sites %}
({{ loop.index }}) {{ strong(site.name) }}{% if site.where %}, {{ site.where }}{% endif %}

{% for a in site.alerts %}
{{ brief(a) }}
{% endfor %}
{% endfor %}
{{ others() }}
{{ soft(proof) }}
{% elif total %}
{% if reason == "storm" and title %}
{{ counted() }}
{% endif %}
{{ items() }}
{{ soft(proof) }}
{% else %}
{{ link_to_all() }}
{% endif %}
""")
