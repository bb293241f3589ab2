/** While the judge warms up: looks again each second, and takes the notice away once it is ready. */

import { get } from "#lib/http.js";

const AGAIN_MS = 1000;

/** @param {HTMLElement} element */
export function connect(element) {
  const look = async () => {
    try {
      const { judge } = await get("/healthz");
      if (judge === "ready") return element.remove();
      if (judge !== "warming") return location.reload();
    } catch {
      // the server is away for a moment: look again
    }
    setTimeout(look, AGAIN_MS);
  };
  setTimeout(look, AGAIN_MS);
}
