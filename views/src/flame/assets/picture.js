// Zoom, search and details of the picture. Without scripts it is a still picture.
(function () {
  "use strict";
  const svg = document.documentElement;
  const html = "http://www.w3.org/1999/xhtml";
  const frames = Array.from(document.getElementsByClassName("f")).map(function (element) {
    return {
      element: element,
      text: element.getElementsByTagName("text")[0],
      title: element.getElementsByTagName("title")[0].textContent,
      x: parseFloat(element.getAttribute("x")),
      width: parseFloat(element.getAttribute("width")),
      depth: Number(element.dataset.depth),
    };
  });
  const info = document.getElementById("info");
  const still = info.textContent;
  let zoomed = frames[0];
  svg.setAttribute("width", "100%");

  // The boxes stand in preorder: those of a subtree follow its root, at greater depths.
  frames.forEach(function (frame, at) {
    frame.at = at;
    frame.end = at + 1;
    while (frame.end < frames.length && frames[frame.end].depth > frame.depth) { frame.end += 1; }
  });

  function isInside(frame, outer) {
    return frame.at >= outer.at && frame.at < outer.end;
  }

  // The beginning of the name and the line; if there is no room, the line; if not for that, nothing.
  function label(name, characters) {
    if (name.length <= characters) { return name; }
    const line = name.slice(name.lastIndexOf(":"));
    const room = characters - line.length - 1;
    if (room > 0) { return name.slice(0, room) + "…" + line; }
    return line.length <= characters && line.startsWith(":") ? line : "";
  }

  function fit(frame, width) {
    const characters = Math.floor((width - 8) / 7.25);
    const name = frame.element.dataset.name;
    frame.text.textContent = label(name, characters);
  }

  function draw() {
    const whole = svg.getBoundingClientRect().width * 0.98;
    for (const frame of frames) {
      const above = frame !== zoomed && isInside(zoomed, frame);
      const below = isInside(frame, zoomed);
      frame.element.style.display = above || below ? "" : "none";
      frame.element.classList.toggle("dim", above);
      const x = above ? 0 : (frame.x - zoomed.x) / zoomed.width * 100;
      const width = above ? 100 : frame.width / zoomed.width * 100;
      frame.element.setAttribute("x", x + "%");
      frame.element.setAttribute("width", width + "%");
      fit(frame, width / 100 * whole);
    }
  }

  function zoom(frame) {
    zoomed = frame;
    draw();
  }

  function search(word) {
    const wanted = word.trim().toLowerCase();
    // Of nested hits only the outermost counts.
    let share = 0;
    let hits = 0;
    let end = 0;
    for (const frame of frames) {
      const hit = wanted !== "" && frame.title.toLowerCase().includes(wanted) && frame !== frames[0];
      frame.element.classList.toggle("hit", hit);
      if (hit) {
        hits += 1;
        if (frame.at >= end) {
          share += frame.width;
          end = frame.end;
        }
      }
    }
    info.textContent = wanted === "" ? still
      : hits + (hits === 1 ? " frame matches, with " : " frames match, with ") + share.toFixed(1) + "% of the memory";
  }

  const holder = document.createElementNS("http://www.w3.org/2000/svg", "foreignObject");
  holder.setAttribute("x", "50%");
  holder.setAttribute("y", "12");
  holder.setAttribute("width", "49%");
  holder.setAttribute("height", "32");
  const tools = document.createElementNS(html, "div");
  tools.setAttribute("class", "tools");
  const input = document.createElementNS(html, "input");
  input.setAttribute("type", "search");
  input.setAttribute("placeholder", "Search");
  input.setAttribute("aria-label", "Search");
  const button = document.createElementNS(html, "button");
  button.textContent = "Reset";
  tools.append(input, button);
  holder.append(tools);
  svg.append(holder);

  input.addEventListener("input", function () { search(input.value); });
  button.addEventListener("click", function () {
    input.value = "";
    search("");
    zoom(frames[0]);
  });
  for (const frame of frames) {
    frame.element.addEventListener("click", function () { zoom(frame); });
    frame.element.addEventListener("mouseenter", function () {
      if (input.value === "") { info.textContent = frame.title.split("\n").join("   "); }
    });
    frame.element.addEventListener("mouseleave", function () {
      if (input.value === "") { info.textContent = still; }
    });
  }
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { button.click(); }
    if (event.key === "/" && event.target !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  window.addEventListener("resize", draw);
  draw();
})();
