// Says whether a live part is live. htmx comes again by itself after a break; a first connection that fails is tried again here.
const AGAIN_MILLISECONDS = 3000;
const GONE = [401, 403, 404];

export function live(document) {
  const say = (state) => (event) => {
    const part = event.target.closest?.(".live");
    if (part) part.dataset.state = state;
    return part;
  };
  document.addEventListener("htmx:sse:after:connection", say("live"));
  document.addEventListener("htmx:sse:error", (event) => {
    if (say("away")(event) && GONE.includes(event.detail.status)) location.reload();
  });
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0) say("away")(event);
  });
  document.addEventListener("htmx:sse:close", (event) => say(event.detail.reason === "message" ? "ended" : "away")(event));
  const again = (event) => {
    const part = say("away")(event);
    if (part) setTimeout(() => part.dispatchEvent(new Event("again")), AGAIN_MILLISECONDS);
  };
  document.addEventListener("htmx:error", again);
  document.addEventListener("htmx:response:error", again);
}
