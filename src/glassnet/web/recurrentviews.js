/**
 * A recurrence opened on the stage: the states of all units over time, one unit unrolled with its gates, and the numbers
 * of one step; on the way back, how the gradient passes from step to step.
 */

import { element } from "./element.js";
import { formulaWithNumbers } from "./formula.js";
import { namedGrid } from "./grid.js";
import { latex } from "./latex.js";
import { MESSAGES, text } from "./messages.js";
import { format } from "./numbers.js";
import { OPENED_MESSAGES } from "./openedwords.js";
import { gateCell, gateValue, isSkipped, openedGates, recurrenceOf, tensorIn, walkBack } from "./recurrence.js";
import { link, readRef, writeRef } from "./selection.js";
import { agrees } from "./selfcheck.js";
import { stepNames } from "./sequence.js";
import { waterfall } from "./waterfall.js";

/** @import {OpenedGate, Recurrence, Spot} from "./recurrence.js" */
/** @import {Op} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */
/** What is drawn anew when another step is chosen. @typedef {{node: HTMLElement, choose: (spot: Spot) => void, mark?: (refs: string[]) => void}} Following */

const GRID_HEIGHT = 230;
const GRID_GAP = 24;
const MANY_ACROSS = 500;
const FRAME_WIDTH = 40;
const ROW_OF_GATES = 24;
const TERMS_OF_GATE = 3;

Object.assign(MESSAGES, OPENED_MESSAGES);

let keepsFocus = false;

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[] | null} null for operations that are no recurrence
 */
export function recurrentParts(context, op) {
  const recurrence = recurrenceOf(op, context.sample);
  if (!recurrence) return isOnTheWay(context, op) ? [] : null;
  const spot = spotOf(context, recurrence);
  const names = stepNames(context.trace, tensorIn(recurrence, "x"), recurrence.sample, recurrence.steps);
  const isBack = op !== recurrence.op;
  /** @type {Following[]} */
  const parts = isBack ? backwardParts(context, recurrence, op, names, spot) : forwardParts(context, recurrence, names, spot);
  const choose = (/** @type {Spot} */ chosen) => parts.forEach((part) => part.choose(chosen));
  const slider = sliderNode(context, recurrence, spot, names, choose);
  choose(spot);
  const [first, ...others] = parts;
  return [first, { node: slider }, ...others];
}

/**
 * What a recurrence computes on its way to the gradients of its weights; only those are drawn with the whole step.
 * @param {StageContext} context
 * @param {Op} op
 */
function isOnTheWay({ sample, view }, { backwardOf, writes }) {
  return view.moment.ops.length > 1 && backwardOf !== null && recurrenceOf(backwardOf, sample) !== null && writes.every(({ of }) => of === null);
}

/**
 * The step and unit that the reader looks at: the pinned cell's, else the route's, else the strongest of the last step.
 * @param {StageContext} context
 * @param {Recurrence} recurrence
 * @returns {Spot}
 */
function spotOf({ trace, selected, route }, recurrence) {
  const { op, steps, units } = recurrence;
  for (const ref of [selected.pinned, ...route]) {
    const { tensor: name, cell } = readRef(ref);
    const tensor = op.writes.find((one) => one.ref === name || trace.gradientOf(one)?.ref === name);
    if (tensor && cell.length === 3) return { step: cell[tensor === op.writes[0] ? 1 : 0], unit: cell[2] % units };
  }
  const last = Array.from({ length: steps }, (_, step) => step).findLast((step) => !isSkipped(recurrence, step)) ?? 0;
  const size = (/** @type {number} */ unit) => Math.abs(gateValue(recurrence, recurrence.gates[recurrence.gates.length - 1], { step: last, unit }));
  return { step: last, unit: Array.from({ length: units }, (_, unit) => unit).reduce((best, unit) => (size(unit) > size(best) ? unit : best), 0) };
}

/**
 * @param {StageContext} context
 * @param {Recurrence} recurrence
 * @param {Spot} spot
 * @param {string[]} names
 * @param {(spot: Spot) => void} choose
 */
