"""What headlines say of each kind of rule at each stage: templates, best first."""

from collections.abc import Mapping
from typing import Final

Templates = tuple[str, ...]

_LIMITS_ZH: Final = (
    "{window}内 {share} 的时间{channel}高于 {share_above}（预警线 {share_limit}）",
    "{channel} {window}{statistic} {value}，{beyond}{bound} {limit}",
    "{channel} {value}，{beyond}{bound} {limit}",
)
_LIMITS_EN: Final = (
    "{channel} above {share_above} for {share} of the last {window} (warning level {share_limit})",
    "{channel} {statistic} over {window} {value}, {beyond} the {bound} of {limit}",
    "{channel} {value}, {beyond} the {bound} of {limit}",
)
_LINKAGE_ZH: Final = (
    "风机运行而净化器未开启，最近 {window}内有 {minutes_off}",
    "风机运行而净化器未开启",
)
_LINKAGE_EN: Final = (
    "purifier off while the fan runs, {minutes_off} of the last {window}",
    "purifier off while the fan runs",
)
_ABSENCE_ZH: Final = ("监测仪已 {silent}没有数据", "监测仪没有数据")
_ABSENCE_EN: Final = ("no data from the monitor for {silent}", "no data from the monitor")
_TREND_ZH: Final = (
    "{channel}预计 {reaches_at} 达到{bound} {limit}（约 {reaches_in}后），"
    "当前 {now}，每小时上升 {slope}",
    "{channel}预计 {reaches_at} 达到{bound} {limit}（约 {reaches_in}后）",
    "{channel}预计将达到{bound} {limit}",
)
_TREND_EN: Final = (
    "{channel} expected to reach the {bound} of {limit} at {reaches_at} (in about {reaches_in}), "
    "now {now}, rising {slope} an hour",
    "{channel} expected to reach the {bound} of {limit} at {reaches_at} (in about {reaches_in})",
    "{channel} expected to reach the {bound} of {limit}",
)
_FLATLINE_ZH: Final = (
    "{channel}已 {unchanged}没有变化，停在 {stuck_at}",
    "{channel}长时间没有变化",
)
_FLATLINE_EN: Final = (
    "{channel} unchanged for {unchanged}, stuck at {stuck_at}",
    "{channel} unchanged for too long",
)
_JUMP_ZH: Final = (
    "{channel} {step}均值由 {before} 升至 {value}（{ratio} 倍）",
    "{channel} {step}均值突然升至 {value}",
)
_JUMP_EN: Final = (
    "{channel} mean over {step} up from {before} to {value} ({ratio} times)",
    "{channel} mean over {step} suddenly up to {value}",
)
_OUTAGE_ZH: Final = (
    "{alive_count} 台监测仪中有 {silent_count} 台同时没有数据",
    "多台监测仪同时没有数据",
)
_OUTAGE_EN: Final = (
    "{silent_count} of {alive_count} monitors silent at once",
    "many monitors silent at once",
)
_RECURRENCE_ZH: Final = (
    "{title}，{period}内有 {days_seen} 天触发（预警线 {days_limit} 天）",
    "{title}，{period}内触发 {times_seen} 次（预警线 {times_limit} 次）",
)
_RECURRENCE_EN: Final = (
    "{title}, days within {period}: {days_seen} (warning level {days_limit})",
    "{title}, times within {period}: {times_seen} (warning level {times_limit})",
)
_COMPLAINT_ZH: Final = (
    "{title}，{complained_at} 有居民投诉，距监测仪约 {distance}；"
    "{alert_at} 曾触发规则 {near_alert}",
)
_COMPLAINT_EN: Final = (
    "{title}, a resident complained at {complained_at}, about {distance} from the monitor; "
    "rule {near_alert} opened an alert at {alert_at}",
)

