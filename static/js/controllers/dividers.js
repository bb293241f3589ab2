/** The two dividers of the workspace: dragged or moved by arrow keys, the widths kept in this browser. */

import * as store from "#lib/store.js";

const KEY = "widths";
const STEP = 16;
const BOUNDS = /** @type {Record<string, [number, number]>} */ ({ drawer: [200, 480], side: [360, 900] });

/** @param {HTMLElement} page */
export function dividers(page) {
  // a sheet of our own: widths are the person's, and no element carries inline styles
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  /** @type {Record<string, number>} */
  const widths = store.read(KEY) ?? {};
  const apply = () => {
    const { drawer, side } = widths;
    const rules = [
      side ? `.work > .main { --c-side: ${side}px; }` : "",
      drawer ? `.work > .main:not(:has(> .drawer[hidden])) { --c-drawer: ${drawer}px; }` : "",
    ];
    sheet.replaceSync(`@media (min-width: 1181px) { ${rules.join(" ")} }`);
  };
  apply();

  /** @param {string} name @param {number} width */
  const set = (name, width) => {
    const [least, most] = BOUNDS[name];
    widths[name] = Math.round(Math.min(most, Math.max(least, width)));
    apply();
    store.write(KEY, widths);
  };

  /** @type {NodeListOf<HTMLElement>} */
  const all = page.querySelectorAll("[data-divider]");
  for (const divider of all) {
    const name = divider.dataset.divider ?? "";
    const pane = /** @type {HTMLElement} */ (page.querySelector(name === "side" ? ".side" : ".drawer"));
    const towards = name === "side" ? -1 : 1;
    tell(divider, name, pane.offsetWidth);
    divider.addEventListener("pointerdown", (event) => {
      divider.setPointerCapture(event.pointerId);
      const [from, width] = [event.clientX, pane.offsetWidth];
      const drag = (/** @type {PointerEvent} */ to) => set(name, width + towards * (to.clientX - from));
      divider.addEventListener("pointermove", drag);
      divider.addEventListener("pointerup", () => divider.removeEventListener("pointermove", drag), { once: true });
    });
    divider.addEventListener("keydown", (event) => {
      const direction = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!direction) return;
      event.preventDefault();
      set(name, pane.offsetWidth + towards * direction * STEP);
      tell(divider, name, widths[name]);
    });
  }
}

/** A divider that takes the focus says where it stands.
 * @param {HTMLElement} divider
 * @param {string} name
 * @param {number} width
 */
function tell(divider, name, width) {
  const [least, most] = BOUNDS[name];
  divider.setAttribute("aria-valuemin", String(least));
  divider.setAttribute("aria-valuemax", String(most));
  divider.setAttribute("aria-valuenow", String(width));
}
