// Scales, ticks and SVG elements that the charts share.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

// An SVG element; what is among `inside` and not an element is text.
function drawn(name, attributes, ...inside) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

// An HTML element; nothing is ever parsed as markup.
function made(name, attributes, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

// How a value becomes a place between 0 and 1, by kind of scale. Nines: 0.9, 0.99 and 0.999 are equally far apart.
const SHAPES = {
  linear: { to: (v) => v, from: (t) => t },
  logarithmic: { to: (v) => Math.log10(Math.max(v, 1e-12)), from: (t) => 10 ** t },
  nines: {
    to: (v) => (v > 1 ? 4 + (v - 1) : -Math.log10(Math.max(1 - v, 1e-4))), // from 0.9999 on 4; axes may end above 1
    from: (t) => (t > 4 ? 1 + (t - 4) : 1 - 10 ** -t),
  },
};
const NINES = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];

// A scale from values between low and high to pixels between start and end.
function scaleOf(kind, low, high, start, end) {
  const shape = SHAPES[kind];
  const [first, last] = [shape.to(low), shape.to(high)];
  const span = last - first || 1;
  return {
    kind, low, high,
    at: (value) => start + ((shape.to(value) - first) / span) * (end - start),
    value: (pixel) => shape.from(first + ((pixel - start) / (end - start)) * span),
  };
}

// The range of values, a little wider, so that no point lies on an axis.
function padded(kind, values, part = 0.06) {
  const shape = SHAPES[kind];
  let [low, high] = [Math.min(...values), Math.max(...values)].map(shape.to);
  if (low === high) [low, high] = [low - 0.5 * (Math.abs(low) || 1) * 0.2, high + 0.5 * (Math.abs(high) || 1) * 0.2];
  const pad = part * (high - low);
  return [shape.from(low - pad), shape.from(high + pad)];
}

// Round numbers, at least two.
function linearTicks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at += 1) ticks.push(at * step + 0); // + 0: no −0
  return ticks.length > 1 || wanted > 50 ? ticks : linearTicks(low, high, 2 * wanted);
}

function logarithmicTicks(low, high, wanted) {
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) powers.push(power);
  const ticks = (digits) => powers.flatMap((power) => digits.map((digit) => digit * 10 ** power))
    .filter((tick) => tick >= low && tick <= high);
  const all = ticks([1, 2, 5]);
  return all.length > wanted + 1 ? ticks([1]) : all;
}

function ticksOf(scale, wanted = 6) {
  const { kind, low, high } = scale;
  let ticks = [];
  if (kind === "nines") ticks = NINES.filter((tick) => tick >= low && tick <= high);
  if (kind === "logarithmic") ticks = logarithmicTicks(low, high, wanted);
  return ticks.length > 1 ? ticks : linearTicks(low, high, wanted);
}

// A number as axes and tooltips print it.
function told(value, decimals) {
  if (value === null || value === undefined) return "not known";
  const options = decimals === undefined ? { maximumSignificantDigits: 6 }
    : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString("en", options).replace("-", "−");
}

// Both axes of a panel: box is {left, right, top, bottom}; a title that is null leaves that axis without labels.
function axesOf(box, x, y, xTitle, yTitle, wanted = {}) {
  const group = drawn("g", { class: "axes" });
  for (const tick of ticksOf(y, wanted.y)) {
    const at = y.at(tick).toFixed(1);
    group.append(drawn("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }));
    group.append(drawn("text", { x: box.left - 7, y: at, class: "tick up" }, told(tick)));
  }
  for (const tick of ticksOf(x, wanted.x)) {
    const at = x.at(tick).toFixed(1);
    group.append(drawn("line", { class: "mark", x1: at, x2: at, y1: box.bottom, y2: box.bottom + 5 }));
    if (xTitle !== null) group.append(drawn("text", { x: at, y: box.bottom + 18, class: "tick across" }, told(tick)));
  }
  group.append(drawn("path", { class: "frame", d: `M${box.left},${box.top}V${box.bottom}H${box.right}` }));
  if (xTitle !== null) {
    group.append(drawn("text", { x: (box.left + box.right) / 2, y: box.bottom + 38, class: "title" }, xTitle));
  }
  const middle = (box.top + box.bottom) / 2;
  group.append(drawn("text", { class: "title", transform: `translate(13,${middle}) rotate(-90)` }, yTitle));
  return group;
}

// Draw again when the chart's width changes, and only then.
function redrawnWithWidth(chart, draw) {
  let width = chart.clientWidth;
  new ResizeObserver(() => {
    if (chart.clientWidth === width) return;
    width = chart.clientWidth;
    requestAnimationFrame(draw);
  }).observe(chart);
  draw();
}
