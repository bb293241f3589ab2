/** Tokens as the colours that a canvas and the editor's themes understand. */

/** The token's colour in the present theme, as the browser writes colours.
 * @param {string} token a name such as "--code-ink"
 */
export function colour(token) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.className = "colour-probe";
  document.body.append(probe);
  const [r, g, b, a] = pixel(resolve(probe, token));
  probe.remove();
  return { hex: `#${[r, g, b].map(twoDigits).join("")}`, css: `rgb(${r} ${g} ${b} / ${a / 255})` };
}

/**
 * light-dark() and var() are only settled in a property that takes a colour, so a probe element takes it.
 * @param {HTMLElement} probe
 * @param {string} token
 */
function resolve(probe, token) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`.colour-probe { color: var(${token}); }`);
  document.adoptedStyleSheets.push(sheet);
  const value = getComputedStyle(probe).color;
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
  return value;
}

/** Any CSS colour as four bytes: a canvas knows every notation.
 * @param {string} value
 */
function pixel(value) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return [0, 0, 0, 255];
  context.fillStyle = value;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}

/** @param {number} byte */
const twoDigits = (byte) => byte.toString(16).padStart(2, "0");

/** Call back when the page changes between light and dark, by the switch or by the system.
 * @param {() => void} listener
 */
export function onThemeChange(listener) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
  new MutationObserver(listener).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

/** Whether the page is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
