// What a form lacks is said beside the field, in the page's language, instead of in a bubble that phones hide or never show.
export function checking(document) {
  document.addEventListener(
    "invalid",
    (event) => {
      const field = event.target;
      const words = document.getElementById("wrong");
      if (!words || !field.form) return;
      event.preventDefault();
      for (let fold = field.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
      say(field, wordsFor(field, words.dataset), words);
      if (field === [...field.form.elements].find((each) => each.willValidate && !each.validity.valid)) {
        field.focus();
        field.scrollIntoView({ block: "center" });
      }
    },
    true,
  );
  for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => event.target.form && event.target.validity?.valid && unsay(event.target));
}

function wordsFor(field, words) {
  const { valueMissing, typeMismatch, tooShort } = field.validity;
  if (valueMissing) return ["radio", "checkbox", "select-one"].includes(field.type) ? words.choose : words.missing;
  if (typeMismatch && field.type === "email") return words.email;
  return tooShort ? words.short.replace("{}", field.minLength) : words.odd;
}

const around = (field) => field.closest(".field, .check, .choices, .pick");
const idOf = (field) => `${field.id || field.name}-missing`;

function say(field, text, words) {
  const place = around(field);
  if (!place) return;
  place.querySelector(`[id="${idOf(field)}"]`)?.remove();
  const note = words.content.firstElementChild.cloneNode(true);
  note.id = idOf(field);
  note.lastElementChild.textContent = text;
  place.classList.add("is-wrong");
  place.append(note);
  field.setAttribute("aria-invalid", "true");
  const by = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== note.id);
  field.setAttribute("aria-describedby", [...by, note.id].join(" "));
}

function unsay(field) {
  const note = around(field)?.querySelector(`[id="${idOf(field)}"]`);
  if (!note) return;
  note.remove();
  around(field).classList.remove("is-wrong");
  for (const each of field.type === "radio" ? field.form.querySelectorAll(`[name="${field.name}"]`) : [field]) {
    each.removeAttribute("aria-invalid");
    const by = (each.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== idOf(field));
    if (by.length) each.setAttribute("aria-describedby", by.join(" "));
    else each.removeAttribute("aria-describedby");
  }
}
