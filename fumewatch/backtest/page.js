// Draws the plots: the days at once, those of differences when they come into sight.
// Times are shown as they stand in the data, on the configuration's clock, whatever the reader's says.

const data = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 640px)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const config = { displayModeBar: false, responsive: true };

function layout(more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "x unified", dragmode: false,
    showlegend: false, margin: { l: narrow.matches ? 36 : 46, r: 8, t: 8, b: 42 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("soft") },
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line"), font: { color: colour("ink") } },
    ...more,
  };
}

const axis = (more) => ({ fixedrange: true, zeroline: false, gridcolor: colour("line"), linecolor: colour("line"), ...more });

function drawDays(what) {
  const bars = data.days.map((run) => ({
    type: "bar", name: run.name, x: run.day, y: run[what], marker: { color: colour(run.side) },
    hovertemplate: `%{y} ${what}<extra>${run.name}</extra>`,
  }));
  Plotly.react("days", bars, layout({
    barmode: "group", bargap: 0.25, bargroupgap: 0,
    xaxis: axis({ type: "date", showgrid: false, tickformat: "%m-%d", dtick: data.days[0].day.length < 8 ? 86400000 : undefined }),
    yaxis: axis({ rangemode: "tozero", tickformat: ",d", nticks: 5 }),
  }), config);
}

const clock = (start, minutes) => new Date(Date.parse(`${start}Z`) + minutes * 60000).toISOString().slice(0, 19);

// Spans in which a state has this value, as one line with breaks.
function states(plot, values, wanted, level, step) {
  const x = [], y = [];
  values.forEach((value, i) => {
    if (value !== wanted) return;
    const [from, to] = [plot.x[i], clock(plot.start, (i + 1) * step)];
    if (x.length > 1 && x[x.length - 2] === from) x[x.length - 2] = to;
    else { x.push(from, to, null); y.push(level, level, null); }
  });
  return { x, y };
}

function bands(plot) {
  const traces = [];
  const line = (values, wanted, level, color, width) => traces.push({
    type: "scatter", mode: "lines", yaxis: "y2", hoverinfo: "skip", line: { color, width }, ...states(plot, values, wanted, level, plot.step),
  });
  const { fan, purifier } = plot;
  if (fan) { line(fan, 1, 1, colour("on"), 8); line(fan, 0, 1, colour("line"), 3); }
  if (purifier) {
    const shown = purifier.map((on, i) => (on === 0 && fan && fan[i] === 1 ? 2 : on));
    line(shown, 1, 0, colour("on"), 8); line(shown, 0, 0, colour("line"), 3); line(shown, 2, 0, colour("off"), 8);
  }
  return traces;
}

// Each alert's span: a wash over the values, and a bar of its own above them.
function shades(plot) {
  return plot.spans.map((span) => ({
    type: "rect", layer: "below", xref: "x", yref: "y domain", x0: span.from, x1: span.to, y0: 0, y1: 1,
    fillcolor: colour(`${span.side}-wash`), line: { width: 0 },
  }));
}

function strips(plot) {
  return plot.spans.map((span) => ({
    type: "scatter", mode: "lines", yaxis: "y3", x: [span.from, span.to], y: [span.side, span.side],
    line: { color: colour(span.side), width: 7 }, hoverinfo: "skip",
  }));
}

function levels(plot) {
  return plot.levels.map((level) => ({
    type: "line", xref: "paper", x0: 0, x1: 1, yref: "y", y0: level.value, y1: level.value,
    line: { color: colour(level.side === "limit" ? "bad" : level.side), width: 1.3, dash: level.side === "limit" ? "dash" : "dot" },
  }));
}

function notes(plot) {
  return plot.levels.map((level) => ({
    xref: "paper", yref: "y", x: level.side === "limit" ? 1 : 0, xanchor: level.side === "limit" ? "right" : "left",
    y: level.value, yanchor: level.value < plot.levels[0].value ? "top" : "bottom", showarrow: false,
    text: `${level.name} ${level.value}`, font: { size: 11, color: colour(level.side === "limit" ? "bad" : level.side) },
  }));
}

function draw(box) {
  const plot = data.plots[box.dataset.plot];
  if (!plot) return;
  plot.x = plot.values.map((_, i) => clock(plot.start, i * plot.step));
  const hasBands = plot.fan || plot.purifier;
  const top = Math.max(...plot.values.filter((v) => v !== null), ...plot.levels.map((l) => l.value), 0.1);
  const value = {
    type: "scatter", mode: "lines", x: plot.x, y: plot.values, connectgaps: false,
    line: { color: colour("ink"), width: 1.5, shape: "hv" }, hovertemplate: `%{y} ${plot.unit}<extra></extra>`,
  };
  const title = { text: `${plot.channel}${plot.unit ? `, ${plot.unit}` : ""}`, font: { size: 12 }, x: 0, xref: "paper", xanchor: "left", y: 1, yref: "paper", yanchor: "bottom", pad: { b: 4 } };
  Plotly.newPlot(box, [value, ...strips(plot), ...bands(plot)], layout({
    title, margin: { l: 54, r: 8, t: 24, b: 42 }, shapes: [...shades(plot), ...levels(plot)], annotations: notes(plot),
    xaxis: axis({ type: "date", range: [plot.start, clock(plot.start, plot.values.length * plot.step)], showgrid: false, anchor: hasBands ? "y2" : "y", nticks: narrow.matches ? 5 : 10, tickformat: "%H:%M\n%m-%d", hoverformat: "%m-%d %H:%M" }),
    yaxis: axis({ domain: [hasBands ? 0.22 : 0, 0.84], range: [Math.min(0, ...plot.values.filter((v) => v !== null)), top * 1.12] }),
    yaxis3: axis({ domain: [0.87, 1], type: "category", categoryarray: ["new", "old"], range: [-0.7, 1.7], tickvals: plot.spans.map((span) => span.side), showgrid: false, showline: false, tickfont: { size: 10.5 } }),
    yaxis2: axis({ domain: [0, 0.15], range: [-0.6, 1.6], showgrid: false, tickvals: hasBands ? [1, 0] : [], ticktext: ["fan", "purifier"], tickfont: { size: 10.5 }, visible: Boolean(hasBands) }),
  }), config);
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
}, { rootMargin: "600px" });
const boxes = [...document.querySelectorAll("[data-plot]")];
boxes.forEach((box) => seen.observe(box));

function press(button, name) {
  document.querySelectorAll(`[data-${name}]`).forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
}
let counted = "messages";
document.querySelectorAll("[data-bars]").forEach((button) => button.addEventListener("click", () => {
  press(button, "bars");
  drawDays((counted = button.dataset.bars));
}));
document.querySelectorAll("[data-pick]").forEach((button) => button.addEventListener("click", () => {
  press(button, "pick");
  const pick = button.dataset.pick;
  document.querySelectorAll("[data-kinds]").forEach((card) => {
    card.hidden = pick !== "all" && !card.dataset.kinds.split(" ").includes(pick);
  });
}));

drawDays(counted);
dark.addEventListener("change", () => {
  drawDays(counted);
  boxes.filter((box) => box.classList.contains("js-plotly-plot")).forEach(draw);
});
addEventListener("beforeprint", () => boxes.filter((box) => !box.classList.contains("js-plotly-plot")).forEach(draw));
