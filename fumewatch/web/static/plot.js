// A monitor's readings: one panel a channel over a shared axis of time, fan and purifier as bands.
// Times are shown as they stand in the answer, in the site's zone, whatever the reader's clock says.

const EVERY_MS = 60000;
const PANEL = { first: 230, other: 104, bands: 54, gap: 30, top: 26, bottom: 34 };
const texts = JSON.parse(document.getElementById("plot-texts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const coarse = matchMedia("(pointer: coarse)");

const local = (iso) => iso.slice(0, 19);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Splits where readings are missing, so that a gap is drawn as a gap; one missing minute is nothing.
function withGaps(readings) {
  const times = readings.measured_at.map((iso) => Date.parse(iso));
  const steps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  const usual = readings.step_seconds ? readings.step_seconds * 1000 : steps[steps.length >> 1] || 60000;
  const longest = Math.max(2.5 * usual, 150000);
  const rows = [];
  times.forEach((t, row) => {
    if (row && t - times[row - 1] > longest) rows.push(-1);
    rows.push(row);
  });
  const x = rows.map((row, i) => local(readings.measured_at[row < 0 ? rows[i - 1] : row]));
  return { rows, x, usual };
}

const column = (rows, values) => rows.map((row) => (row < 0 ? null : values[row]));

function measured(name, series, gapped, axis, held) {
  const { rows, x } = gapped;
  const all = column(rows, series.values);
  const isHeld = new Set(series.held);
  const fresh = rows.map((row) => (row < 0 || isHeld.has(row) ? null : series.values[row]));
  const label = texts.channels[name];
  const note = rows.map((row) => (isHeld.has(row) ? ` (${texts.held})` : ""));
  const common = { type: "scatter", mode: "lines", x, yaxis: axis, connectgaps: false, showlegend: false };
  return [
    { ...common, name: label, y: all, customdata: note, meta: { channel: name },
      line: { color: held, width: 1.2, dash: "dot", shape: "hv" },
      hovertemplate: `${label} %{y:.2f} ${series.unit}%{customdata}<extra></extra>` },
    { ...common, name: label, y: fresh, hoverinfo: "skip", meta: { channel: name, fresh: true },
      line: { color: colour("accent"), width: 1.8, shape: "hv" } },
  ];
}

// Spans in which `is(row)` holds, as a line with breaks.
function spans(gapped, readings, level, is) {
  const x = [];
  const y = [];
  let start = null;
  let end = null;
  const close = () => {
    if (start !== null) (x.push(start, end, null), y.push(level, level, null));
    start = null;
  };
  for (const row of gapped.rows) {
    if (row < 0 || !is(row)) { close(); continue; }
    const at = local(readings.measured_at[row]);
    start ??= at;
    end = later(at, gapped.usual);
  }
  close();
  return { x, y };
}

function later(stamp, ms) {
  return new Date(Date.parse(`${stamp}Z`) + ms).toISOString().slice(0, 19);
}

function bands(readings, gapped, axis) {
  const fan = readings.channels.fan_on?.values;
  const purifier = readings.channels.purifier_on?.values;
  const on = colour("normal");
  const line = (level, name, color, width, is) => ({
    type: "scatter", mode: "lines", yaxis: axis, showlegend: false, hoverinfo: "skip",
    meta: { band: name }, line: { color, width }, ...spans(gapped, readings, level, is),
  });
  const traces = [];
  if (fan) {
    traces.push(line(1, "fan_on", on, 9, (row) => fan[row] === 1));
    traces.push(line(1, "fan_off", colour("line"), 3, (row) => fan[row] === 0));
  }
  if (purifier) {
    const unsafe = (row) => purifier[row] === 0 && fan?.[row] === 1;
    traces.push(line(0, "purifier_on", on, 9, (row) => purifier[row] === 1));
    traces.push(line(0, "purifier_off", colour("line"), 3, (row) => purifier[row] === 0 && !unsafe(row)));
    traces.push(line(0, "purifier_off_while_fan_on", colour("exceeding"), 9, unsafe));
  }
  const said = (row) => [["fan_on", fan], ["purifier_on", purifier]].filter(([, values]) => values && values[row] !== null)
    .map(([name, values]) => `${texts.states[name]} ${values[row] ? texts.on : texts.off}`).join(" · ");
  traces.push({
    type: "scatter", mode: "lines", yaxis: axis, showlegend: false, x: gapped.x, line: { width: 0 }, opacity: 0,
    y: column(gapped.rows, gapped.rows.map(() => 0.5)), customdata: gapped.rows.map((row) => (row < 0 ? "" : said(row))),
    meta: { band: "text" }, hovertemplate: "%{customdata}<extra></extra>",
  });
  return traces;
}

// From top to bottom: the first channel, the bands, the others. Domains are shares of the height.
function panels(plot, readings) {
  const present = Object.keys(texts.channels).filter((name) => name in readings.channels);
  const states = present.filter((name) => name.endsWith("_on"));
  const wanted = present.filter((name) => !states.includes(name) && (!plot.channels || plot.channels.includes(name)));
  const list = wanted.map((name, i) => ({ name, height: i ? PANEL.other : PANEL.first }));
  if (states.length) list.splice(1, 0, { name: null, height: PANEL.bands });
  const inner = list.reduce((sum, panel) => sum + panel.height, 0) + PANEL.gap * (list.length - 1);
  let top = inner;
  list.forEach((panel, i) => {
    panel.axis = i ? `y${i + 1}` : "y";
    panel.domain = [Math.max(0, (top - panel.height) / inner), top / inner];
    top -= panel.height + PANEL.gap;
  });
  return { list, height: inner + PANEL.top + PANEL.bottom };
}

function axisOf(panel, limit, values) {
  const quiet = { fixedrange: true, zeroline: false, gridcolor: colour("line"), tickfont: { color: colour("soft"), size: 11 }, domain: panel.domain };
  if (!panel.name) {
    return { ...quiet, range: [-0.6, 1.6], tickvals: [1, 0], ticktext: [texts.states.fan_on, texts.states.purifier_on], showgrid: false };
  }
  const known = values.filter((value) => value !== null);
  const high = known.reduce((a, b) => Math.max(a, b), limit ? limit * 1.25 : 0);
  const low = known.reduce((a, b) => Math.min(a, b), Infinity);
  const fromZero = low >= 0 && (limit || low < high / 2); // else a limit below all values would be out of sight
  const room = (high - (fromZero ? 0 : low)) * 0.08 || 1;
  return { ...quiet, nticks: 5, range: [fromZero ? 0 : low - room, high + room] };
}

function limitLine(panel, limit, name) {
  return { name: `${name}:${panel.name}`, type: "line", xref: "paper", x0: 0, x1: 1, yref: panel.axis, y0: limit, y1: limit,
    line: { color: colour(name === "limit" ? "exceeding" : "warned"), width: 1.4, dash: "dash" } };
}

function limitText(panel, limit, name) {
  return { text: `${texts[name]} ${limit}`, xref: "paper", x: 0.004, xanchor: "left", yref: panel.axis, y: limit, yanchor: "bottom",
    showarrow: false, font: { color: colour(name === "limit" ? "critical" : "warning"), size: 11 } };
}

function alertSpan(span, panel) {
  const tint = { critical: "exceeding", warning: "warned", info: "info" }[span.severity];
  return { name: `alert:${span.url}`, type: "rect", layer: "below", xref: "x", x0: local(span.start), x1: local(span.end),
    yref: `${panel.axis} domain`, y0: 0, y1: 1, fillcolor: colour(tint), opacity: 0.16, line: { width: 0 } };
}

function heading(panel, unit) {
  return { text: `${texts.channels[panel.name]}${unit ? `  ${unit}` : ""}`, xref: "paper", x: 0, xanchor: "left", yref: "paper",
    y: panel.domain[1], yanchor: "bottom", yshift: 3, showarrow: false, font: { color: colour("soft"), size: 12 } };
}

function figure(plot, readings) {
  const gapped = withGaps(readings);
  const { list, height } = panels(plot, readings);
  const data = [];
  const shapes = [];
  const annotations = [];
  const axes = {};
  for (const panel of list) {
    const series = panel.name && readings.channels[panel.name];
    const levels = panel.name ? { limit: plot.limits[panel.name], level: panel.axis === "y" ? plot.level : null } : {};
    data.push(...(series ? measured(panel.name, series, gapped, panel.axis, colour("soft")) : bands(readings, gapped, panel.axis)));
    axes[`yaxis${panel.axis.slice(1)}`] = axisOf(panel, Math.max(levels.limit ?? 0, levels.level ?? 0), series?.values ?? []);
    for (const [name, at] of Object.entries(levels)) {
      if (at) (shapes.push(limitLine(panel, at, name)), annotations.push(limitText(panel, at, name)));
    }
    if (panel.name) annotations.push(heading(panel, series.unit));
    shapes.push(...plot.spans.filter((span) => belongs(span, panel)).map((span) => alertSpan(span, panel)));
  }
  const last = list.length ? list[list.length - 1].axis : "y";
  const layout = {
    ...axes, height, shapes, annotations, margin: { l: 46, r: 10, t: PANEL.top, b: PANEL.bottom, pad: 0 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "inherit", color: colour("ink") },
    hovermode: "x unified", hoversubplots: "axis", dragmode: coarse.matches ? false : "zoom", showlegend: false,
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12 } },
    xaxis: { type: "date", anchor: last, range: [local(readings.start), local(readings.end)], showgrid: true, gridcolor: colour("line"), zeroline: false,
      tickformat: "%H:%M\n%m-%d", hoverformat: "%m-%d %H:%M", nticks: innerWidth < 600 ? 5 : 12, tickfont: { color: colour("soft"), size: 11 } },
  };
  return { data, layout };
}

