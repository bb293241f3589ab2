/** Mounts behaviour on markup: an element names its controllers, each exports connect(element). */

/** @type {Record<string, () => Promise<{connect: (element: HTMLElement) => void}>>} */
const controllers = {
  account: () => import("#controllers/account.js"),
  copy: () => import("#controllers/copy.js"),
  history: () => import("#controllers/history.js"),
  keycaps: () => import("#controllers/keycaps.js"),
  lobby: () => import("#controllers/lobby.js"),
  palette: () => import("#controllers/palette.js"),
  readiness: () => import("#controllers/readiness.js"),
  shortcuts: () => import("#controllers/shortcuts.js"),
  theme: () => import("#controllers/theme.js"),
  when: () => import("#controllers/when.js"),
  workspace: () => import("#controllers/workspace.js"),
};

/** @type {NodeListOf<HTMLElement>} */
const mounted = document.querySelectorAll("[data-controller]");
for (const element of mounted) {
  for (const name of (element.dataset.controller ?? "").split(" ")) {
    const { connect } = await controllers[name]();
    connect(element);
  }
}

export {};
