// Signing with a finger: the drawing goes as strokes of points [x, y] beside the typed name.
import SignaturePad from "signature_pad";

export function signature(field) {
  const canvas = field.querySelector("canvas");
  const sheet = field.querySelector(".signature-pad");
  const strokes = field.querySelector('input[type="hidden"]');
  if (!sheet.hidden) return;
  sheet.hidden = false;
  const scale = Math.max(window.devicePixelRatio || 1, 1);
  canvas.width = canvas.offsetWidth * scale;
  canvas.height = canvas.offsetHeight * scale;
  canvas.getContext("2d").scale(scale, scale);
  const pad = new SignaturePad(canvas, { penColor: "#12201e", minWidth: 0.8, maxWidth: 2.8 });
  const drawn = (stroke) => stroke.points.map((point) => [Math.max(0, Math.round(point.x * 10) / 10), Math.max(0, Math.round(point.y * 10) / 10)]);
  pad.addEventListener("endStroke", () => (strokes.value = JSON.stringify(pad.toData().map(drawn))));
  sheet.querySelector("[data-clear]").addEventListener("click", () => {
    pad.clear();
    strokes.value = "";
  });
}
