/** Finding and making elements; text only ever goes in as text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element that the markup calls `name`, checked to be of the class that the caller will use.
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => E} type
 * @returns {E}
 */
export function ref(root, name, type) {
  const found = root.querySelector(`[data-ref="${name}"]`);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} called ${name}`);
  return found;
}

/**
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => E} type
 * @returns {E | null}
 */
export function refIfAny(root, name, type) {
  return root.querySelector(`[data-ref="${name}"]`) ? ref(root, name, type) : null;
}

/**
 * A new element: attributes by name, then children; strings become text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/**
 * A symbol of the page's sprite.
 * @param {string} symbol
 * @param {{kind?: string, label?: string}} [options] with a label it is a picture, without one decoration
 */
export function drawing(symbol, { kind = "i", label = "" } = {}) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", kind);
  svg.setAttribute("viewBox", kind === "i" ? "0 0 16 16" : "0 0 14 14");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${symbol}`);
  svg.append(use);
  return svg;
}

/**
 * One of the signs with its word: "pass" holds, "fail" broken, "blocked", "note".
 * @param {"pass" | "fail" | "blocked" | "note"} kind
 * @param {string} label
 */
export function sign(kind, label) {
  return drawing(`s-${kind}`, { kind: `sign ${kind}`, label });
}

/**
 * Say something to those who listen instead of looking; polite, and once.
 * @param {string} words
 */
export function announce(words) {
  const region = document.querySelector("#live");
  if (region && words) region.textContent = words;
}

/** The JSON that the server put into the page under `id`.
 * @param {string} id
 * @returns {any}
 */
export function pageData(id) {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}
