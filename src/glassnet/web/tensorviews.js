/** Any operation from afar: what it reads and writes as pictures, each tensor in the form that suits its size. */

import { cellRef, pictureShape } from "./arrays.js";
import { slopeName } from "./chain.js";
import { element } from "./element.js";
import { heat } from "./heat.js";
import { SIGNS, holdsImages, imagesPart } from "./mapviews.js";
import { text } from "./messages.js";
import { sizeOfTensor } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { pushesOf } from "./pushes.js";
import { keptLimit, scaleKind } from "./scale.js";
import { link, readRef, writeRef } from "./selection.js";
import { unitgrid } from "./unitgrid.js";
import { arrayOf, equationNode, limitFor, rowOf, tensorTitle } from "./zoom.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const FEW_CELLS = 192;
const MOST_NUMBERS = 4;
const SIGN_ROOM = 26;
/** CSS pixels across a picture that stands beside others. */
export const SMALL_PICTURE = 168;

/**
 * Whether a tensor is shown as one picture per unit: a matrix of weights, or its gradient, too large for numbers.
 * @param {Tensor} tensor
 */
export function isUnitGrid({ shape, axes, data }) {
  return shape.length === 2 && axes[0] === "I" && axes[1] === "O" && shape[0] * shape[1] > FEW_CELLS && data !== null;
}

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part}
 */
export function equationPart(context, op) {
  const sign = SIGNS.get(op.op) ?? ",";
  const last = SIGNS.has(op.op) ? "=" : `${op.op} →`;
  const share = Math.max(120, Math.min(SMALL_PICTURE, context.width / (op.reads.length + op.writes.length) - 84));
  const isTurned = op.op === "convolution_transpose" && op.backwardOf !== null;
  const reads = op.reads.map((tensor) => (isTurned && holdsImages(tensor) && tensor.role === "param" ? imagesPart(context, tensor, { title: text("maps.turned", { name: tensorTitle(tensor) }), isTurned }) : tensorPart(context, tensor, share)));
  const writes = op.writes.map((tensor) => tensorPart(context, tensor, share));
  return termsPart([...reads.map((part, at) => /** @type {[string, Part]} */ ([at ? sign : "", part])), ...writes.map((part, at) => /** @type {[string, Part]} */ ([at ? "," : last, part]))]);
}

/**
 * A whole tensor, in the form that suits its size.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number} width
 * @returns {Part}
 */
export function tensorPart(context, tensor, width) {
  const { trace, image, point, pick } = context;
  const title = slopeName(trace, tensor) ?? tensorTitle(tensor);
  if (!tensor.data) return { node: tileNode(tensor) };
  if (sizeOfTensor(tensor) === 1) return { node: numberNode(tensor) };
  if (holdsImages(tensor)) return context.seen?.has(tensor) ? { node: againNode(tensor) } : imagesOnce(context, tensor);
  if (isUnitGrid(tensor)) return unitsPart(context, tensor, title);
  const array = arrayOf(tensor);
  const kind = scaleKind(array, image);
  const view = heat({ array, title, image, kind, limit: keptLimit(array.data, kind), width, height: Math.max(width, SMALL_PICTURE), ...numbersIfFew(tensor), onpoint: point, onpick: pick });
  return { node: view.node, mark: (linked) => view.update({ linked }) };
}

/**
 * Numbers in the cells where a few fit beside other pictures; otherwise pointing at a cell tells its number.
 * @param {Tensor} tensor
 */
export function numbersIfFew(tensor) {
  const { columns } = pictureShape(tensor.shape);
  return columns <= MOST_NUMBERS && sizeOfTensor(tensor) <= FEW_CELLS ? {} : { numbers: false };
}

/**
 * A tensor whose numbers are not in the page.
 * @param {Tensor} tensor
 */
function tileNode({ symbol, name, shape, stats: { min, max, mean } }) {
  const numbers = text("stage.tile", { min: format(min), mean: format(mean), max: format(max) });
  return element("figure", { class: "view stage-tile" }, element("figcaption", { class: "view-title" }, symbol || name, element("span", { class: "view-shape" }, shape.join("×"))), element("p", {}, text("stage.not_embedded")), element("p", {}, numbers));
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 */
export function imagesOnce(context, tensor) {
  context.seen?.add(tensor);
  return imagesPart(context, tensor);
}

/**
 * A tensor that was drawn further up.
 * @param {Tensor} tensor
 */
function againNode(tensor) {
  const name = link(element("span", { class: `stage-number frame role-${tensor.role}` }, tensorTitle(tensor)), tensor.ref);
  return element("figure", { class: "view slice slice-number" }, name, element("figcaption", { class: "view-status" }, text("maps.see_above")));
}

/** @param {Tensor} tensor */
function numberNode(tensor) {
  const { role } = tensor;
  const value = Number(tensor.data?.[0]);
  const number = link(element("span", { class: `stage-number frame role-${role}` }, role === "grad" ? formatSigned(value) : format(value)), cellRef(tensor, 0));
  const isNamed = tensorTitle(tensor) !== number.textContent; // a constant goes by its value
  return element("figure", { class: "view slice slice-number" }, isNamed ? element("figcaption", { class: "view-title" }, tensorTitle(tensor)) : null, number);
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {string} title
 * @returns {Part}
 */
export function unitsPart(context, tensor, title) {
  const { trace, sample, image, point, pick, route, width, room } = context;
  const weights = trace.sourceOf(tensor);
  const op = trace.ops.find(({ op: name, phase, reads }) => phase === "forward" && name === "linear" && reads[1]?.name === weights.name);
  const result = op?.writes[0];
  const onRoute = route.map((ref) => readRef(ref)).find(({ tensor: name }) => name === weights.ref || name === result?.ref);
  const view = unitgrid({
    array: arrayOf(tensor), title, image, limit: limitFor(tensor), width: width - SIGN_ROOM, ...(room ? { height: room } : {}),
    ...(op?.reads[2] && tensor.role === "param" ? { biases: arrayOf(op.reads[2]) } : {}),
    ...(result ? { orders: ordersOf(trace, result, sample) } : {}),
    ...(onRoute ? { selected: Number(onRoute.cell.at(-1)) } : {}),
    onpoint: point,
    onpick: (unit) => result && pick(writeRef(result.ref, [...result.shape.slice(0, -1).map((_, axis) => (axis ? 0 : sample)), unit])),
  });
  view.node.dataset.testid = "unitgrid";
  return { node: view.node, mark: (linked) => view.update({ linked }) };
}

/**
 * What the units of a layer can be sorted by: their push on the true class, and their gradient.
 * @param {Trace} trace
 * @param {Tensor} result
 * @param {number} sample
 */
function ordersOf(trace, result, sample) {
  const pushes = pushesOf(trace, sample).slopes.get(result);
  const values = rowOf(result, sample);
  const gradient = trace.gradientOf(result);
  return {
    contribution: values.map((value, unit) => (pushes ? value * pushes[sample * values.length + unit] : value)),
    ...(gradient?.data ? { gradient: rowOf(gradient, sample) } : {}),
  };
}

/**
 * @param {[string, Part][]} terms pictures, each with the sign before it
 * @returns {Part}
 */
export function termsPart(terms) {
  return { node: equationNode(terms.map(([sign, { node }]) => [sign, node])), mark: (refs) => terms.forEach(([, { mark }]) => mark?.(refs)) };
}
