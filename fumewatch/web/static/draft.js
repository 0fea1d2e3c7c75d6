// What was typed outlives a login that ended meanwhile: this tab keeps it until the next page tells
// that it was taken, or the login page that it was not. No secrets, no files.
const KEY = "draft";
const who = document.querySelector(".own")?.textContent.trim();
const login = document.querySelector("form[action='/login']");

function typable(form) {
  return [...form.elements].filter((field) => field.name && !["hidden", "password", "file", "submit"].includes(field.type));
}

function keep(form) {
  const typed = typable(form).map((field) => [field.name, field.value, field.checked]);
  if (!who || form.method !== "post" || !typed.length) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify({ who, typed, action: form.getAttribute("action") }));
}

function fill(form, typed) {
  for (const [name, value, checked] of typed) {
    for (const field of typable(form).filter((each) => each.name === name)) {
      if (["radio", "checkbox"].includes(field.type)) field.checked = field.value === value ? checked : field.checked;
      else field.value = value;
    }
  }
}

function show(form) {
  const notice = document.createElement("p");
  notice.className = "notice unsent";
  notice.setAttribute("role", "alert");
  notice.textContent = document.body.dataset.unsent;
  form.prepend(notice);
  const details = form.closest("details");
  if (details) details.open = true;
  notice.scrollIntoView({ block: "center" });
}

function look() {
  const draft = JSON.parse(sessionStorage.getItem(KEY));
  if (!draft) return;
  if (login && "unsent" in login.dataset) sessionStorage.setItem(KEY, JSON.stringify({ ...draft, isUnsent: true }));
  if (login && (draft.isUnsent || "unsent" in login.dataset)) return;
  sessionStorage.removeItem(KEY);
  const form = [...document.forms].find((each) => each.getAttribute("action") === draft.action);
  if (!draft.isUnsent || draft.who !== who || !form) return;
  fill(form, draft.typed);
  show(form);
}

look();
if (!login) document.addEventListener("submit", (event) => keep(event.target));
