// Days of a monitor: values, the line through them drawn on to the limit with its bounds, and what
// happened on which day. Days are those of the site, whatever the reader's clock says.

const texts = JSON.parse(document.getElementById("days-texts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const coarse = matchMedia("(pointer: coarse)");
const DAY_MS = 86400000;
const MARK_COLOURS = { cleaned: "normal", "cleaning due": "warned", reached: "exceeding", step: "fault", bend: "fault", alert_opened: "info" };

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const x = (points) => points.map(([at]) => at);
const y = (points) => points.map(([, value]) => value);

function values(plot) {
  const hover = `%{x|%Y-%m-%d}  %{y:.2f} ${plot.unit}<extra></extra>`;
  const strong = plot.are_bars ? "warned" : "accent";
  const colours = plot.judged.map((is) => colour(is ? strong : "stale"));
  const common = { x: plot.days, y: plot.values, name: "values", hovertemplate: hover, showlegend: false };
  if (plot.are_bars) return { ...common, type: "bar", width: 0.7 * DAY_MS, marker: { color: colours } };
  return { ...common, type: "scatter", mode: "lines+markers", line: { color: colour("stale"), width: 1 },
    marker: { color: colours, size: 7, line: { width: 0 } } };
}

function line(name, points, more) {
  return { type: "scatter", mode: "lines", name, x: x(points), y: y(points), hoverinfo: "skip", showlegend: false, ...more };
}

function lines(plot) {
  const accent = colour("accent");
  const edge = { line: { color: accent, width: 1, dash: "dot" } };
  const found = [];
  if (plot.steep.length) found.push(line("steep", plot.steep, edge));
  if (plot.flat.length) found.push(line("flat", plot.flat, edge));
  if (plot.line.length) found.push(line("line", plot.line, { line: { color: accent, width: 2.5 } }));
  if (plot.ahead.length) {
    found.push(line("ahead", plot.ahead, { line: { color: accent, width: 2, dash: "dash" } }));
    found.push({ ...line("reached", plot.ahead.slice(-1), {}), mode: "markers", marker: { symbol: "diamond", size: 10, color: colour("exceeding") } });
  }
  return found;
}

// The area between the two bounds, from the last day on.
function cone(plot) {
  if (!plot.steep.length || !plot.flat.length) return [];
  const corners = [...plot.steep, ...[...plot.flat].reverse()];
  return [line("between", corners, { fill: "toself", fillcolor: colour("accent"), opacity: 0.14, line: { width: 0 } })];
}

function level(at, name, text, tint, dash) {
  const shape = { name, type: "line", xref: "paper", x0: 0, x1: 1, yref: "y", y0: at, y1: at, line: { color: colour(tint.line), width: 1.4, dash } };
  const label = { text: `${text} ${Number(at.toFixed(2))}`, xref: "paper", x: 0.004, xanchor: "left", yref: "y", y: at, yanchor: "bottom",
    showarrow: false, font: { color: colour(tint.text), size: 11 } };
  return [shape, label];
}

function levels(plot) {
  const found = [];
  if (plot.level !== null) {
    const [text, tint] = plot.level_is_limit ? [texts.limit, { line: "exceeding", text: "critical" }] : [texts.level, { line: "warned", text: "warning" }];
    found.push(level(plot.level, "level", text, tint, "dash"));
  }
  if (plot.base !== null) found.push(level(plot.base, "base", texts.base, { line: "normal", text: "good" }, "dot"));
  return found;
}

// Above the plot, each a line higher than the one before it where they would meet.
function marks(plot, from, to) {
  const shapes = [];
  const annotations = [];
  const width = Math.max(innerWidth < 600 ? innerWidth - 100 : Math.min(innerWidth, 1160) - 120, 100);
  const place = (day) => ((Date.parse(day) - from) / (to - from)) * width;
  const ends = [];
  for (const mark of plot.marks) {
    const tint = colour(MARK_COLOURS[mark.what] ?? "soft");
    const text = `${mark.text} ${mark.day.slice(5)}`;
    const wide = [...text].reduce((sum, c) => sum + (c.charCodeAt(0) > 255 ? 12 : 6.6), 8);
    const at = place(mark.day);
    const isLate = at + wide > width;
    const start = isLate ? at - wide : at;
    let row = ends.findIndex((end) => end < start);
    if (row < 0) row = ends.length;
    ends[row] = start + wide;
    shapes.push({ name: `mark:${mark.what}`, type: "line", xref: "x", x0: mark.day, x1: mark.day, yref: "paper", y0: 0, y1: 1, line: { color: tint, width: 1.4 } });
    annotations.push({ text, xref: "x", x: mark.day, xanchor: isLate ? "right" : "left", yref: "paper", y: 1, yanchor: "bottom", yshift: 2 + 16 * row,
      showarrow: false, font: { color: colour("ink"), size: 11 } });
  }
  return { shapes, annotations, rows: ends.length };
}

function figure(plot) {
  const all = [...plot.days, ...plot.marks.map((mark) => mark.day), ...x(plot.ahead), ...x(plot.steep), ...x(plot.flat)].map((day) => Date.parse(day));
  const last = Date.parse(plot.days[plot.days.length - 1]);
  const first = Math.max(Math.min(...all), last - 100 * DAY_MS) - 1.2 * DAY_MS;
  const end = Math.min(Math.max(...all), last + 100 * DAY_MS) + 1.2 * DAY_MS;
  const found = levels(plot);
  const marked = marks(plot, first, end);
  const points = [...plot.values, ...y(plot.line), ...y(plot.ahead), ...y(plot.steep), ...found.map(([shape]) => shape.y0)];
  const top = plot.unit === "%" ? Math.max(104, ...points) : Math.max(...points) * 1.12 || 1;
  const iso = (ms) => new Date(ms).toISOString().slice(0, 10);
  const layout = {
    height: 304 + 16 * marked.rows, margin: { l: 46, r: 12, t: 12 + 16 * marked.rows, b: 34, pad: 0 },
    shapes: [...found.map(([shape]) => shape), ...marked.shapes], annotations: [...found.map(([, label]) => label), ...marked.annotations],
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "inherit", color: colour("ink") },
    hovermode: "closest", dragmode: coarse.matches ? false : "zoom", showlegend: false,
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12 } },
    xaxis: { type: "date", range: [iso(first), iso(end)], showgrid: true, gridcolor: colour("line"), zeroline: false, tickformat: "%m-%d",
      nticks: innerWidth < 600 ? 5 : 12, tickfont: { color: colour("soft"), size: 11 } },
    yaxis: { range: [0, top], fixedrange: true, zeroline: false, gridcolor: colour("line"), nticks: 6, tickfont: { color: colour("soft"), size: 11 } },
  };
  return { data: [...cone(plot), values(plot), ...lines(plot)], layout };
}

async function draw(box) {
  const { data, layout } = figure(JSON.parse(box.dataset.days));
  box.querySelector(".plot-note")?.remove();
  await Plotly.react(box, data, layout, { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false });
  box.dataset.drawn = "days";
}

const boxes = [...document.querySelectorAll(".days-plot")];
for (const box of boxes) draw(box);
dark.addEventListener("change", () => boxes.forEach(draw));
