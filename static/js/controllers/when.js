/** Times in the reader's own zone; the server writes them in UTC, for those without scripts. */

/** @param {HTMLElement} element */
export function connect(element) {
  /** @type {NodeListOf<HTMLTimeElement>} */
  const times = element.querySelectorAll("time[data-when]");
  for (const time of times) {
    const date = new Date(time.dateTime);
    time.title = date.toLocaleString();
    time.textContent = (FORMS[time.dataset.when ?? ""] ?? moment)(date);
  }
}

/** @param {Date} date */
function moment(date) {
  const days = Math.round((midnight(new Date()) - midnight(date)) / 86_400_000);
  if (days === 0) return `Today ${hourOf(date)}`;
  if (days === 1) return `Yesterday ${hourOf(date)}`;
  if (days < 7) return `${date.toLocaleDateString("en-GB", { weekday: "short" })} ${hourOf(date)}`;
  const sameYear = date.getFullYear() === new Date().getFullYear();
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: sameYear ? undefined : "numeric" });
}

/** @param {Date} date */
const hourOf = (date) => date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** @param {Date} date */
const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** @param {Date} date */
const dayOf = (date) => date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** @type {Record<string, (date: Date) => string>} */
const FORMS = { clock: hourOf, date: dayOf };
