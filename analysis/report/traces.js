// The traces of one trial: unpacked, and drawn over a stretch of it.
"use strict";

const [VOLTAGE_HEIGHT, PROBABILITY_HEIGHT, BETWEEN, ABOVE, BELOW] = [250, 110, 22, 20, 48]; // px
const [MV_PER_STEP, PROBABILITY_STEPS] = [0.01, 65535];
const TRUTH = { class: "trace truth" };

function bytesOf(packed) {
  return Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
}

// A trial's traces as arrays, a value for each ms: truth and models in mV, probabilities.
function unpacked(data, at) {
  const trial = data.trials[at];
  const voltage = (packed) => Float32Array.from(new Int16Array(bytesOf(packed).buffer), (step) => step * MV_PER_STEP);
  const probability = (packed) => Float32Array.from(new Uint16Array(bytesOf(packed).buffer), (step) => step / PROBABILITY_STEPS);
  return { truth: voltage(trial.truth), voltage: trial.voltage.map(voltage),
    probability: trial.probability.map(probability), spikes: trial.spikes };
}

// How a model's lines look: by its family, as in the figures.
function seriesOf(data, model) {
  const look = data.looks[model];
  return { class: `trace series-${look.colour} shade-${look.shade}`, "stroke-dasharray": look.dashes };
}

function swatchOf(series) {
  const line = drawn("path", { ...series, d: "M-10,0H10" });
  return drawn("svg", { class: "swatch wide", viewBox: "-10 -7 20 14", "aria-hidden": "true" }, line);
}

// The outline of values[first..last): where a pixel holds several bins, the lowest and the highest of them.
function outline(values, first, last, xOf, y) {
  const perPixel = Math.max(1, Math.floor((last - first) / Math.max(1, xOf(last) - xOf(first))));
  const points = [];
  for (let bin = first; bin < last; bin += perPixel) {
    let [lowest, highest] = [bin, bin];
    for (let each = bin; each < Math.min(bin + perPixel, last); each += 1) {
      if (values[each] < values[lowest]) lowest = each;
      if (values[each] > values[highest]) highest = each;
    }
    for (const each of lowest === highest ? [lowest] : [lowest, highest].sort((a, b) => a - b)) {
      points.push(`${xOf(each).toFixed(1)},${y.at(values[each]).toFixed(1)}`);
    }
  }
  return `M${points.join("L")}`;
}

function extremes(traces, first, last) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of traces) {
    for (let bin = first; bin < last; bin += 1) {
      low = Math.min(low, values[bin]);
      high = Math.max(high, values[bin]);
    }
  }
  return [low, high];
}

// Draw truth and the models that are shown, from low to high ms; returns the scale, the panel and a cursor to move.
function drawTrial(chart, data, trial, shown, low, high) {
  const width = Math.max(chart.clientWidth, 280);
  const height = ABOVE + VOLTAGE_HEIGHT + BETWEEN + PROBABILITY_HEIGHT + BELOW;
  const box = { left: 76, right: width - 14, top: ABOVE, bottom: ABOVE + VOLTAGE_HEIGHT };
  const below = { ...box, top: box.bottom + BETWEEN, bottom: box.bottom + BETWEEN + PROBABILITY_HEIGHT };
  const x = scaleOf("linear", low, high, box.left, box.right);
  const seconds = scaleOf("linear", low / 1000, high / 1000, box.left, box.right);
  const first = Math.max(0, Math.floor(low - data.startMs));
  const last = Math.min(trial.truth.length, Math.ceil(high - data.startMs) + 1);
  const models = data.models.map((_, model) => model).filter((model) => shown[model]);
  const [lowest, highest] = extremes([trial.truth, ...models.map((model) => trial.voltage[model])], first, last);
  const pad = Math.max(0.5, 0.05 * (highest - lowest));
  const y = scaleOf("linear", lowest - pad, highest + pad, box.bottom, box.top);
  const [, most] = extremes(models.map((model) => trial.probability[model]), first, last);
  const up = scaleOf("linear", 0, Math.max(most, 0.001) * 1.05, below.bottom, below.top);
  const binAt = (bin) => x.at(data.startMs + bin);

  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot", "aria-hidden": "true" });
  const clip = (name, panel) => drawn("clipPath", { id: name }, drawn("rect", { x: panel.left, y: 0,
    width: panel.right - panel.left, height: panel.bottom }));
  svg.append(drawn("defs", {}, clip("clip-voltage", box), clip("clip-probability", below)));
  if (data.scoredFromMs > low) {
    const end = Math.min(x.at(data.scoredFromMs), box.right);
    for (const panel of [box, below]) {
      svg.append(drawn("rect", { class: "unscored", x: box.left, y: panel.top, width: end - box.left, height: panel.bottom - panel.top }));
    }
  }
  svg.append(axesOf(box, seconds, y, null, "soma voltage (mV)", { x: width > 500 ? 8 : 4, y: 5 }));
  svg.append(axesOf(below, seconds, up, "time (s)", "P(spike) per ms", { x: width > 500 ? 8 : 4, y: 3 }));
  const [voltages, probabilities] = ["voltage", "probability"].map((name) => drawn("g", { "clip-path": `url(#clip-${name})` }));
  for (const model of models) {
    voltages.append(drawn("path", { ...seriesOf(data, model), d: outline(trial.voltage[model], first, last, binAt, y) }));
    probabilities.append(drawn("path", { ...seriesOf(data, model), d: outline(trial.probability[model], first, last, binAt, up) }));
  }
  voltages.append(drawn("path", { ...TRUTH, d: outline(trial.truth, first, last, binAt, y) })); // in front of all models
  svg.append(voltages, probabilities);
  for (const time of trial.spikes.filter((each) => each >= low && each <= high)) {
    const at = x.at(time).toFixed(1);
    svg.append(drawn("path", { class: "spike-stroke", d: `M${at},${box.top}V${Math.max(box.top, y.at(data.clipMv)).toFixed(1)}` }));
    svg.append(drawn("path", { class: "spike", d: `M${at},${box.top - 4}l-4,-8h8Z` }));
    svg.append(drawn("path", { class: "spike-line", d: `M${at},${box.top}V${below.bottom}` }));
  }
  const [stretch, line] = [drawn("rect", { class: "stretch", y: box.top, height: below.bottom - box.top, width: 0 }),
    drawn("path", { class: "cursor" })];
  svg.append(stretch, line);
  chart.replaceChildren(svg);

  function cursor(here, from) {
    line.setAttribute("d", `M${x.at(here).toFixed(1)},${box.top}V${below.bottom}`);
    const [start, end] = from === null ? [0, 0] : [x.at(Math.min(from, here)), x.at(Math.max(from, here))];
    stretch.setAttribute("x", start);
    stretch.setAttribute("width", end - start);
  }
  return { x, box, cursor };
}
