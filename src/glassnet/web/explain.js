// The explain page: the strip of stages, the stage and the step card, the chain ribbon and the transport, all reading
// one trace and one selection.

import { card } from "./card.js";
import { chain } from "./chain.js";
import { element } from "./element.js";
import { EXPLAIN_MESSAGES } from "./explainwords.js";
import { flow } from "./flow.js";
import { MESSAGES, text } from "./messages.js";
import { headNode, noticeNodes, sampleChoice } from "./pagehead.js";
import { followAddress, rememberPlace } from "./placehistory.js";
import { fitSlide, tourOf } from "./present.js";
import { followPrinting } from "./printed.js";
import { strongestRoute } from "./route.js";
import { markLinked, selection } from "./selection.js";
import { stage } from "./stage.js";
import { stopsOf, stripAt, visit } from "./strip.js";
import { Trace } from "./trace.js";
import { followTourKeys, transport } from "./transport.js";

/** @import {Selected} from "./selection.js" */

/** @type {(keyof Selected)[]} */
const PLACE = ["step", "granularity", "route", "pinned"];

Object.assign(MESSAGES, EXPLAIN_MESSAGES);

/** @param {Trace} trace */
function startPage(trace) {
  const page = /** @type {HTMLElement} */ (document.getElementById("page"));
  const usual = { step: 0, granularity: /** @type {const} */ ("layer"), pinned: "", route: strongestRoute(trace) };
  followAddress(usual);
  const stops = stopsOf(trace);
  const strip = flow({ ...stripAt(trace, stops, trace.view(selection.get())), onpick: (ref) => visit(trace, ref) });
  const stepCard = card(trace);
  const ribbon = chain(trace, selection);
  const tour = tourOf(trace, (part) => {
    controls.update(trace.view(selection.get()));
    return fitSlide(page, pictures, part);
  });
  const controls = transport(trace, tour, sampleChoice(trace));
  const live = element("p", { class: "visually-hidden", "aria-live": "polite", "data-testid": "live" });
  const pictures = stage(trace, selection);
  const body = element("div", { class: "explain-body" }, element("section", { class: "explain-stage", "aria-label": text("explain.stage") }, pictures.node), ribbon.node, stepCard.node);
  page.replaceChildren(headNode(trace), ...noticeNodes(trace), controls.node, strip.node, body, live);
  const draw = () => {
    const view = trace.view(selection.get());
    strip.update(stripAt(trace, stops, view));
    stepCard.update(view);
    pictures.update();
    ribbon.update();
    controls.update(view);
    live.textContent = `${view.index + 1}. ${text(`phase.${view.moment.phase}`)}, ${view.moment.title}. ${view.moment.words}`;
    page.dataset.phase = view.moment.phase;
    markLinked(stepCard.node, selection.get());
    if (tour.isPresenting()) tour.fit();
  };
  selection.subscribe((selected, changed) => {
    if (PLACE.some((key) => changed.has(key))) {
      draw();
      rememberPlace(selected, usual.route);
    } else if (changed.has("ref")) {
      stepCard.follow(selected.ref);
      pictures.update();
      ribbon.update();
      markLinked(stepCard.node, selected);
    }
  });
  window.addEventListener("resize", () => { if (tour.isPresenting()) tour.fit(); });
  followPrinting((paper) => (paper === null ? tour.fit() : pictures.lay(1, { paper })));
  followTourKeys(trace, tour, pictures.stepBack);
  draw();
  performance.mark("first step");
  Object.assign(window, { __glass: { trace, selection } });
}

/** @param {Error} problem */
function showProblem({ message }) {
  document.getElementById("page")?.replaceChildren(element("p", { class: "notice is-bad", role: "alert" }, text("explain.damaged", { problem: message })));
  throw new Error(message);
}

Trace.load(JSON.parse(document.getElementById("trace")?.textContent ?? "{}")).then(startPage).catch(showProblem);
