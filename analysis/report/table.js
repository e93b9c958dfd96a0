// The table of scores: sorted by any column, filtered by text.
"use strict";

function startTable(filtered) {
  const table = document.getElementById("scores");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];

  heads.forEach((head, at) => {
    head.querySelector("button").addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      heads.forEach((each) => each.setAttribute("aria-sort", each === head ? direction : "none"));
      body.append(...sorted(rows, at, direction === "ascending" ? 1 : -1));
    });
  });

  document.getElementById("all-columns").addEventListener("change", (event) => {
    table.classList.toggle("brief", !event.target.checked);
  });

  const filter = document.getElementById("filter");
  const count = document.getElementById("filtered");
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, at) => { row.hidden = !words.every((word) => texts[at].includes(word)); });
    const shown = rows.filter((row) => !row.hidden);
    count.textContent = words.length ? `${shown.length} of ${rows.length} runs` : "";
    filtered(new Set(shown.map((row) => Number(row.dataset.run))));
  });
}

// Rows in the order of a column: numbers before words, and a cell that is empty last in both directions.
function sorted(rows, at, direction) {
  const key = (row) => {
    const text = row.cells[at].dataset.value ?? "";
    return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  };
  const compared = (one, other) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    if (typeof one === "number") return direction * (one - other);
    return direction * one.localeCompare(other, "en", { numeric: true });
  };
  return [...rows].sort((one, other) => compared(key(one), key(other)));
}

// Bring a run's row into view.
function showRow(run) {
  const row = document.querySelector(`#scores tr[data-run="${run}"]`);
  document.querySelectorAll("#scores tr.chosen").forEach((each) => each.classList.remove("chosen"));
  row.classList.add("chosen");
  row.scrollIntoView({ block: "center" });
}
