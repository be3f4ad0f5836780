
// What a page that is served has beyond one that is a file: the totals of the process, newer ones now
// and then. It asks for page.json beside itself, and for nothing else.
const EVERY = 10;
const live = { paused: false, asking: false, failed: "", time: 0 };

function drawTotals(page) {
  const totals = [
    ["Traced now", sizeText(page.view.total.size)], ["Peak", sizeText(Math.max(page.peak, page.view.total.size))],
    ["Blocks", String(page.traces)], ["Contexts", String(page.contexts)],
    ["Tracer itself", sizeText(page.tracer)], ["Resident", page.resident ? sizeText(page.resident) : "unknown"],
  ];
  if (page.dropped > 0) totals.push(["Dropped traces", String(page.dropped)]);
  byId("totals").replaceChildren(...totals.map(([name, text]) => {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", text));
    return pair;
  }));
  live.time = page.time;
}
function drawAge() {
  const when = byId("when");
  const time = new Date(live.time).toLocaleTimeString();
  when.className = live.failed ? "late" : "";
  when.textContent = live.failed ? live.failed + "; this is of " + time
    : "Taken at " + time + (live.paused ? ", paused" : ", again every " + EVERY + " seconds");
}
async function ask() {
  if (live.asking) return;
  live.asking = true;
  try {
    const answer = await fetch("page.json", { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.text()).trim() || String(answer.status));
    const page = await answer.json();
    live.failed = "";
    drawTotals(page);
    renew(page.view);
  } catch (error) {
    live.failed = error instanceof TypeError ? "The process does not answer" : "No answer: " + error.message;
  }
  live.asking = false;
  drawAge();
}
byId("now").addEventListener("click", ask);
byId("pause").addEventListener("click", () => {
  live.paused = !live.paused;
  byId("pause").setAttribute("aria-pressed", live.paused);
  drawAge();
});
setInterval(() => { if (!live.paused && !document.hidden) ask(); }, EVERY * 1000);
drawTotals(first);
drawAge();