function sliderNode({ pick }, recurrence, spot, names, choose) {
  const told = element("output", { class: "gates-step" });
  const slider = element("input", { type: "range", min: 0, max: recurrence.steps - 1, step: 1, value: spot.step, "data-testid": "step-slider" });
  const show = () => {
    told.textContent = `${slider.value} “${names[Number(slider.value)]}”`;
    slider.setAttribute("aria-valuetext", told.textContent);
  };
  slider.addEventListener("keydown", (event) => event.stopPropagation()); // the page's own arrow keys lead to other steps
  slider.addEventListener("input", () => {
    show();
    choose({ ...spot, step: Number(slider.value) });
  });
  slider.addEventListener("change", () => {
    keepsFocus = true;
    const chosen = { ...spot, step: Number(slider.value) };
    pick(writeRef(tensorIn(recurrence, "y").ref, [recurrence.sample, chosen.step, chosen.unit]));
  });
  if (keepsFocus) requestAnimationFrame(() => slider.focus());
  keepsFocus = false;
  show();
  return element("label", { class: "gates-slider" }, element("span", { class: "label" }, text("recurrent.step")), slider, told);
}

// ---------------------------------------------------------------- forward

/**
 * @param {StageContext} context
 * @param {Recurrence} recurrence
 * @param {string[]} names
 * @param {Spot} spot
 * @returns {Following[]}
 */
function forwardParts(context, recurrence, names, spot) {
  const shown = recurrence.gates.filter(({ name }) => name === "c" || name === "h").reverse();
  const grids = shown.map((gate) => {
    const tensor = tensorIn(recurrence, gate.tensor);
    const refOf = (/** @type {Spot} */ spot) => writeRef(tensor.ref, gateCell(recurrence, gate, spot));
    return unitsOverTime(context, recurrence, names, { spot, title: text(gate.name === "h" ? "recurrent.states" : "recurrent.carries"), role: tensor.role, count: shown.length, valueOf: (spot) => gateValue(recurrence, gate, spot), refOf });
  });
  return [together(grids), ...(recurrence.gates.length > 1 ? [unrolledPart(context, recurrence, names)] : []), gatesPart(recurrence, names)];
}

/**
 * Parts side by side as one.
 * @param {Following[]} parts
 * @returns {Following}
 */
function together(parts) {
  return {
    node: element("div", { class: "gates-grids" }, ...parts.map(({ node }) => node)),
    choose: (spot) => parts.forEach(({ choose }) => choose(spot)),
    mark: (refs) => parts.forEach(({ mark }) => mark?.(refs)),
  };
}

/**
 * A number of every unit at every step, time to the right.
 * @param {StageContext} context
 * @param {Recurrence} recurrence
 * @param {string[]} names
 * @param {{spot: Spot, title: string, role: string, count: number, valueOf: (spot: Spot) => number, refOf: (spot: Spot) => string}} shown
 * @returns {Following}
 */
function unitsOverTime(context, { steps, units }, names, { spot, title, role, count, valueOf, refOf }) {
  const spotAt = (/** @type {number} */ at) => ({ step: at % steps, unit: Math.floor(at / steps) });
  const width = (context.width - (count - 1) * GRID_GAP) / (context.width > MANY_ACROSS ? count : 1) - FRAME_WIDTH;
  const chosen = (/** @type {Spot} */ { step, unit }) => ({ column: step, row: unit });
  const grid = namedGrid({
    title, role, chosen: chosen(spot), kind: role === "grad" ? "gradient" : "value", columns: names, rows: Array.from({ length: units }, (_, unit) => String(unit)), size: [width, GRID_HEIGHT],
    data: Float64Array.from({ length: units * steps }, (_, at) => valueOf(spotAt(at))), refOf: (at) => refOf(spotAt(at)),
  }, context);
  return { node: grid.node, mark: grid.mark, choose: (next) => grid.choose(chosen(next)) };
}

/**
 * The gates of one unit at every step.
 * @param {StageContext} context
 * @param {Recurrence} recurrence
 * @param {string[]} names
 * @returns {Following}
 */
