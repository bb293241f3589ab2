/** Ctrl+K: the page's commands, narrowed down as one types. */

import { addCommands, listCommands } from "#lib/commands.js";
import { element as make } from "#lib/dom.js";
import { label } from "#lib/keys.js";
import { choose } from "#controllers/theme.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const dialog = /** @type {HTMLDialogElement} */ (element.querySelector("#palette"));
  const field = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
  const list = /** @type {HTMLElement} */ (dialog.querySelector("[role=listbox]"));
  addCommands([
    { name: "palette", label: "", keys: "mod+k", act: () => open() },
    { name: "theme-light", label: "Light theme", act: () => choose("light") },
    { name: "theme-dark", label: "Dark theme", act: () => choose("dark") },
    { name: "theme-system", label: "Theme of the system", act: () => choose("system") },
  ]);
  field.addEventListener("input", () => fill());
  field.addEventListener("keydown", move);
  list.addEventListener("click", (event) => take(/** @type {Element} */ (event.target).closest("[role=option]")));

  function open() {
    field.value = "";
    fill();
    dialog.showModal();
  }

  function fill() {
    const wanted = field.value.trim().toLowerCase();
    const found = listCommands().filter((command) => command.label.toLowerCase().includes(wanted));
    list.replaceChildren(...found.map(option));
    if (!found.length) list.append(make("p", { class: "none" }, "No command has that in its name."));
    select(list.firstElementChild);
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const current = list.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown") select(current?.nextElementSibling ?? list.firstElementChild);
    else if (event.key === "ArrowUp") select(current?.previousElementSibling ?? list.lastElementChild);
    else if (event.key === "Enter") take(current);
    else return;
    event.preventDefault();
  }

  /** @param {Element | null} row */
  function select(row) {
    for (const other of list.children) other.setAttribute("aria-selected", String(other === row));
    field.setAttribute("aria-activedescendant", row?.id ?? "");
    row?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Element | null} row */
  function take(row) {
    const command = listCommands().find(({ name }) => `command-${name}` === row?.id);
    if (!command) return;
    dialog.close();
    command.act();
  }
}

/** @param {import("#lib/commands.js").Command} command */
function option({ name, label: words, keys }) {
  const row = make("div", { role: "option", id: `command-${name}`, "aria-selected": "false" }, make("span", {}, words));
  if (keys) row.append(make("kbd", { class: "cap" }, label(keys)));
  return row;
}
