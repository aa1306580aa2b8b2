// Forms over one bar of signal: a form is sent once however often its button is pressed, and when it can't be sent, it says so and
// keeps what was typed; also over a reload. The server counts what carries the same once-key and the same content once.
const KEEP = "unsent:";

export function sending(document, prepare) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || "plain" in form.dataset || form.hasAttribute("hx-post") || event.defaultPrevented) return;
    event.preventDefault();
    if (!form.hasAttribute("aria-busy")) send(form, event.submitter, prepare);
  });
  window.addEventListener("online", () => {
    for (const form of document.querySelectorAll("form[data-unsent]")) form.requestSubmit();
  });
  for (const form of document.querySelectorAll('form[method="post"]')) restore(form);
}

async function send(form, submitter, prepare) {
  const fields = new FormData(form, submitter?.name ? submitter : undefined);
  const isMultipart = form.enctype === "multipart/form-data";
  busy(form, submitter, true);
  try {
    const answer = await fetch(submitter?.formAction && submitter.hasAttribute("formaction") ? submitter.formAction : form.action, {
      method: "POST",
      body: isMultipart ? fields : new URLSearchParams(fields),
      headers: { Accept: "text/html", "X-Requested-With": "fetch" },
    });
    await settle(form, answer, prepare);
  } catch {
    unsent(form);
  } finally {
    busy(form, submitter, false);
  }
}

async function settle(form, answer, prepare) {
  const onward = answer.headers.get("HX-Redirect");
  if (onward) {
    if (!onward.startsWith("/login")) sessionStorage.removeItem(name(form));
    else keep(form);
    return go(onward);
  }
  if (answer.redirected) return location.assign(answer.url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const problem = page.querySelector("[data-problem]");
  const main = page.querySelector("main");
  if (problem || !main) return unsent(form, page.querySelector("h1")?.textContent, problem?.textContent);
  sessionStorage.removeItem(name(form));
  document.title = page.title;
  const fresh = document.adoptNode(main);
  document.querySelector("main").replaceWith(fresh);
  prepare(fresh);
  (fresh.querySelector(".errors") ?? fresh).focus();
  scrollTo({ top: 0 });
}

// A place on this very page is no other page to a browser: it would only scroll there.
function go(onward) {
  const there = new URL(onward, location.href);
  const isHere = there.hash && there.pathname === location.pathname && there.search === location.search;
  if (!isHere) return location.assign(there);
  history.replaceState(null, "", there);
  location.reload();
}

function unsent(form, title, text) {
  form.querySelector(".unsent")?.remove();
  const notice = document.getElementById("unsent").content.cloneNode(true);
  if (title) notice.querySelector("[data-title]").textContent = title;
  if (text) notice.querySelector("[data-text]").textContent = text;
  else form.dataset.unsent = "";
  form.append(notice);
  keep(form);
  form.querySelector(".unsent").scrollIntoView({ block: "nearest" });
}

function busy(form, submitter, isBusy) {
  if (isBusy) {
    form.setAttribute("aria-busy", "true");
    delete form.dataset.unsent;
    form.querySelector(".unsent")?.remove();
  } else form.removeAttribute("aria-busy");
  if (!submitter?.isConnected) return;
  if (isBusy) submitter.setAttribute("aria-busy", "true");
  else submitter.removeAttribute("aria-busy");
}

const name = (form) => KEEP + location.pathname + new URL(form.action).pathname;
const kept = (form) => [...form.elements].filter((field) => field.name && !["password", "file", "hidden", "submit"].includes(field.type));

function keep(form) {
  const values = kept(form).map((field) => [field.name, ["checkbox", "radio"].includes(field.type) ? field.checked : field.value]);
  try {
    sessionStorage.setItem(name(form), JSON.stringify(values));
  } catch {
    // full, or not allowed: what was typed is still on the page
  }
}

function restore(form) {
  const values = JSON.parse(sessionStorage.getItem(name(form)) ?? "null");
  if (!values) return;
  for (const [index, field] of kept(form).entries()) {
    if (values[index]?.[0] !== field.name) continue;
    if (["checkbox", "radio"].includes(field.type)) field.checked = values[index][1];
    else field.value ||= values[index][1];
  }
}
