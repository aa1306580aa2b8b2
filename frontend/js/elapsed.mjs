// How long something has been going on, counted here: the server says since when, and only what changes is sent again.
const words = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${seconds} s`;
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

export function elapsed(document) {
  const tell = () => {
    for (const part of document.querySelectorAll("time[data-since]")) {
      part.textContent = words(Math.max(0, Math.round((Date.now() - Date.parse(part.dateTime)) / 1000)));
    }
  };
  tell();
  setInterval(tell, 1000);
  document.addEventListener("htmx:after:swap", tell);
}