_DETERIORATION_ZH: Final = (
    "{channel}{of}逐日上升，预计 {reached_on} 达到{bound} {level}"
    "（{earliest} 至 {latest} 之间），目前 {now}，每周上升 {slope}",
    "{channel}{of}逐日上升，预计 {reached_on} 达到{bound} {level}"
    "（最早 {earliest}），目前 {now}，每周上升 {slope}",
    "{channel}逐日上升，预计 {reached_on} 达到{bound} {level}",
    "{channel}逐日上升",
)
_DETERIORATION_EN: Final = (
    "{channel} ({of}) rising day by day, expected to reach the {bound} of {level} on {reached_on}, "
    "between {earliest} and {latest}; now {now}, rising {slope} a week",
    "{channel} ({of}) rising day by day, expected to reach the {bound} of {level} on {reached_on}, "
    "{earliest} at the earliest; now {now}, rising {slope} a week",
    "{channel} rising day by day, expected to reach the {bound} of {level} on {reached_on}",
    "{channel} rising day by day",
)
_BASELINE_ZH: Final = (
    "{channel}为清洗后基线的 {rate}（预警线 {rate_limit}），目前 {now}，基线 {baseline}",
    "{channel}为自身基线的 {rate}（预警线 {rate_limit}），目前 {now}，基线 {own_baseline}",
)
_BASELINE_EN: Final = (
    "{channel} at {rate} of what it was after the cleaning (warning level {rate_limit}), "
    "now {now}, then {baseline}",
    "{channel} at {rate} of its own baseline (warning level {rate_limit}), "
    "now {now}, baseline {own_baseline}",
)
_CLEANING_ZH: Final = (
    "净化器清洗已逾期，应于 {overdue_since} 前清洗，上次清洗 {cleaned}",
    "净化器应于 {due_on} 前清洗，上次清洗 {cleaned}",
)
_CLEANING_EN: Final = (
    "purifier overdue for cleaning since {overdue_since}, last cleaned on {cleaned}",
    "purifier due for cleaning by {due_on}, last cleaned on {cleaned}",
)
_LINKAGE_RATE_ZH: Final = (
    "{day} 净化器联动率 {rate}（预警线 {rate_limit}），风机运行的 {whole}中有 {off}未开启净化器",
    "净化器联动率 {rate}（预警线 {rate_limit}）",
)
_LINKAGE_RATE_EN: Final = (
    "purifier on for {rate} of the fan's time on {day} (warning level {rate_limit}), "
    "off for {off} of {whole}",
    "purifier on for {rate} of the fan's time (warning level {rate_limit})",
)
_VALIDITY_ZH: Final = (
    "{day} 营业时间数据有效率 {rate}（预警线 {rate_limit}），{whole_open}中有效 {valid}",
    "{day} 监测数据有效率 {rate}（预警线 {rate_limit}），有读数的 {whole}中有效 {valid}",
    "监测数据有效率 {rate}（预警线 {rate_limit}）",
)
_VALIDITY_EN: Final = (
    "{rate} of business hours with valid data on {day} (warning level {rate_limit}), "
    "{valid} of {whole_open}",
    "{rate} of the readings valid on {day} (warning level {rate_limit}), {valid} of {whole}",
    "{rate} of the data valid (warning level {rate_limit})",
)


def _not_yet(templates: Templates, remark: str) -> Templates:
    return tuple(template + remark for template in templates)


