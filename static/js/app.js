/** Mounts behaviour on markup: an element names its controllers, each exports connect(element). */

/** @type {Record<string, () => Promise<{connect: (element: HTMLElement) => void}>>} */
const controllers = {
  account: () => import("#controllers/account.js"),
  copy: () => import("#controllers/copy.js"),
  gate: () => import("#controllers/gate.js"),
  history: () => import("#controllers/history.js"),
  keycaps: () => import("#controllers/keycaps.js"),
  lobby: () => import("#controllers/lobby.js"),
  marks: () => import("#controllers/marks.js"),
  palette: () => import("#controllers/palette.js"),
  readiness: () => import("#controllers/readiness.js"),
  shortcuts: () => import("#controllers/shortcuts.js"),
  theme: () => import("#controllers/theme.js"),
  when: () => import("#controllers/when.js"),
  workspace: () => import("#controllers/workspace.js"),
};

/** @type {NodeListOf<HTMLElement>} */
const mounted = document.querySelectorAll("[data-controller]");
const pairs = [...mounted].flatMap((element) =>
  (element.dataset.controller ?? "").split(" ").map((name) => ({ element, loading: controllers[name]() })),
);
for (const { element, loading } of pairs) (await loading).connect(element);
// what was pressed before now may have gone unheard; tests wait for this
document.documentElement.dataset.ready = "yes";

export {};
