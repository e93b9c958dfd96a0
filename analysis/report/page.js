// Starts what the page holds.
"use strict";

{
  const read = (name) => JSON.parse(document.getElementById(name)?.textContent ?? "null");
  document.documentElement.classList.add("scripted");
  startTable(startScatter(read("runs")));
  const traces = read("traces"); // where the truth and predictions of it were given
  if (traces) startTrials(traces);
}