function unrolledPart(context, recurrence, names) {
  const node = element("div", { "data-testid": "unrolled" });
  /** @type {ReturnType<typeof namedGrid> | null} */
  let grid = null;
  let drawn = -1;
  return {
    node,
    choose(spot) {
      const { steps, gates } = recurrence;
      const at = (/** @type {number} */ position) => ({ gate: gates[Math.floor(position / steps)], place: { step: position % steps, unit: spot.unit } });
      if (drawn !== spot.unit) {
        grid = namedGrid({
          title: text("recurrent.unit", { unit: String(spot.unit) }), role: "act", kind: "value", limit: 1, chosen: { column: spot.step }, columns: names, rows: gates.map(({ name }) => name), size: [context.width - FRAME_WIDTH, gates.length * ROW_OF_GATES], widest: 72,
          data: Float64Array.from({ length: gates.length * steps }, (_, position) => gateValue(recurrence, at(position).gate, at(position).place)),
          refOf: (position) => writeRef(tensorIn(recurrence, at(position).gate.tensor).ref, gateCell(recurrence, at(position).gate, at(position).place)),
        }, context);
        node.replaceChildren(grid.node);
        drawn = spot.unit;
      }
      grid?.choose({ column: spot.step });
    },
    mark: (refs) => grid?.mark(refs),
  };
}

/**
 * The numbers of one step and unit, gate by gate.
 * @param {Recurrence} recurrence
 * @param {string[]} names
 * @returns {Following}
 */
function gatesPart(recurrence, names) {
  const node = element("section", { class: "gates", "data-testid": "gates" });
  return {
    node,
    choose(spot) {
      const title = element("h2", { class: "stage-heading" }, text("recurrent.spot", { step: String(spot.step), token: names[spot.step], unit: String(spot.unit) }));
      const rows = isSkipped(recurrence, spot.step) ? [element("p", { class: "stage-words" }, text("recurrent.skipped"))] : openedGates(recurrence, spot).map((opened) => gateNode(recurrence.kind, opened));
      node.replaceChildren(title, ...rows);
    },
  };
}

/**
 * @param {string} kind
 * @param {OpenedGate} opened
 */
function gateNode(kind, { gate, value, found, ref, worked, refs, agrees: isRight }) {
  const { name, bend, formula } = gate;
  const head = element("p", { class: "gate-head" },
    element("strong", { class: "gate-name" }, name), gateBar(value, bend === "sigmoid"), link(element("span", { class: "gate-value" }, format(value)), ref),
    checkedNode(isRight, found), element("span", { class: "gate-words" }, text(`recurrent.${kind}.${name}`)));
  const sum = formulaWithNumbers(worked, { refs, terms: TERMS_OF_GATE });
  const bending = bend ? [element("span", { class: "gate-bend" }, `${name} = ${bend === "tanh" ? "tanh" : "σ"}(${format(worked.value)}) = ${format(value)}`)] : [];
  return element("div", { class: "gate", "data-gate": name }, head, element("div", { class: "gate-formula" }, latex(formula)), element("div", { class: "gate-numbers" }, element("span", { class: "gate-sum" }, bend ? "z =" : `${name} =`), sum, ...bending));
}

/**
 * @param {boolean} isRight
 * @param {number} found
 */
export function checkedNode(isRight, found) {
  const words = isRight ? text("recurrent.agrees") : text("recurrent.differs", { value: format(found) });
  return element("span", { class: isRight ? "is-good" : "is-bad", title: words, role: "img", "aria-label": words }, isRight ? "✓" : "≠");
}

/**
 * A gate from 0 to 1, or a number from −1 to 1 about its middle.
 * @param {number} value
 * @param {boolean} isGate
 */
function gateBar(value, isGate) {
  const share = Math.max(-1, Math.min(1, value));
  const bar = element("span", { class: `gate-bar ${isGate ? "is-gate" : share < 0 ? "is-minus" : "is-plus"}` });
  bar.style.left = isGate ? "0" : `${50 + 50 * Math.min(share, 0)}%`;
  bar.style.width = `${(isGate ? 100 : 50) * Math.abs(share)}%`;
  return element("span", { class: isGate ? "gate-track" : "gate-track is-signed", "aria-hidden": "true" }, bar);
}

// ---------------------------------------------------------------- backward

/**
 * @param {StageContext} context
 * @param {Recurrence} recurrence
 * @param {Op} back
 * @param {string[]} names
 * @param {Spot} spot
 * @returns {Following[]}
 */
