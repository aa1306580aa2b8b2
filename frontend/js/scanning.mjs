// A serial number from a photo or the camera: QR and barcodes where the browser reads them itself, QR everywhere else.
import QrScanner from "qr-scanner";

const FORMATS = ["qr_code", "data_matrix", "code_128", "code_39", "ean_13", "itf"];
const LOOK_MILLISECONDS = 250;

export function scanning(field) {
  const tools = field.querySelector("[data-scan-tools]");
  if (!tools.hidden) return;
  tools.hidden = false;
  field.querySelector("[data-scan-photo]").addEventListener("change", async (event) => {
    const [photo] = event.target.files;
    if (photo) found(field, await read(await createImageBitmap(photo)));
    event.target.value = "";
  });
  const button = field.querySelector("[data-scan-camera]");
  button.hidden = !navigator.mediaDevices?.getUserMedia; // a camera needs https or localhost
  button.addEventListener("click", () => film(field));
}

async function film(field) {
  const view = field.querySelector("[data-scan-view]");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return found(field, null);
  }
  view.srcObject = stream;
  view.hidden = false;
  await view.play();
  let text = null;
  for (const end = Date.now() + 60000; text === null && Date.now() < end && view.isConnected; ) {
    text = await read(view);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
  }
  for (const track of stream.getTracks()) track.stop();
  view.hidden = true;
  found(field, text);
}

async function read(image) {
  if ("BarcodeDetector" in window) {
    const [code] = await new window.BarcodeDetector({ formats: FORMATS }).detect(image).catch(() => []);
    if (code) return code.rawValue;
  }
  return QrScanner.scanImage(image, { returnDetailedScanResult: true }).then((result) => result.data, () => null);
}

function found(field, text) {
  const wrong = field.querySelector("[data-scan-wrong]");
  wrong.hidden = text !== null;
  wrong.textContent = text === null ? field.dataset.scanNone : "";
  if (text === null) return;
  const input = field.querySelector("input:not([type=file])");
  input.value = text.trim();
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.focus();
}
