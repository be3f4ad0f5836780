// The graph and the table of the page. All data stands in the page; nothing is loaded.
"use strict";
// A page that is served has more around it.
const first = JSON.parse(document.getElementById("data").textContent);
let data = first.view || first;
const isDiff = data.old_total !== null;
const ROW = 22;
const FIRST_ROWS = 100;
const byId = (id) => document.getElementById(id);
const state = { inverted: data.inverted, icicle: data.icicle, bytes: true, zoom: 0, word: "",
  sort: isDiff ? "change" : "size", descending: true, all: false };

// As Python's tracemalloc writes sizes.
function sizeText(size, sign) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (;;) {
    if (unit > 0 && Math.abs(size) < 100) break;
    if (Math.abs(size) < 10 * 1024 || unit === units.length - 1) break;
    size /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && Math.abs(size) < 100 ? 1 : 0;
  // Halves go to the even neighbour, as in Python; toFixed would take the larger one.
  const scaled = size * 10 ** digits;
  const isTie = Math.abs(scaled % 1) === 0.5;
  const rounded = isTie ? 2 * Math.round(scaled / 2) / 10 ** digits : size;
  return (sign && size >= 0 ? "+" : "") + rounded.toFixed(digits) + " " + units[unit];
}
const shareText = (part, whole) => whole === 0 ? "" : (part * 100 / whole).toFixed(1) + "%";
const blocksText = (count) => count + (count === 1 ? " block" : " blocks");
const frameName = (frame) => data.names[data.frames[frame][0]] + ":" + data.frames[frame][1];
const framePath = (frame) => data.files[data.frames[frame][0]] + ":" + data.frames[frame][1];
const frameSource = (frame) => data.frames[frame][3];
const textsToSearch = () => data.frames.map((frame, at) =>
  (framePath(at) + "\n" + (frame[3] || "")).toLowerCase());
let searchTexts = textsToSearch();
const matches = (frame) => state.word !== "" && searchTexts[frame].includes(state.word);

