// What a page can do beyond plain HTML. Everything works without this file but live parts, camera and finger.
import htmx from "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
import { checking } from "./js/checking.mjs";
import { copying } from "./js/copying.mjs";
import { dialogs } from "./js/dialogs.mjs";
import { elapsed } from "./js/elapsed.mjs";
import { live } from "./js/live.mjs";
import { sending } from "./js/sending.mjs";
import { zone } from "./js/zone.mjs";

const prepare = (root) => {
  for (const tab of root.querySelectorAll(".tabs [aria-current]")) tab.closest(".tabs").scrollLeft = tab.offsetLeft - 48;
  copying(root);
  for (const pad of root.querySelectorAll("[data-signature]")) import("./js/signature.mjs").then((part) => part.signature(pad));
  for (const field of root.querySelectorAll("[data-shrink]")) import("./js/photos.mjs").then((part) => part.shrinking(field));
  for (const field of root.querySelectorAll("[data-scan]")) import("./js/scanning.mjs").then((part) => part.scanning(field));
};

zone();
dialogs(document);
elapsed(document);
live(document);
checking(document);
sending(document, (fresh) => {
  htmx.process(fresh);
  prepare(fresh);
});
prepare(document);
document.addEventListener("htmx:after:swap", (event) => prepare(event.target instanceof Element ? event.target : document));
