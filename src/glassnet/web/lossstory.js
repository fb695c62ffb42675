// What the update did to the loss, and how large its step was, in words: a loss that rises is never left without a reason.

import { text } from "./messages.js";
import { format, formatSigned } from "./numbers.js";

/** @import {Trace} from "./trace.js" */

/**
 * The learning rate of this step, and where a schedule changed it since the first step, what it was then.
 * @param {Trace} trace
 */
export function rateText({ meta: { optimizer_config: settings, first_rate: first } }) {
  const rate = Number(settings?.learning_rate);
  if (!Number.isFinite(rate)) return "η";
  const key = first > rate ? "explain.rate.fell" : first < rate ? "explain.rate.rose" : "";
  return key ? text(key, { rate: format(rate), first: format(first) }) : format(rate);
}

/** @param {Trace} trace */
export function lossRose({ meta }) {
  return Number(meta.loss_after) > Number(meta.loss_before);
}

/**
 * The loss before and after, and why it rose if it did; nothing where it is no number.
 * @param {Trace} trace
 */
export function lossStory(trace) {
  const { samples: count, optimizer_config: settings } = trace.meta;
  const [before, after] = [Number(trace.meta.loss_before), Number(trace.meta.loss_after)];
  const shown = { count, before: format(before), after: format(after), change: formatSigned(after - before) };
  if (Number.isNaN(before) || Number.isNaN(after)) return "";
  if (after === before) return text("loss.stayed", shown);
  if (after < before) return text("loss.fell", shown);
  const promised = promisedChange(trace);
  const reason = promised === null ? "loss.why.unknown" : promised < 0 ? "loss.why.long" : "loss.why.uphill";
  return `${text("loss.rose", shown)} ${text(reason, { promised: formatSigned(promised ?? 0), rate: format(Number(settings.learning_rate)) })}`;
}

/**
 * By how much the loss would change if its slope stayed the same all the way: the sum of gradient times change over all
 * weights. Null where numbers are not in the page.
 * @param {Trace} trace
 */
function promisedChange(trace) {
  let sum = 0;
  for (const after of trace.tensors.filter(({ role, version }) => role === "param" && version === 1)) {
    const before = trace.versionOf(after, 0);
    const gradient = before && trace.gradientOf(before);
    if (!gradient) continue; // the loss does not depend on it
    if (!before.data || !after.data || !gradient.data) return null;
    for (let at = 0; at < after.data.length; at += 1) sum += gradient.data[at] * (after.data[at] - before.data[at]);
  }
  return sum;
}
