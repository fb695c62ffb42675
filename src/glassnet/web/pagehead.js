// The head of the explain page: what was recorded, what the network answers, the self-check, and what a reader must know.

import { element } from "./element.js";
import { lossRose, lossStory, rateText } from "./lossstory.js";
import { text } from "./messages.js";
import { outputOf, trueClass, trueRow } from "./network.js";
import { format, formatCount } from "./numbers.js";
import { wayToPushes } from "./pushviews.js";
import { strongestRoute } from "./route.js";
import { selection } from "./selection.js";
import { selfCheck } from "./selfcheck.js";
import { themeSwitch } from "./themeswitch.js";

/** @import {Trace} from "./trace.js" */
/** @import {CheckResult} from "./selfcheck.js" */

/** @param {Trace} trace */
export function headNode(trace) {
  const { title, model, loss, optimizer, loss_before: before, loss_after: after, samples } = trace.meta;
  const facts = text("explain.facts", { model, loss, optimizer, rate: rateText(trace) });
  const change = text("explain.loss", { count: samples, before: format(Number(before)), after: format(Number(after)) });
  return element(
    "header", { class: "explain-head" },
    element("div", { class: "explain-title" }, element("h1", {}, title), element("p", { class: "label" }, facts)),
    element("div", { class: "explain-answer" }, ...answerNodes(trace), element("p", { class: "numbers", "data-testid": "loss-change" }, change)),
    element("div", { class: "explain-tools" }, checkBadge(trace), themeSwitch()),
  );
}

/**
 * What the network says about the first sample of a batch, and whether it is right.
 * @param {Trace} trace
 */
function answerNodes(trace) {
  const output = outputOf(trace);
  const units = output.shape.at(-1) ?? 1;
  const { classes } = trace.meta;
  if (!output.data || units < 2 || trace.meta.samples !== 1) return [];
  const row = trueRow(trace, output, 0);
  const scores = Array.from(output.data).slice(row * units, (row + 1) * units);
  const best = scores.indexOf(Math.max(...scores));
  const nameOf = (/** @type {number} */ place) => classes?.[place] ?? String(place);
  const sure = scores.every((score) => score >= 0) && Math.abs(scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-3;
  const truth = trueClass(trace, 0);
  const words = text(sure ? "explain.answer.sure" : "explain.answer", { answer: nameOf(best), truth: nameOf(truth), percent: `${format(100 * scores[best], 3)} %` });
  const show = wayToPushes(trace);
  const why = element("button", { type: "button", class: "trail-stop", "data-testid": "why" }, text("explain.push", { name: nameOf(truth) }));
  why.addEventListener("click", () => show?.());
  return [element("p", { class: best === truth ? "is-right" : "is-wrong", "data-testid": "answer" }, words), ...(show ? [why] : [])];
}

/** @param {Trace} trace */
function checkBadge(trace) {
  const badge = element("output", { class: "check-badge", "data-testid": "self-check" });
  selfCheck(trace, (result, done) => showCheck(badge, result, done));
  return badge;
}

/**
 * @param {HTMLElement} badge
 * @param {CheckResult} result
 * @param {boolean} done
 */
function showCheck(badge, { checked, agreed, unchecked, wrong }, done) {
  const differ = checked - agreed;
  const state = differ ? "bad" : done ? "good" : "running";
  const words = { checked, agreed, differ, refs: wrong.join(", ") };
  badge.className = `check-badge is-${state}`;
  badge.dataset.done = String(done);
  badge.textContent = done && !checked ? text("check.none") : text(`check.${state}`, words);
  const missing = unchecked ? ` ${text("check.unchecked", { count: unchecked })}` : "";
  badge.title = state === "running" ? "" : text(`check.${state}.words`, words) + missing;
}

/**
 * A choice of the sample, where the batch has several: the pinned number and the route move to it.
 * @param {Trace} trace
 * @returns {HTMLElement[]}
 */
export function sampleChoice(trace) {
  const count = trace.meta.samples;
  if (count === 1) return [];
  const options = Array.from({ length: count }, (_, sample) => element("option", { value: sample }, text("explain.sample.name", { number: String(sample + 1), count: String(count) })));
  const choice = element("select", { "data-testid": "sample" }, ...options);
  choice.addEventListener("change", () => {
    const sample = Number(choice.value);
    selection.set({ pinned: trace.inSample(selection.get().pinned, sample), route: strongestRoute(trace, { sample }) });
  });
  const show = () => { choice.value = String(trace.sampleOf(selection.get())); };
  selection.subscribe(show);
  show();
  return [element("label", { class: "label" }, text("explain.sample"), " ", choice)];
}

/**
 * What a reader must know: a step of its own, numbers that are not in the file, a loss that rose, numbers that are not
 * finite.
 * @param {Trace} trace
 */
export function noticeNodes(trace) {
  const { embedded, values, own_train_step: isOwn } = trace.meta;
  const notices = [];
  if (isOwn) notices.push(element("p", { class: "notice", "data-testid": "own-step" }, text("explain.own_train_step")));
  if (embedded < values) notices.push(element("p", { class: "notice", "data-testid": "partial" }, text("explain.partial", { embedded: formatCount(embedded), values: formatCount(values) })));
  if (lossRose(trace)) notices.push(element("p", { class: "notice", "data-testid": "loss-rose" }, lossStory(trace)));
  const count = trace.tensors.reduce((sum, { stats }) => sum + stats.nan + stats.inf, 0);
  const first = trace.steps.find(({ reads, writes }) => [...reads, ...writes].some(({ stats }) => stats.nan + stats.inf > 0));
  if (first) {
    const go = element("button", { type: "button" }, text("explain.go"));
    go.addEventListener("click", () => selection.set({ granularity: "layer", step: first.id, pinned: "" }));
    const words = text("explain.not_finite", { count, step: String(first.id + 1), phase: text(`phase.${first.phase}`), title: first.title });
    notices.push(element("p", { class: "notice is-bad", role: "alert", "data-testid": "not-finite" }, words, " ", go));
  }
  return notices;
}
