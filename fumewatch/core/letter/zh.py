"""The default layout in Chinese; see facts.py for what it may say. Its first line is the title."""

from typing import Final

from fumewatch.core.letter.template import Layout

ZH: Final = Layout("""\
{% set one = alerts[0] if total == 1 and alerts else none %}
{% set proof = "在线数据仅作预警，不作为执法依据" %}
{% macro item(a) %}
{{ tint("【" ~ a.tag ~ "】", "resolved" if a.state == "resolved" else a.severity) }}{{ a.told }}
{%- if a.change == "still" %}（仍未解除）{% endif %}
{% if a.where and a.where not in group.values() %}，{{ a.where }}{% endif %}
{% if not a.until %}，{{ a.since }} 起{% endif %} {{ link(a.link or page, "详情") }}
{% endmacro %}
{% macro brief(a) %}
{{ tint("【" ~ a.tag ~ "】", "resolved" if a.state == "resolved" else a.severity) }}{{ a.sentence }}
{%- if not a.until %}，{{ a.since }} 起{% endif %} {{ link(a.link or page, "详情") }}
{% endmacro %}
{% macro whole(a) %}
{% for line in a.lines %}
{{ line }}
{% endfor %}
{{ link(a.link or page, "详情") }}
{% endmacro %}
{% macro items() %}
{% for a in alerts %}
{{ item(a) }}
{% endfor %}
{{ others() }}
{% endmacro %}
{% macro others() %}
{% if more %}
另有 {{ more }} 条{% if not link_to_all() %}未列出{% endif %} {{ link_to_all() }}
{% else %}
{{ link_to_all() }}
{% endif %}
{% endmacro %}
{% macro link_to_all() %}{{ link(page, "查看全部") }}{% endmacro %}
{% macro counted() %}
{% if counts.firing or not counts.resolved %}{{ counts.firing }} 条预警未解除{% endif %}
{% if counts.firing and counts.resolved %}，{% endif %}
{% if counts.resolved %}{{ counts.resolved }} 条已解除{% endif %}
{% endmacro %}
{% macro urged() %}
{{ "已核实" if step.on == "confirmed" else "请跟进" if step.on
    else "请核查" if step.number == 1 else "催办" }}
{%- endmacro %}
{% macro expected() %}{{ step.name or title }}{{ "：" if step.name or title }}{% endmacro %}
{% macro tail() %}
{{ "·仍未解除" if reason == "repeat" else "解除" if counts.resolved and not counts.firing }}
{%- endmacro %}
{% macro shared() %}
{{ common|join("，") }}{{ "：" if common }}{{ title }}{{ "，" if title }}
{%- endmacro %}
{% macro intro() %}
{% if reason == "test" %}
{% if to.name %}{{ to.name }}，您好。{% endif %}
这是一条测试消息，收到即表示餐饮油烟预警可以送达，无需处理。
{% elif reason == "dead man" and state == "firing" %}
预警仍在记录，恢复后会补发。请检查网络，以及该接收方的地址和密钥。
{% elif reason == "dead man" %}
预警照常送达。
{% elif reason == "escalation" %}
{% if to.name %}{{ to.name }}，{% endif %}
{% if step.on == "confirmed" %}
以下预警经现场核实属实，请跟进处理。请打开链接查看核查记录
{%- elif step.on %}
以下预警已有反馈，请跟进处理。请打开链接查看处置记录
{%- elif step.number == 1 %}
以下预警请及时核查。请核查现场，并打开链接签收、反馈整改或核查结果
{%- else %}
以下预警{% if step.since %}自 {{ step.since }} 起{% endif %}尚未办结
{%- if step.number > 1 %}，现升级到第 {{ step.number }} 步{% endif %}
{% if step.number > 1 and step.of %}（共 {{ step.of }} 步）{% endif %}。
请核查现场，并打开链接签收、反馈整改或核查结果
{%- endif %}
{%- if step.until %}，时限 {{ step.until }}{% endif %}。
{% elif reason == "digest" and not total %}
没有需要处理的预警。
{% elif reason == "digest" and not counts.resolved %}
建议核查以下单位，最严重的在前：
{% endif %}
{% endmacro %}
{% if reason == "test" %}
{{ strong("【测试】" ~ (title or "预警消息测试")) }}
{% elif reason == "dead man" %}
{{ strong("【系统提醒】" ~ (title or "预警消息无法送达")) }}
{% elif reason == "storm" %}
{{ strong("【预警汇总】" ~ (title or counted())) }}
{% elif reason == "digest" %}
{{ strong("【" ~ (title or "预警清单") ~ "】" ~ counted()) }}
{% elif reason == "escalation" and one %}
{{ strong("【" ~ urged() ~ "·" ~ one.tag ~ "】" ~ expected() ~ one.told) }}
{% elif reason == "escalation" %}
{{ strong("【" ~ urged() ~ "】" ~ expected() ~ counted()) }}
{% elif one and one.change == "still" %}
{{ strong("【" ~ one.tag ~ "·仍未解除】" ~ one.told) }}
{% elif one %}
{{ strong(one.headline) }}
{% else %}
{{ strong("【预警" ~ tail() ~ "】" ~ shared() ~ counted()) }}
{% endif %}
{{ intro() }}
{% if one and reason not in ("digest", "storm") %}
{{ whole(one) }}
{% elif total and reason == "digest" %}
{% for site in sites %}
{{ loop.index }}、{{ strong(site.name) }}{% if site.where %}，{{ site.where }}{% endif %}

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