SAID_ZH: Final[Mapping[tuple[str, str], Templates]] = {
    ("threshold", "firing"): _LIMITS_ZH,
    ("threshold", "pending"): _not_yet(_LIMITS_ZH, "，尚未达到预警时长"),
    ("threshold", "resolved"): (
        "{channel}已恢复，持续 {lasted}，时间占比最高 {share_peak}（预警线 {share_limit}）",
        "{channel}已恢复，持续 {lasted}，峰值 {peak}（{bound} {limit}）",
        "{channel}已恢复，持续 {lasted}",
    ),
    ("linkage", "firing"): _LINKAGE_ZH,
    ("linkage", "pending"): _not_yet(_LINKAGE_ZH, "，尚未达到预警时长"),
    ("linkage", "resolved"): (
        "风机运行而净化器未开启的情况已结束，持续 {lasted}（{window}内最多 {peak_off}）",
        "风机运行而净化器未开启的情况已结束，持续 {lasted}",
    ),
    ("absence", "firing"): _ABSENCE_ZH,
    ("absence", "pending"): _not_yet(_ABSENCE_ZH, "，尚未达到预警时长"),
    ("absence", "resolved"): (
        "监测仪恢复通信，有心跳但尚无读数，离线 {silent_till_beat}",
        "监测仪恢复上报，离线 {silent}",
        "监测仪恢复上报，离线 {lasted}",
    ),
    ("trend", "firing"): _TREND_ZH,
    ("trend", "pending"): _not_yet(_TREND_ZH, "，尚未达到预警时长"),
    ("trend", "resolved"): (
        "{channel}上升趋势已缓解，持续 {lasted}，预测值最高 {peak}（{bound} {limit}）",
        "{channel}上升趋势已缓解，持续 {lasted}",
    ),
    ("flatline", "firing"): _FLATLINE_ZH,
    ("flatline", "pending"): _not_yet(_FLATLINE_ZH, "，尚未达到预警时长"),
    ("flatline", "resolved"): ("{channel}恢复变化，持续 {lasted}",),
    ("jump", "firing"): _JUMP_ZH,
    ("jump", "pending"): _not_yet(_JUMP_ZH, "，尚未达到预警时长"),
    ("jump", "resolved"): (
        "{channel}突变已结束，持续 {lasted}，峰值 {peak}",
        "{channel}突变已结束，持续 {lasted}",
    ),
    ("outage", "firing"): _OUTAGE_ZH,
    ("outage", "pending"): _not_yet(_OUTAGE_ZH, "，尚未达到预警时长"),
    ("outage", "resolved"): (
        "监测仪已恢复上报，持续 {lasted}，最多 {most_silent} 台没有数据",
        "监测仪已恢复上报，持续 {lasted}",
    ),
    ("recurrence", "firing"): _RECURRENCE_ZH,
    ("recurrence", "pending"): _not_yet(_RECURRENCE_ZH, "，尚未达到预警时长"),
    ("mismatch", "firing"): _RECURRENCE_ZH,
    ("mismatch", "pending"): _not_yet(_RECURRENCE_ZH, "，尚未达到预警时长"),
    ("complaint", "firing"): _COMPLAINT_ZH,
    ("complaint", "pending"): _not_yet(_COMPLAINT_ZH, "，尚未达到预警时长"),
    ("deterioration", "firing"): _DETERIORATION_ZH,
    ("deterioration", "pending"): _not_yet(_DETERIORATION_ZH, "，尚未达到预警时长"),
    ("deterioration", "resolved"): (
        "{channel}逐日上升已缓解，持续 {lasted}，净化器已于 {cleaned_since} 清洗",
        "{channel}逐日上升已缓解，持续 {lasted}",
    ),
    ("baseline", "firing"): _BASELINE_ZH,
    ("baseline", "pending"): _not_yet(_BASELINE_ZH, "，尚未达到预警时长"),
    ("baseline", "resolved"): (
        "{channel}已恢复，为基线的 {rate_now}，持续 {lasted}，最低 {rate_worst}"
        "（预警线 {rate_limit}）",
        "{channel}已恢复，持续 {lasted}",
    ),
    ("cleaning", "firing"): _CLEANING_ZH,
    ("cleaning", "pending"): _not_yet(_CLEANING_ZH, "，尚未达到预警时长"),
    ("cleaning", "resolved"): (
        "净化器已于 {cleaned_since} 清洗",
        "净化器清洗期限已解除，持续 {lasted}",
    ),
    ("linkage_rate", "firing"): _LINKAGE_RATE_ZH,
    ("linkage_rate", "pending"): _not_yet(_LINKAGE_RATE_ZH, "，尚未达到预警时长"),
    ("linkage_rate", "resolved"): (
        "净化器联动率已恢复至 {rate_now}，持续 {lasted}，最低 {rate_worst}（预警线 {rate_limit}）",
        "净化器联动率已恢复，持续 {lasted}",
    ),
    ("validity", "firing"): _VALIDITY_ZH,
    ("validity", "pending"): _not_yet(_VALIDITY_ZH, "，尚未达到预警时长"),
    ("validity", "resolved"): (
        "监测数据有效率已恢复至 {rate_now}，持续 {lasted}，最低 {rate_worst}"
        "（预警线 {rate_limit}）",
        "监测数据有效率已恢复，持续 {lasted}",
    ),
}
SAID_EN: Final[Mapping[tuple[str, str], Templates]] = {
    ("threshold", "firing"): _LIMITS_EN,
    ("threshold", "pending"): _not_yet(_LIMITS_EN, ", not yet for long enough to warn"),
    ("threshold", "resolved"): (
        "{channel} in order again after {lasted}, at most {share_peak} of the time above "
        "{share_above} (warning level {share_limit})",
        "{channel} in order again after {lasted}, peak {peak} ({bound} {limit})",
        "{channel} in order again after {lasted}",
    ),
    ("linkage", "firing"): _LINKAGE_EN,
    ("linkage", "pending"): _not_yet(_LINKAGE_EN, ", not yet for long enough to warn"),
    ("linkage", "resolved"): (
        "purifier no longer off while the fan runs, after {lasted} (up to {peak_off} of {window})",
        "purifier no longer off while the fan runs, after {lasted}",
    ),
    ("absence", "firing"): _ABSENCE_EN,
    ("absence", "pending"): _not_yet(_ABSENCE_EN, ", not yet for long enough to warn"),
    ("absence", "resolved"): (
        "monitor is alive again after {silent_till_beat} offline, but sends no reading yet",
        "monitor reports again after {silent} offline",
        "monitor reports again after {lasted} offline",
    ),
    ("trend", "firing"): _TREND_EN,
    ("trend", "pending"): _not_yet(_TREND_EN, ", not yet for long enough to warn"),
    ("trend", "resolved"): (
        "{channel} no longer rising towards the {bound} after {lasted}, "
        "highest forecast {peak} ({bound} {limit})",
        "{channel} no longer rising towards the {bound} after {lasted}",
    ),
    ("flatline", "firing"): _FLATLINE_EN,
    ("flatline", "pending"): _not_yet(_FLATLINE_EN, ", not yet for long enough to warn"),
    ("flatline", "resolved"): ("{channel} changes again after {lasted}",),
    ("jump", "firing"): _JUMP_EN,
    ("jump", "pending"): _not_yet(_JUMP_EN, ", not yet for long enough to warn"),
    ("jump", "resolved"): (
        "sudden rise of {channel} over after {lasted}, peak {peak}",
        "sudden rise of {channel} over after {lasted}",
    ),
    ("outage", "firing"): _OUTAGE_EN,
    ("outage", "pending"): _not_yet(_OUTAGE_EN, ", not yet for long enough to warn"),
    ("outage", "resolved"): (
        "monitors report again after {lasted}, up to {most_silent} were silent",
        "monitors report again after {lasted}",
    ),
    ("recurrence", "firing"): _RECURRENCE_EN,
    ("recurrence", "pending"): _not_yet(_RECURRENCE_EN, ", not yet for long enough to warn"),
    ("mismatch", "firing"): _RECURRENCE_EN,
    ("mismatch", "pending"): _not_yet(_RECURRENCE_EN, ", not yet for long enough to warn"),
    ("complaint", "firing"): _COMPLAINT_EN,
    ("complaint", "pending"): _not_yet(_COMPLAINT_EN, ", not yet for long enough to warn"),
    ("deterioration", "firing"): _DETERIORATION_EN,
    ("deterioration", "pending"): _not_yet(_DETERIORATION_EN, ", not yet for long enough to warn"),
    ("deterioration", "resolved"): (
        "{channel} no longer rising day by day after {lasted}, purifier cleaned on {cleaned_since}",
        "{channel} no longer rising day by day after {lasted}",
    ),
    ("baseline", "firing"): _BASELINE_EN,
    ("baseline", "pending"): _not_yet(_BASELINE_EN, ", not yet for long enough to warn"),
    ("baseline", "resolved"): (
        "{channel} in order again after {lasted}, at {rate_now} of its baseline, "
        "{rate_worst} at the lowest (warning level {rate_limit})",
        "{channel} in order again after {lasted}",
    ),
    ("cleaning", "firing"): _CLEANING_EN,
    ("cleaning", "pending"): _not_yet(_CLEANING_EN, ", not yet for long enough to warn"),
    ("cleaning", "resolved"): (
        "purifier cleaned on {cleaned_since}",
        "purifier no longer due for cleaning, after {lasted}",
    ),
    ("linkage_rate", "firing"): _LINKAGE_RATE_EN,
    ("linkage_rate", "pending"): _not_yet(_LINKAGE_RATE_EN, ", not yet for long enough to warn"),
    ("linkage_rate", "resolved"): (
        "purifier on for {rate_now} of the fan's time "
        "again after {lasted}, {rate_worst} at the lowest (warning level {rate_limit})",
        "purifier on for enough of the fan's time again after {lasted}",
    ),
    ("validity", "firing"): _VALIDITY_EN,
    ("validity", "pending"): _not_yet(_VALIDITY_EN, ", not yet for long enough to warn"),
    ("validity", "resolved"): (
        "{rate_now} of the data valid "
        "again after {lasted}, {rate_worst} at the lowest (warning level {rate_limit})",
        "enough of the data valid again after {lasted}",
    ),
}
