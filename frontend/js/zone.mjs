// Times are written by the server in the reader's own zone; only the browser knows it.
export function zone() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; secure" : "";
  if (name && !document.cookie.includes(`timezone=${name}`)) document.cookie = `timezone=${name}; path=/; max-age=31536000; samesite=lax${secure}`;
}
