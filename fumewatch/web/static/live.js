// The list of alerts, kept true by server-sent events.

const SILENCE_MS = 15000; // counts come every 5 s: three missed, and the connection is dead
const RETRY_MS = 3000;
const HIDDEN_MS = 60000;

const list = document.getElementById("alerts");
const sign = document.getElementById("live");
const announcer = document.getElementById("announce");
const title = document.title;
let seen = Number(list.dataset.after);
let source = null;
let watch = 0;
let retry = 0;

function show(state) {
  sign.dataset.state = state;
}

function connect() {
  clearTimeout(retry);
  source?.close();
  const address = new URL(list.dataset.stream, location.href);
  address.searchParams.set("after", String(seen));
  source = new EventSource(address);
  source.addEventListener("alert", (event) => {
    heard();
    seen = Math.max(seen, Number(event.lastEventId));
    place(event.data);
  });
  source.addEventListener("counts", (event) => {
    heard();
    count(JSON.parse(event.data));
  });
  source.addEventListener("trouble", () => {
    stayAwake();
    show("away");
  });
  source.addEventListener("reset", () => location.reload());
  source.addEventListener("open", heard);
  source.addEventListener("error", lost);
  stayAwake();
}

function heard() {
  show("live");
  stayAwake();
}

function stayAwake() {
  clearTimeout(watch);
  watch = setTimeout(lost, SILENCE_MS);
}

function lost() {
  show("lost");
  clearTimeout(watch);
  source?.close();
  clearTimeout(retry);
  retry = setTimeout(connect, RETRY_MS);
}

// A row belongs where its rank and time say; a filtered or later page takes only what it shows.
function place(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const row = template.content.querySelector("li");
  const old = list.querySelector(`li[data-id="${CSS.escape(row.dataset.id)}"]`);
  const home = document.getElementById(row.dataset.rank === "0" ? "resolved" : "open");
  const isNew = !old;
  old?.remove();
  if (home && (old || "first" in list.dataset) && isShown(row)) {
    row.classList.toggle("is-new", isNew);
    home.insertBefore(row, [...home.children].find((other) => isBefore(row, other)) ?? null);
    if (isNew) announce(row);
  }
  tidy();
  document.dispatchEvent(new Event("rows-changed")); // page.js keeps their durations going
}

function isShown(row) {
  const shows = list.dataset.shows;
  return shows !== "firing" || row.dataset.rank !== "0";
}

function isBefore(row, other) {
  const by = Number(row.dataset.rank) - Number(other.dataset.rank);
  return by > 0 || (by === 0 && Number(row.dataset.at) >= Number(other.dataset.at));
}

function announce(row) {
  const what = row.querySelector(".alert-what").textContent.replace(/\s+/g, " ");
  announcer.textContent = `${announcer.dataset.new}: ${row.querySelector("strong").textContent} ${what}`;
}

function tidy() {
  for (const name of ["open", "resolved"]) {
    const home = document.getElementById(name);
    if (!home) continue;
    home.parentElement.querySelector(".empty").hidden = home.children.length > 0;
    const number = document.querySelector(`[data-count-of="${name}"]`);
    if (number) number.textContent = home.children.length;
  }
}

function count(counts) {
  for (const node of document.querySelectorAll("[data-count]")) {
    const value = node.dataset.count.split(".").reduce((at, key) => at[key], counts);
    node.textContent = value.toLocaleString("en");
    node.classList.toggle("zero", value === 0);
    const item = node.closest(".key li");
    if (item && !item.classList.contains("normal")) item.hidden = value === 0;
    if (node.dataset.count.endsWith(".failed")) node.parentElement.classList.toggle("bad", value > 0);
  }
  draw(document.querySelector(".figures .bar"), counts.monitors);
  const open = Object.values(counts.alerts).reduce((a, b) => a + b, 0);
  document.title = open ? `(${open}) ${title}` : title;
}

function draw(bar, states) {
  const total = Object.values(states).reduce((a, b) => a + b, 0);
  let at = 0;
  for (const rect of bar.children) {
    const width = total ? (100 * states[rect.classList[0]]) / total : 0;
    rect.setAttribute("x", at);
    rect.setAttribute("width", width);
    at += width;
  }
}

// A browser opens six connections a host: pages nobody looks at give theirs back after a while.
let hidden = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (document.visibilityState === "hidden") {
    hidden = setTimeout(() => {
      source?.close();
      clearTimeout(watch);
      clearTimeout(retry);
      show("connecting");
    }, HIDDEN_MS);
  } else if (source.readyState === EventSource.CLOSED) connect();
});
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => event.persisted && connect());

connect();
