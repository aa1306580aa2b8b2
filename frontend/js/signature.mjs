// Signing with a finger: the drawing goes as SVG beside the typed name.
import SignaturePad from "signature_pad";

export function signature(field) {
  const canvas = field.querySelector("canvas");
  const sheet = field.querySelector(".signature-pad");
  const svg = field.querySelector('input[type="hidden"]');
  if (!sheet.hidden) return;
  sheet.hidden = false;
  const scale = Math.max(window.devicePixelRatio || 1, 1);
  canvas.width = canvas.offsetWidth * scale;
  canvas.height = canvas.offsetHeight * scale;
  canvas.getContext("2d").scale(scale, scale);
  const pad = new SignaturePad(canvas, { penColor: "#12201e", minWidth: 0.8, maxWidth: 2.8 });
  pad.addEventListener("endStroke", () => (svg.value = pad.toSVG()));
  sheet.querySelector("[data-clear]").addEventListener("click", () => {
    pad.clear();
    svg.value = "";
  });
}
