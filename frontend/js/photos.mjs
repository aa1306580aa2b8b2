// Photos of a camera become smaller before they are sent: one bar of signal carries some hundred kB, not 5 MB. Without script, or where
// the browser can't read a kind of image, they are sent as they are.
const LONGEST = 2560;
const SMALL_ENOUGH = 600_000;
const QUALITY = 0.85;

export function shrinking(field) {
  field.addEventListener("change", async () => {
    const chosen = [...field.files];
    const kept = new DataTransfer();
    for (const file of chosen) kept.items.add(await shrunk(file));
    const isSameChoice = field.files.length === chosen.length && chosen.every((file, index) => field.files[index] === file);
    if (isSameChoice) field.files = kept.files;
  });
}

async function shrunk(file) {
  if (file.size <= SMALL_ENOUGH) return file;
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST / Math.max(image.width, image.height));
    const canvas = new OffscreenCanvas(Math.round(image.width * scale), Math.round(image.height * scale));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    image.close();
    const smaller = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
    return smaller.size < file.size ? new File([smaller], file.name.replace(/\.[^.]*$/, ".jpg"), { type: "image/jpeg" }) : file;
  } catch {
    return file;
  }
}
