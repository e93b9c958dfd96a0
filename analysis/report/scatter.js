// Every run as a point: what it costs across, a score up; its details where it is pointed at.
"use strict";

const MARKERS = { // by Matplotlib's letters, so that a family looks as it does in the figures; within 6 px of the centre
  o: "M-5,0A5,5 0 1 0 5,0A5,5 0 1 0 -5,0Z",
  s: "M-4.5,-4.5H4.5V4.5H-4.5Z",
  p: "M0,-5.5L5.2,-1.7L3.2,4.5H-3.2L-5.2,-1.7Z",
  D: "M0,-6L6,0L0,6L-6,0Z",
  "^": "M0,-5.5L5.5,4.5H-5.5Z",
  v: "M0,5.5L5.5,-4.5H-5.5Z",
  "<": "M-5.5,0L4.5,-5.5V5.5Z",
  ">": "M5.5,0L-4.5,-5.5V5.5Z",
  d: "M0,-6L3.8,0L0,6L-3.8,0Z",
  H: "M-5.6,0L-2.8,-4.8H2.8L5.6,0L2.8,4.8H-2.8Z",
  h: "M0,-5.6L4.8,-2.8V2.8L0,5.6L-4.8,2.8V-2.8Z",
  P: "M-5,-1.8H-1.8V-5H1.8V-1.8H5V1.8H1.8V5H-1.8V1.8H-5Z",
  X: "M-5,-3L-3,-5L0,-2L3,-5L5,-3L2,0L5,3L3,5L0,2L-3,5L-5,3L-2,0Z",
  "*": "M0,-6.0L1.5,-2.1L5.7,-1.9L2.5,0.8L3.5,4.9L0,2.6L-3.5,4.9L-2.5,0.8L-5.7,-1.9L-1.5,-2.1Z",
  8: "M-2,-5H2L5,-2V2L2,5H-2L-5,2V-2Z",
};

