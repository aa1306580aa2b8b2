// Buttons that copy, where the browser can (https or localhost); elsewhere the text is selected with one touch.
export function copying(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const label = button.querySelector("span");
  button.dataset.label ??= label.textContent;
  if (!(await written(button.dataset.copy))) return;
  label.textContent = button.dataset.copied;
  button.classList.add("is-done");
  setTimeout(() => {
    label.textContent = button.dataset.label;
    button.classList.remove("is-done");
  }, 2500);
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "for-readers";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