// The beginning of the name and the line; if there is no room, the line; if not for that, nothing.
function label(name, characters) {
  if (name.length <= characters) return name;
  const line = name.slice(name.lastIndexOf(":"));
  const room = characters - line.length - 1;
  if (room > 0) return name.slice(0, room) + "…" + line;
  return line.length <= characters && line.startsWith(":") ? line : "";
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Adds to a tree (columns in preorder) where its boxes begin, for both measures.
function place(tree) {
  const length = tree.depth.length;
  const starts = (values) => {
    const start = new Float64Array(length);
    const next = [];
    for (let at = 0; at < length; at += 1) {
      const depth = tree.depth[at];
      start[at] = at === 0 ? 0 : next[depth];
      next[depth] = start[at] + values[at];
      next[depth + 1] = start[at];
    }
    return start;
  };
  tree.end = new Int32Array(length);
  const open = [];
  for (let at = 0; at <= length; at += 1) {
    const depth = at < length ? tree.depth[at] : 0;
    while (open.length > 0 && (at === length || tree.depth[open[open.length - 1]] >= depth)) {
      tree.end[open.pop()] = at;
    }
    if (at < length) open.push(at);
  }
  tree.byBytes = { value: tree.size, start: starts(tree.size) };
  tree.byBlocks = { value: tree.count, start: starts(tree.count) };
}
function placeAll() {
  place(data.callers);
  place(data.inverted_tree);
}
placeAll();
const theTree = () => state.inverted ? data.inverted_tree : data.callers;
const theMeasure = (tree) => state.bytes ? tree.byBytes : tree.byBlocks;

function drawGraph() {
  const graph = byId("graph");
  const tree = theTree();
  const { value, start } = theMeasure(tree);
  const pixels = graph.clientWidth;
  const zoom = state.zoom;
  const boxes = [];
  let deepest = 0;
  const add = (at, left, width, isAbove) => {
    if (width * pixels < 1) return false;
    const depth = tree.depth[at];
    deepest = Math.max(deepest, depth);
    boxes.push({ at, left, width, depth, isAbove });
    return true;
  };
  for (let at = 0; at < zoom; at += 1) {
    if (tree.end[at] > zoom) add(at, 0, 1, true);
  }
  const whole = value[zoom] || 1;
  for (let at = zoom; at < tree.end[zoom];) {
    const shown = add(at, at === zoom ? 0 : (start[at] - start[zoom]) / whole, at === zoom ? 1 : value[at] / whole, false);
    at = shown ? at + 1 : tree.end[at];
  }
  graph.style.height = (deepest + 1) * ROW + "px";
  graph.replaceChildren(...boxes.map((box) => {
    const frame = tree.frame[box.at];
    const origin = frame === null ? "a" : isDiff ? tree.class[box.at] : data.frames[frame][2];
    const wide = box.width * pixels;
    const made = element("div", "f " + origin);
    if (wide < 12) made.classList.add("thin");
    if (box.isAbove) made.classList.add("dim");
    if (frame !== null && matches(frame)) made.classList.add("hit");
    made.textContent = label(frame === null ? "all" : frameName(frame), Math.floor((wide - 11) / 7.25));
    made.style.left = box.left * 100 + "%";
    made.style.width = box.width * 100 + "%";
    made.style.top = (state.icicle ? box.depth : deepest - box.depth) * ROW + "px";
    made.dataset.node = box.at;
    return made;
  }));
  byId("reset").disabled = zoom === 0 && state.word === "";
  showDetails(zoom);
}

function showDetails(at) {
  const tree = theTree();
  const frame = tree.frame[at];
  const details = byId("details");
  const own = tree.own[at] > 0 && tree.own[at] !== tree.size[at] ? ", " + sizeText(tree.own[at]) + " its own" : "";
  const change = isDiff ? ", " + sizeText(tree.change[at], true) : "";
  const first = element("b", "", frame === null ? "all" : framePath(frame));
  const text = sizeText(tree.size[at]) + " (" + shareText(tree.size[at], data.total.size) + ") in "
    + blocksText(tree.count[at]) + own + change;
  details.replaceChildren(first, element("br"), text);
  if (frame !== null && frameSource(frame)) details.append("  ", element("code", "", frameSource(frame)));
}

const columns = [
  { id: "size", name: "Size", of: (line) => line[1], text: (line) => sizeText(line[1]) },
  { id: "share", name: "Share", least: true, of: (line) => line[1], text: (line) => shareText(line[1], data.total.size) },
  { id: "count", name: "Blocks", of: (line) => line[2], text: (line) => String(line[2]) },
  { id: "average", name: "Average", least: true, of: (line) => line[2] ? line[1] / line[2] : 0,
    text: (line) => line[2] ? sizeText(line[1] / line[2]) : "" },
  { id: "line", name: "Line", of: (line) => framePath(line[0]), text: (line) => framePath(line[0]) },
];
if (isDiff) {
  columns.unshift({ id: "change", name: "Change", of: (line) => line[3], text: (line) => sizeText(line[3], true) });
}

function drawTable() {
  byId("headings").replaceChildren(...columns.map((column) => {
    const heading = element("th", column.least ? "least" : "");
    heading.scope = "col";
    if (state.sort === column.id) heading.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
    const button = element("button", "", column.name);
    button.dataset.column = column.id;
    heading.append(button);
    return heading;
  }));
  const column = columns.find((one) => one.id === state.sort);
  const order = state.descending ? -1 : 1;
  const found = data.lines.filter((line) => state.word === "" || matches(line[0]));
  const key = (line) => column.id === "change" ? Math.abs(column.of(line)) : column.of(line);
  found.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x < y ? -order : x > y ? order : 0;
  });
  const shown = state.all ? found : found.slice(0, FIRST_ROWS);
  const largest = Math.max(1, ...data.lines.slice(0, 1).map((line) => Math.abs(isDiff ? line[3] : line[1])));
  const rows = shown.map((line) => {
    const row = element("tr");
    row.tabIndex = 0;
    row.dataset.frame = line[0];
    for (const one of columns) {
      const cell = element("td", one.least ? "least" : "");
      if (one.id === "line") {
        cell.append(element("i", "dot " + data.frames[line[0]][2]), element("code", "", one.text(line)));
        if (frameSource(line[0])) cell.append(element("code", "source", frameSource(line[0])));
      } else {
        cell.textContent = one.text(line);
        if (one.id === "change" && line[3] !== 0) cell.classList.add(line[3] > 0 ? "grown" : "shrunk");
        if (one.id === "size" && !isDiff) {
          const bar = element("span", "bar");
          bar.style.width = Math.max(1, line[1] / largest * 60) + "px";
          cell.append(bar);
        }
      }
      row.append(cell);
    }
    return row;
  });
  if (data.other_lines > 0 && state.word === "" && shown.length === found.length) {
    const row = element("tr", "rest");
    for (const one of columns) {
      let text = "";
      if (one.id === "line") text = data.other_lines + (data.other_lines === 1 ? " other line" : " other lines");
      if (one.id === "size" && data.other) text = sizeText(data.other.size);
      if (one.id === "count" && data.other) text = String(data.other.count);
      row.append(element("td", one.least ? "least" : "", text));
    }
    rows.push(row);
  }
  byId("rows").replaceChildren(...rows);
  const sum = found.reduce((total, line) => total + line[1], 0);
  byId("found").textContent = state.word === "" ? "" : found.length + " found, " + sizeText(sum)
    + " (" + shareText(sum, data.total.size) + ")";
  byId("more").hidden = shown.length === found.length;
  byId("more").textContent = "Show all " + found.length;
}