const belongs = (span, panel) => (span.channel ? span.channel === panel.name : panel.name === null || panel.axis === "y");

class Chart {
  constructor(box) {
    this.box = box;
    this.plot = JSON.parse(box.dataset.plot);
    this.hours = 0;
    this.readings = null;
    this.buttons = [...box.parentElement.querySelectorAll("[data-hours]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.zoom(Number(button.dataset.hours)));
  }

  async load() {
    const { monitor, moves, follows, start, end } = this.plot;
    const address = this.box.dataset.readings || `/api/v1/monitors/${monitor}/readings`;
    const query = new URLSearchParams(!moves ? { from: start, to: end } : follows ? {} : { from: start });
    try {
      const answer = await fetch(`${address}?${query}`);
      if (!answer.ok) throw new Error(String(answer.status));
      this.readings = await answer.json();
      await this.draw();
    } catch (error) {
      if (!this.readings) this.say(texts.failed);
    }
  }

  say(text) {
    Plotly.purge(this.box);
    const note = document.createElement("p");
    note.className = "plot-note";
    note.textContent = text;
    this.box.replaceChildren(note);
  }

  async draw() {
    if (!this.readings.measured_at.length) return this.say(texts.empty);
    this.box.querySelector(".plot-note")?.remove();
    const { data, layout } = figure(this.plot, this.readings);
    if (this.hours) layout.xaxis.range[0] = later(layout.xaxis.range[1], -this.hours * 3600000);
    layout.uirevision = String(this.hours);
    await Plotly.react(this.box, data, layout, { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false });
    this.offer();
    this.box.dataset.drawn = this.readings.end;
  }

  // Only spans that are shorter than what there is.
  offer() {
    const all = (Date.parse(this.readings.end) - Date.parse(this.readings.start)) / 3600000;
    for (const button of this.buttons) button.hidden = Number(button.dataset.hours) > all / 2;
    const offered = this.buttons.filter((button) => !button.hidden);
    if (offered.length) offered[0].parentElement.hidden = offered.length < 2;
  }

  zoom(hours) {
    this.hours = hours;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.hours) === hours));
    this.draw();
  }
}

const charts = [...document.querySelectorAll(".plot[data-plot]")].map((box) => new Chart(box));
for (const chart of charts) {
  chart.load();
  if (chart.plot.moves) setInterval(() => document.visibilityState === "visible" && chart.load(), EVERY_MS);
}
dark.addEventListener("change", () => charts.forEach((chart) => chart.readings && chart.draw()));
