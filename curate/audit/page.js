"use strict";
// One document at a time. Texts are strangers': they go into the page as text, never as markup.
const sheet = JSON.parse(document.getElementById("sheet").textContent);
const { items, questions } = sheet;
const byId = (id) => document.getElementById(id);
const STORE = `multicurate-audit-${sheet.store}`;
const COLUMNS = [...Object.keys(questions), "comment"];
// By the place of a key, so that every keyboard layout will do
const KEYS = {
  1: ["in_language", "yes"], 2: ["in_language", "mixed"], 3: ["in_language", "no"],
  4: ["quality", "good"], 5: ["quality", "flawed"], 6: ["quality", "junk"],
  7: ["pii", "yes"], 8: ["unsafe", "yes"],
};

const answers = restored();
let at = Math.max(0, items.findIndex((item) => !complete(item)));

function restored() {
  let stored = {};
  try {
    stored = JSON.parse(localStorage.getItem(STORE)) || {};
  } catch {
    // nothing stored, or not by us
  }
  const known = new Map(items.map((item) => [item.id, {}]));
  known.forEach((answer, id) => {
    COLUMNS.forEach((column) => {
      const value = (stored[id] || {})[column];
      if (column === "comment" ? typeof value === "string" : (questions[column] || []).includes(value)) answer[column] = value;
    });
  });
  return known;
}

function store() {
  try {
    localStorage.setItem(STORE, JSON.stringify(Object.fromEntries(answers)));
  } catch {
    byId("notice").textContent = "This browser does not keep the answers: download them before you close the page.";
    byId("notice").hidden = false;
  }
}

// A text in another language needs no more answers
function complete(item) {
  const { in_language, quality } = answers.get(item.id);
  return in_language === "no" || Boolean(in_language && quality);
}

function show() {
  const item = items[at];
  byId("where").textContent = `document ${at + 1} of ${items.length}`;
  byId("text").textContent = item.text;
  byId("cut").hidden = item.characters <= sheet.limit;
  byId("cut").textContent = `The first ${sheet.limit.toLocaleString("en")} of ${item.characters.toLocaleString("en")} characters`;
  byId("comment").value = answers.get(item.id).comment || "";
  byId("back").disabled = at === 0;
  byId("forward").disabled = at === items.length - 1;
  showAnswers();
  window.scrollTo(0, 0);
}

function showAnswers() {
  const answer = answers.get(items[at].id);
  document.querySelectorAll("[data-answer]").forEach((button) => {
    button.setAttribute("aria-pressed", String(answer[questionOf(button)] === button.dataset.answer));
  });
  const done = items.filter(complete).length;
  byId("progress").max = items.length;
  byId("progress").value = done;
  byId("answered").textContent = done === items.length ? "all answered" : `${done} of ${items.length} answered`;
  byId("open").disabled = done === items.length;
}

const questionOf = (button) => button.closest("[data-question]").dataset.question;

// The same answer once more takes it back
function answer(question, value) {
  const now = answers.get(items[at].id);
  if (now[question] === value) delete now[question];
  else now[question] = value;
  store();
  showAnswers();
}

function go(to) {
  if (to < 0 || to >= items.length) return;
  at = to;
  show();
}

function goToOpen() {
  const order = [...items.keys()].map((n) => (at + 1 + n) % items.length);
  const open = order.find((n) => !complete(items[n]));
  if (open !== undefined) go(open);
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target === byId("comment")) {
    if (event.key === "Escape") byId("comment").blur();
    return;
  }
  const digit = (/^(?:Digit|Numpad)(\d)$/.exec(event.code) || [])[1];
  const other = event.target.closest("button:not([data-answer])"); // it does what it says
  if (digit in KEYS) answer(...KEYS[digit]);
  else if (digit === "9") byId("comment").focus();
  else if (event.code === "ArrowRight") go(at + 1);
  else if (event.code === "ArrowLeft") go(at - 1);
  else if (event.key === "Enter" && !other) goToOpen();
  else return;
  event.preventDefault();
}

function rows() {
  return items.map((item) => {
    const given = answers.get(item.id);
    return [item.id, sheet.label, ...COLUMNS.map((column) => given[column] || "")];
  });
}

// A spreadsheet would run a cell that begins like a formula
const harmless = (cell) => (/^[\t\r\n]|^\s*[=+\-@]/.test(cell.normalize("NFKC")) ? `'${cell}` : cell);
const quoted = (cell) => `"${harmless(cell).replaceAll('"', '""')}"`;

function csv() {
  const heads = ["id", "language", ...COLUMNS.map((column) => (questions[column] ? `${column} (${questions[column].join("/")})` : column))];
  return "\ufeff" + [heads, ...rows()].map((row) => row.map(quoted).join(",") + "\r\n").join("");
}

function jsonl() {
  const names = ["id", "language", ...COLUMNS];
  return rows()
    .map((row) => JSON.stringify(Object.fromEntries(names.map((name, n) => [name, row[n]]))) + "\n")
    .join("");
}

function download(suffix, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = `${sheet.label}.answers.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

byId("name").textContent = sheet.name;
byId("language").textContent = `${sheet.name} (${sheet.label})`; // the script matters: hin_Latn
if (sheet.lang) byId("text").lang = sheet.lang;
document.addEventListener("keydown", onKey);
document.querySelectorAll("[data-answer]").forEach((button) => {
  button.addEventListener("click", () => answer(questionOf(button), button.dataset.answer));
});
byId("comment").addEventListener("input", (event) => {
  answers.get(items[at].id).comment = event.target.value;
  store();
});
byId("back").addEventListener("click", () => go(at - 1));
byId("forward").addEventListener("click", () => go(at + 1));
byId("open").addEventListener("click", goToOpen);
byId("csv").addEventListener("click", () => download("csv", csv()));
byId("jsonl").addEventListener("click", () => download("jsonl", jsonl()));
show();