function startScatter(page) {
  const chart = document.getElementById("scatter-chart");
  const [xOf, yOf, yScale] = ["scatter-x", "scatter-y", "scatter-y-scale"].map((id) => document.getElementById(id));
  const logarithmic = document.getElementById("scatter-x-log");
  const tooltip = made("div", { class: "tooltip", role: "tooltip", id: "scatter-tooltip", hidden: "" });
  const families = new Map(page.runs.map((run) => [run.family, run]));
  const columns = Object.fromEntries(page.columns.map((column) => [column.name, column]));
  let shown = new Set(page.runs.keys());

  const offer = (select, found) => found.forEach((each) => select.append(made("option", { value: each.name }, titleOf(each))));
  offer(xOf, page.columns.filter((column) => column.isCost));
  offer(yOf, page.columns.filter((column) => column.isScore));
  yOf.value = "roc_auc";
  families.forEach((run, family) => {
    const swatch = drawn("svg", { class: "swatch", viewBox: "-7 -7 14 14", "aria-hidden": "true" }, markerOf(run));
    const level = run.values.n_parameters > 0 ? "" : " (a dashed line on a logarithmic axis: it costs nothing)";
    document.getElementById("scatter-legend").append(made("li", {}, swatch, family + level));
  });

  function offerScales() {
    const column = columns[yOf.value];
    const kinds = ["linear", ...(column.isFraction ? ["nines"] : []), "logarithmic"];
    yScale.replaceChildren(...kinds.map((kind) => made("option", { value: kind }, kind)));
    yScale.value = column.name === "roc_auc" ? "nines" : "linear";
  }

  function draw() {
    const [across, up] = [columns[xOf.value], columns[yOf.value]];
    const known = page.runs.map((run, at) => ({ run, at, x: run.values[across.name], y: run.values[up.name] }))
      .filter((point) => point.x !== null && point.y !== null && shown.has(point.at));
    const xKind = logarithmic.checked && known.some((point) => point.x > 0) ? "logarithmic" : "linear";
    const isLevel = (point) => xKind === "logarithmic" && point.x <= 0; // such as a noise floor: it costs nothing
    const points = known.filter((point) => !isLevel(point));
    const width = Math.max(chart.clientWidth, 280);
    const height = Math.round(Math.min(420, Math.max(300, width * 0.55)));
    const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot", role: "group",
      "aria-label": `${up.title} against ${across.title}, ${known.length} runs` });
    const box = { left: 76, right: width - 34, top: 14, bottom: height - 48 };
    if (points.length) {
      const ends = known.flatMap((point) => [point.y, ...(point.run.intervals[up.name] ?? [])]);
      const yKind = yScale.value === "logarithmic" && !ends.every((value) => value > 0) ? "linear" : yScale.value;
      const x = scaleOf(xKind, ...padded(xKind, points.map((point) => point.x)), box.left, box.right);
      const y = scaleOf(yKind, ...padded(yKind, ends), box.bottom, box.top);
      svg.append(axesOf(box, x, y, titleOf(across), titleOf(up), { x: width > 500 ? 7 : 4 }));
      known.filter(isLevel).forEach((level) => svg.append(levelOf(level, box, y)));
      points.forEach((point) => svg.append(pointOf(point, x, y, up)));
    } else {
      svg.append(drawn("text", { x: width / 2, y: height / 2, class: "title" }, "no run has both, or passes the filter"));
    }
    document.getElementById("scatter-told").textContent = [across, up].map((column) => `${column.title}: ${column.about}.`).join(" ");
    hide();
    chart.replaceChildren(svg, tooltip);
  }

  function levelOf(level, box, y) {
    const top = y.at(level.y);
    return drawn("g", { class: `level series-${level.run.colour}` }, drawn("title", {}, level.run.label),
      drawn("path", { d: `M${box.left},${top}H${box.right}` }));
  }

  function pointOf(point, x, y, up) {
    const [left, top] = [x.at(point.x), y.at(point.y)];
    const group = drawn("g", { class: `point series-${point.run.colour}`, transform: `translate(${left},${top})`,
      tabindex: 0, role: "img", "aria-describedby": "scatter-tooltip", "data-run": point.at,
      "aria-label": `${point.run.label}: ${told(point.y, up.decimals)}` });
    const between = point.run.intervals[up.name];
    if (between) {
      const [low, high] = between.map((value) => (y.at(value) - top).toFixed(1));
      group.append(drawn("path", { class: "whisker", d: `M0,${low}V${high}M-3,${low}H3M-3,${high}H3` }));
    }
    group.append(drawn("circle", { r: 11, class: "target" }), markerOf(point.run));
    for (const event of ["pointerenter", "focus"]) group.addEventListener(event, () => show(point, left, top));
    for (const event of ["pointerleave", "blur"]) group.addEventListener(event, hide);
    group.addEventListener("click", () => showRow(point.at));
    group.addEventListener("keydown", (event) => { if (event.key === "Enter") showRow(point.at); });
    return group;
  }

  function show(point, left, top) {
    const { run } = point;
    const list = made("dl", {});
    const add = (term, text) => list.append(made("div", {}, made("dt", {}, term), made("dd", {}, text)));
    add("family", run.family);
    add("on", run.dataset);
    for (const column of page.columns) {
      const value = run.values[column.name];
      if (!column.isNumber || value === null || !column.inTooltip) continue;
      const between = run.intervals[column.name];
      const unit = column.unit ? ` ${column.unit}` : "";
      const interval = between ? ` (${between.map((each) => told(each, column.decimals)).join(" to ")})` : "";
      add(column.title, `${told(value, column.isScore ? column.decimals : 0)}${unit}${interval}`);
    }
    tooltip.replaceChildren(made("strong", {}, run.label), list);
    tooltip.hidden = false;
    const room = chart.clientWidth - tooltip.offsetWidth;
    const beside = left + 14 > room ? left - tooltip.offsetWidth - 14 : left + 14;
    tooltip.style.left = `${Math.max(0, Math.min(beside, room))}px`;
    tooltip.style.top = `${Math.max(0, Math.min(top - 20, chart.clientHeight - tooltip.offsetHeight))}px`;
  }

  function hide() { tooltip.hidden = true; }

  [xOf, logarithmic, yScale].forEach((control) => control.addEventListener("change", draw));
  yOf.addEventListener("change", () => { offerScales(); draw(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  offerScales();
  redrawnWithWidth(chart, draw);
  return (runs) => { shown = runs; draw(); };
}

function titleOf(column) {
  return column.unit ? `${column.title} (${column.unit})` : column.title;
}

function markerOf(run) {
  return drawn("path", { class: `marker series-${run.colour}`, d: MARKERS[run.marker] });
}
