// The trial browser: truth against models, a stretch of a trial at a time.
"use strict";

const MIN_SPAN_MS = 20;
const SHOWN_AT_FIRST = 3; // models

function startTrials(data) {
  const section = document.getElementById("trials");
  const chart = document.getElementById("trial-chart");
  const select = document.getElementById("trial");
  const status = document.getElementById("trial-told");
  const shown = data.models.map((_, at) => at < SHOWN_AT_FIRST);
  const readouts = [];
  let at = 0;
  let trial = unpacked(data, at);
  let [low, high] = whole();
  let drag = null;
  let panels = null;

  function whole() { return [data.startMs, data.startMs + trial.truth.length]; }

  for (const group of ["worst", "typical"]) {
    const options = [...data.trials.entries()].filter(([, each]) => each.group === group)
      .map(([index, each]) => made("option", { value: index }, `${each.trial}`));
    if (options.length) select.append(made("optgroup", { label: group }, ...options));
  }
  const ofTruth = made("span", { class: "readout" });
  const legend = document.getElementById("trial-models");
  legend.append(made("span", { class: "entry" }, swatchOf(TRUTH), "truth", ofTruth));
  if (data.scoredFromMs > data.startMs) {
    const shaded = drawn("rect", { class: "unscored", x: -10, y: -7, width: 20, height: 14 });
    const swatch = drawn("svg", { class: "swatch wide", viewBox: "-10 -7 20 14", "aria-hidden": "true" }, shaded);
    legend.append(made("span", { class: "entry" }, swatch, `first ${told(data.scoredFromMs - data.startMs)} ms: not scored`));
  }
  data.models.forEach((model, index) => {
    const box = made("input", { type: "checkbox", "data-model": index });
    box.checked = shown[index];
    box.addEventListener("change", () => { shown[index] = box.checked; draw(); });
    readouts.push(made("span", { class: "readout" }));
    legend.append(made("label", {}, box, swatchOf(seriesOf(data, index)), model, readouts[index]));
  });

  function go(index) {
    if (index < 0 || index >= data.trials.length) return;
    at = index;
    trial = unpacked(data, at);
    [low, high] = whole();
    draw();
  }

  function zoom(from, to) {
    const [first, last] = whole();
    const span = Math.min(Math.max(to - from, MIN_SPAN_MS), last - first);
    low = Math.min(Math.max((from + to - span) / 2, first), last - span);
    high = low + span;
    draw();
  }

  function draw() {
    const each = data.trials[at];
    const of = data.trials.filter((other) => other.group === each.group);
    select.value = at;
    document.getElementById("trial-before").disabled = at === 0;
    document.getElementById("trial-after").disabled = at === data.trials.length - 1;
    status.textContent = `${each.group} ${of.indexOf(each) + 1} of ${of.length}, `
      + `${each.spikes.length} output spike${each.spikes.length === 1 ? "" : "s"}`;
    ofTruth.textContent = `clipped at ${told(data.clipMv)} mV`;
    readouts.forEach((readout, model) => { readout.textContent = `RMSE ${told(each.rmse[model], 2)} mV`; });
    Object.assign(chart.dataset, { trial: each.trial, fromMs: Math.round(low), toMs: Math.round(high) });
    panels = drawTrial(chart, data, trial, shown, low, high);
  }

  // What lies under the pointer, in ms, kept inside the panels.
  function timeAt(event) {
    const pixel = event.clientX - chart.getBoundingClientRect().left;
    return panels.x.value(Math.min(Math.max(pixel, panels.box.left), panels.box.right));
  }

  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    chart.setPointerCapture(event.pointerId);
    drag = timeAt(event);
  });
  chart.addEventListener("pointermove", (event) => {
    const here = timeAt(event);
    panels.cursor(here, drag);
    const bin = Math.min(Math.floor(here - data.startMs), trial.truth.length - 1);
    readouts.forEach((readout, model) => {
      readout.textContent = `${told(trial.voltage[model][bin], 1)} mV, P ${told(trial.probability[model][bin], 3)}`;
    });
    ofTruth.textContent = `${told(trial.truth[bin], 1)} mV`;
    status.textContent = `at ${told(here / 1000, 3)} s`;
  });
  chart.addEventListener("pointerup", (event) => {
    const [from, to] = [drag, timeAt(event)];
    drag = null;
    if (from !== null && Math.abs(panels.x.at(from) - panels.x.at(to)) > 5) zoom(Math.min(from, to), Math.max(from, to));
    else panels.cursor(to, null); // nothing is drawn anew, so that a second click finds what the first one did
  });
  chart.addEventListener("pointercancel", () => { drag = null; draw(); });
  chart.addEventListener("pointerleave", () => { if (drag === null) draw(); });
  chart.addEventListener("dblclick", () => zoom(...whole()));
  chart.addEventListener("wheel", (event) => {
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    const [first, last] = whole();
    if (pixels > 0 && high - low >= last - first) return; // all of it is there: let the page scroll
    event.preventDefault();
    const [here, factor] = [timeAt(event), Math.exp(pixels * 0.002)];
    const span = Math.max((high - low) * factor, MIN_SPAN_MS);
    const from = here - (here - low) * (span / (high - low));
    zoom(from, from + span);
  }, { passive: false });

  const keys = {
    ArrowLeft: (shift) => (shift ? zoom(low - (high - low) / 4, high - (high - low) / 4) : go(at - 1)),
    ArrowRight: (shift) => (shift ? zoom(low + (high - low) / 4, high + (high - low) / 4) : go(at + 1)),
    "+": () => zoom(low + (high - low) / 4, high - (high - low) / 4),
    "-": () => zoom(low - (high - low) / 2, high + (high - low) / 2),
    0: () => zoom(...whole()),
    Escape: () => zoom(...whole()),
  };
  section.addEventListener("keydown", (event) => {
    if (["SELECT", "INPUT"].includes(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key](event.shiftKey);
  });
  select.addEventListener("change", () => go(Number(select.value)));
  document.getElementById("trial-before").addEventListener("click", () => go(at - 1));
  document.getElementById("trial-after").addEventListener("click", () => go(at + 1));
  document.getElementById("zoom-reset").addEventListener("click", () => zoom(...whole()));
  redrawnWithWidth(chart, draw);
}