function backwardParts(context, recurrence, back, names, spot) {
  const walk = walkBack(recurrence, back);
  const { sample } = recurrence;
  const y = tensorIn(recurrence, "y");
  const refOf = (/** @type {Spot} */ { step, unit }) => writeRef(y.ref, [sample, step, unit]);
  const shown = [walk.state, ...(walk.carry ? [walk.carry] : [])];
  const grids = shown.map((rows, at) => unitsOverTime(context, recurrence, names, { spot, title: text(at ? "recurrent.grad_carry" : "recurrent.grad_state"), role: "grad", count: shown.length, valueOf: ({ step, unit }) => rows[step][unit], refOf }));
  return [together(grids), sizesPart(recurrence, back, names), sumsPart(recurrence, back, names)];
}

/**
 * The size of the gradient at every step, as bars, and whether the walk ends where the recorded one does.
 * @param {Recurrence} recurrence
 * @param {Op} back
 * @param {string[]} names
 * @returns {Following}
 */
function sizesPart(recurrence, back, names) {
  const walk = walkBack(recurrence, back);
  const sizes = walk.state.map((row) => Math.hypot(...row));
  const largest = Math.max(...sizes, Number.MIN_VALUE);
  const last = Math.max(0, sizes.findLastIndex((size) => size > 0)); // steps behind it are padding
  const bars = sizes.map((size, step) => {
    const bar = element("span", { class: "time-bar" });
    bar.style.height = `${(100 * size) / largest}%`;
    return element("li", { class: "time-step", title: `${step} “${names[step]}”: ${format(size)}` }, element("span", { class: "time-lane", "aria-hidden": "true" }, bar), element("span", { class: "time-name" }, names[step]), element("span", { class: "visually-hidden" }, format(size)));
  });
  const first = back.writes[back.outputs.indexOf("h0_bar")];
  const parts = Math.max(...sizes);
  const ends = Array.from(walk.before).every((value, unit) => agrees(first, recurrence.sample * recurrence.units + unit, value, parts));
  const words = text("recurrent.decay", { last: String(last), first: "0", from: format(sizes[last]), to: format(sizes[0]) });
  const node = element("figure", { class: "view time-bars", "data-testid": "through-time" }, element("figcaption", { class: "view-title" }, text("recurrent.bars")), element("ol", { class: "time-list" }, ...bars),
    element("p", { class: "stage-words" }, words), element("p", { class: "stage-words" }, checkedNode(ends, walk.before[0]), " ", text("recurrent.ends")));
  return { node, choose: ({ step }) => bars.forEach((bar, at) => bar.classList.toggle("is-current", at === step)) };
}

/**
 * Of what the gradient of one state is the sum.
 * @param {Recurrence} recurrence
 * @param {Op} back
 * @param {string[]} names
 * @returns {Following}
 */
function sumsPart(recurrence, back, names) {
  const node = element("section", { class: "gradient-sources", "data-testid": "gradient-sources" });
  const walk = walkBack(recurrence, back);
  return {
    node,
    choose({ step, unit }) {
      const isLast = step === recurrence.steps - 1;
      const isRest = !isLast && isSkipped(recurrence, step + 1);
      const term = (/** @type {string} */ name, /** @type {Float64Array[]} */ rows) => ({ label: text(`recurrent.${name}`), value: rows[step][unit], factors: [] });
      const straight = isLast ? "last" : isRest ? "rest" : "straight";
      const isStraight = isRest || (isLast ? walk.straight[step][unit] !== 0 : recurrence.kind === "gru");
      const terms = [term("own", walk.own), ...(isStraight ? [term(straight, walk.straight)] : []), ...(isLast || isRest ? [] : [term("through", walk.through)])];
      const sum = waterfall({ title: text("recurrent.back_sum", { step: String(step), unit: String(unit) }), terms, bias: null, total: { label: "∂L/∂h", value: walk.state[step][unit], ref: null } });
      node.replaceChildren(element("h2", { class: "stage-heading" }, text("recurrent.back", { step: String(step), token: names[step], unit: String(unit) })), sum.node);
    },
  };
}
