"use strict";
// Sorting only; the page is complete without it. A cell's data-value is its number, else its text counts.
const value = (row, column) => {
  const { dataset, textContent } = row.cells[column];
  return dataset.value === undefined ? textContent : Number(dataset.value);
};
const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? b - a : String(a).localeCompare(String(b)));

function sortable(table) {
  let sorted = null;
  let order = 1;
  [...table.tHead.rows[0].cells].forEach((header, column, headers) => {
    const button = document.createElement("button");
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      order = header === sorted ? -order : 1;
      sorted = header;
      const rows = [...table.tBodies[0].rows].sort((a, b) => order * compare(value(a, column), value(b, column)));
      table.tBodies[0].append(...rows);
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", header.classList.contains("n") === order > 0 ? "descending" : "ascending");
    });
  });
}
document.querySelectorAll("table.sortable").forEach(sortable);
