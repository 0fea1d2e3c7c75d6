// The page of a link: tells of what is too much before it is sent, and sends each form once.
for (const input of document.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    const { most, mostBytes, tooMany, tooLarge } = input.dataset;
    const files = [...input.files];
    const fault = files.length > Number(most) ? tooMany : files.some((file) => file.size > Number(mostBytes)) ? tooLarge : "";
    input.setCustomValidity(fault);
    if (fault) input.reportValidity();
  });
}

for (const form of document.querySelectorAll("form[data-sending]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button[type=submit]");
    form.dataset.label = button.textContent;
    button.textContent = form.dataset.sending;
    button.disabled = true;
  });
}

// Back from the page that followed, the browser may show this one as it was left.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-label]")) {
    const button = form.querySelector("button[type=submit]");
    button.textContent = form.dataset.label;
    button.disabled = false;
  }
});
