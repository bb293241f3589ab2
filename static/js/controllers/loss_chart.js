/** The loss curve: yours solid, the reference dashed, earlier runs gray; and the same as a table. */

/** @import {Losses} from "#models/losses.js" */
/** @import {PageFacts} from "#models/types" */

import { colour, onThemeChange } from "#lib/colour.js";
import { element, ref } from "#lib/dom.js";
import { loss } from "#lib/figures.js";
import { loadScript, loadStyle } from "#lib/library.js";

const HEIGHT = 156;
const FLOOR = 1e-4;

/**
 * @param {HTMLElement} page
 * @param {{losses: Losses, where: PageFacts["uplot"]}} options
 */
export function lossChart(page, { losses, where }) {
  const pane = ref(page, "loss-pane", HTMLElement);
  const box = ref(page, "chart", HTMLElement);
  const label = ref(page, "chart-label", HTMLElement);
  const table = ref(page, "loss-table", HTMLElement);
  const noLoss = ref(page, "no-loss", HTMLElement);
  /** @type {import("uplot") | null} */
  let plot = null;
  let logarithmic = false;
  let asked = false;

  const arrived = Promise.all([loadScript(where.script), loadStyle(where.style)]).then(
    () => draw(),
    // without the library the numbers are still there
    () => showTable(true),
  );
  onThemeChange(() => redraw());
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);

  function draw() {
    const made = /** @type {typeof import("uplot")} */ (Reflect.get(globalThis, "uPlot"));
    if (!made || box.clientWidth === 0) return;
    const data = losses.table();
    plot = new made(options(box.clientWidth, losses.past.length, logarithmic), aligned(data, logarithmic), box);
    say();
  }

  function redraw() {
    plot?.destroy();
    plot = null;
    draw();
  }

  function say() {
    const { first, last } = losses;
    ref(page, "reference-legend", HTMLElement).hidden = losses.reference.length === 0;
    ref(page, "past-legend", HTMLElement).hidden = losses.past.length === 0;
    noLoss.hidden = first !== null && !losses.isOld;
    noLoss.textContent = losses.isOld ? "This is an earlier run's curve: the last one reported no loss." : "No loss has come yet.";
    label.textContent = first === null || last === null ? "" : `${loss(first)} → ${loss(last)}`;
    if (first === null || last === null) return;
    const reference = losses.reference.at(-1)?.[1];
    const beside = reference === undefined ? "" : ` The reference ends at ${loss(reference)}.`;
    box.setAttribute("aria-label", `Training loss by step: from ${loss(first)} to ${loss(last)}.${beside}`);
  }

  /** @param {boolean} shown */
  function showTable(shown) {
    table.hidden = !shown;
    box.hidden = shown;
    if (shown) table.replaceChildren(asTable(losses));
  }

  return {
    /** Points have come: drawn once a frame, however many there are. */
    update() {
      pane.hidden = false;
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        if (!table.hidden) showTable(true);
        if (!plot || plot.series.length !== losses.past.length + 3) redraw();
        else plot.setData(aligned(losses.table(), logarithmic));
        say();
      });
    },
    /** A run has begun: its curve is what one looks at, wherever the column stood. */
    lookAt() {
      pane.hidden = false;
      pane.scrollIntoView({ block: "nearest" });
    },
    toggleLog() {
      logarithmic = !logarithmic;
      redraw();
      return logarithmic;
    },
    toggleTable() {
      showTable(Boolean(table.hidden));
      if (table.hidden && !plot) draw();
      return !table.hidden;
    },
    arrived,
  };
}

/**
 * @param {number} width
 * @param {number} past how many earlier runs
 * @param {boolean} logarithmic
 * @returns {import("uplot").Options}
 */
function options(width, past, logarithmic) {
  const quiet = colour("--ink-3").css;
  const axis = {
    stroke: quiet,
    font: "11px system-ui, sans-serif",
    grid: { stroke: colour("--line-soft").css, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    padding: [10, 8, 0, 0],
    scales: {
      x: { time: false },
      y: logarithmic ? { distr: 3, log: 10 } : { range: (_, __, most) => [0, Math.max(0.1, most * 1.05)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 24, gap: 4 },
      { ...axis, size: 34, gap: 6 },
    ],
    series: [
      {},
      ...Array.from({ length: past }, () => ({ stroke: colour("--graph-1").css, width: 1.25, points: { show: false } })),
      { stroke: colour("--theirs").css, width: 1.5, dash: [4, 3], points: { show: false } },
      { stroke: colour("--yours").css, width: 1.75, points: { show: false } },
    ],
  };
}

/**
 * A logarithm knows no zero: what is below the floor is drawn on it.
 * @param {(number | null)[][]} data
 * @param {boolean} logarithmic
 * @returns {import("uplot").AlignedData}
 */
function aligned([steps, ...curves], logarithmic) {
  const floored = logarithmic ? curves.map((c) => c.map((v) => (v === null ? v : Math.max(FLOOR, v)))) : curves;
  return /** @type {import("uplot").AlignedData} */ (/** @type {unknown} */ ([steps, ...floored]));
}

/** @param {Losses} losses */
function asTable(losses) {
  const reference = new Map(losses.reference);
  const rows = losses.yours.map(([step, value]) => {
    const beside = reference.get(step);
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, String(step)),
      element("td", {}, loss(value)),
      element("td", {}, beside === undefined ? "" : loss(beside)),
    );
  });
  const head = ["step", "yours", "reference"].map((name) => element("th", { scope: "col" }, name));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