function drawFrame() {
  const total = data.total;
  const facts = byId("facts");
  facts.replaceChildren(element("b", "", sizeText(total.size)), " in " + blocksText(total.count));
  if (isDiff) {
    const change = total.size - data.old_total.size;
    facts.append(", ", element("b", change > 0 ? "grown" : "shrunk", sizeText(change, true)), " since the old dump");
  }
  facts.append("; " + data.traceback_limit + (data.traceback_limit === 1 ? " frame kept" : " frames kept"));
  const legend = isDiff ? [["g6", "grown"], ["n", "same"], ["d6", "shrunk"]]
    : [["p1", "program"], ["i2", "installed packages"], ["s1", "standard library"], ["u", "no file"]];
  byId("legend").replaceChildren(...legend.map(([name, text]) => {
    const item = element("span");
    item.append(element("i", name), text);
    return item;
  }));
}

function press() {
  const pressed = { callers: !state.inverted, inverted: state.inverted, icicle: state.icicle,
    flame: !state.icicle, bytes: state.bytes, blocks: !state.bytes };
  for (const [id, on] of Object.entries(pressed)) byId(id).setAttribute("aria-pressed", on);
}
function choose(id, change) {
  byId(id).addEventListener("click", () => {
    change();
    press();
    drawGraph();
  });
}
function search(word) {
  state.word = word.trim().toLowerCase();
  drawGraph();
  drawTable();
}
function reset() {
  state.zoom = 0;
  byId("search").value = "";
  search("");
}
choose("callers", () => { state.inverted = false; state.zoom = 0; });
choose("inverted", () => { state.inverted = true; state.zoom = 0; });
choose("icicle", () => { state.icicle = true; });
choose("flame", () => { state.icicle = false; });
choose("bytes", () => { state.bytes = true; });
choose("blocks", () => { state.bytes = false; });
byId("reset").addEventListener("click", reset);
byId("search").addEventListener("input", (event) => search(event.target.value));
byId("more").addEventListener("click", () => { state.all = true; drawTable(); });
byId("graph").addEventListener("click", (event) => {
  const box = event.target.closest(".f");
  if (box) {
    state.zoom = Number(box.dataset.node);
    drawGraph();
  }
});
byId("graph").addEventListener("mouseover", (event) => {
  const box = event.target.closest(".f");
  if (box) showDetails(Number(box.dataset.node));
});
byId("graph").addEventListener("mouseleave", () => showDetails(state.zoom));
byId("headings").addEventListener("click", (event) => {
  const id = event.target.dataset.column;
  if (!id) return;
  state.descending = state.sort === id ? !state.descending : id !== "line";
  state.sort = id;
  drawTable();
});
function pick(event) {
  const row = event.target.closest("tr[data-frame]");
  if (!row) return;
  byId("search").value = framePath(Number(row.dataset.frame));
  search(byId("search").value);
  window.scrollTo({ top: 0, behavior: "smooth" });
}
byId("rows").addEventListener("click", pick);
byId("rows").addEventListener("keydown", (event) => { if (event.key === "Enter") pick(event); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") reset();
  if (event.key === "/" && event.target !== byId("search")) {
    event.preventDefault();
    byId("search").focus();
  }
});
window.addEventListener("resize", drawGraph);
press();
drawFrame();
drawGraph();
drawTable();

// The frames from a box outwards to the root, as text: the same box in newer data has the same.
function pathTo(at) {
  const tree = theTree();
  const path = [];
  for (let depth = tree.depth[at]; at > 0; at -= 1) {
    if (tree.depth[at] === depth) {
      path.push(framePath(tree.frame[at]));
      depth -= 1;
    }
  }
  return path.join("\n");
}
// Shows newer data, and what was chosen stays chosen.
function renew(fresh) {
  const path = pathTo(state.zoom);
  const depth = theTree().depth[state.zoom];
  data = fresh;
  placeAll();
  searchTexts = textsToSearch();
  const tree = theTree();
  state.zoom = Math.max(0, tree.depth.findIndex((one, at) => one === depth && pathTo(at) === path));
  drawFrame();
  drawGraph();
  drawTable();
}
