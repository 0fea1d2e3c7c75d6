// Every page: durations that go on, filters that need no button.
const texts = JSON.parse(document.body.dataset.lasting);

function lasting(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const [m, h, d] = [Math.floor(s / 60), Math.floor(s / 3600), Math.floor(s / 86400)];
  const size = m < 1 ? "s" : h < 1 ? "m" : d < 2 ? "h" : d < 14 ? "d" : "w";
  const parts = { s, m: m % 60, h: size === "d" ? h % 24 : h, d };
  return texts[size].replace(/\{(.)\}/g, (_, unit) => parts[unit]);
}

function refreshDurations() {
  const now = Date.now() / 1000;
  for (const span of document.querySelectorAll("[data-since]")) {
    const text = lasting(now - Number(span.dataset.since));
    if (span.textContent !== text) span.textContent = text;
  }
}

setInterval(refreshDurations, 15000);
document.addEventListener("rows-changed", refreshDurations);

for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.querySelector("button[type=submit]").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}
for (const form of document.querySelectorAll("form.filters")) {
  // An address without empty fields is one that people can read and share.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}
