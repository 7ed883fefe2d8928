"use strict";
// The graph of a file, one scope at a time. Where everything is drawn stands in the data; texts are set as texts.
(() => {
  const data = document.getElementById("graph-data");
  if (!data) return;
  const files = JSON.parse(data.textContent);
  const part = (name) => document.getElementById("graph-" + name);
  const SVG = "http://www.w3.org/2000/svg", WIDTH = 168, HEIGHT = 40, ROWS = 100, HEATS = 7;
  const MEASURES = {
    kind: null,
    macs: (operator) => operator.macs,
    error: (operator) => operator.error,
    added: (operator) => operator.added,
    off: (operator) => operator.off,
  };
  let file, scope, zoom = 1, homes, most;

  function made(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function html(name, text, attributes = {}) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  const share = (value) => (value === undefined || value === null ? "" : (100 * value).toPrecision(3) + " %");
  const inside = (at) => {
    const found = [];
    const pending = [at];
    while (pending.length) {
      for (const [, , kind, place] of file.scopes[pending.pop()].nodes) {
        if (kind === "op") found.push(file.operators[place]);
        if (kind === "scope") pending.push(place);
      }
    }
    return found;
  };
  const path = (at) => {
    const names = [];
    for (; at > 0; at = file.scopes[at].parent) names.unshift(file.scopes[at].name);
    return names.join(".");
  };

  function measured(operators) {
    const measure = MEASURES[part("color").value];
    if (!measure) return null;
    const values = operators.map(measure).filter((value) => value !== undefined && value !== null);
    if (!values.length) return null;
    return part("color").value === "macs" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  }

  function heat(operators) {
    const value = measured(operators);
    if (value === null || most <= 0) return "";
    return " heat" + Math.min(HEATS - 1, Math.max(0, Math.ceil((HEATS - 1) * Math.sqrt(value / most))));
  }

  function node(x, y, kind, place) {
    const label = { in: ["in", "from elsewhere"], out: ["out", "to elsewhere"] }[kind];
    const operators = kind === "op" ? [file.operators[place]] : kind === "scope" ? inside(place) : [];
    const texts = label || (kind === "op"
      ? [file.operators[place].kind, file.operators[place].shape]
      : [file.scopes[place].name, operators.length + " operators"]);
    const group = made("g", { class: "node " + kind + heat(operators), transform: `translate(${x} ${y})` });
    group.append(made("rect", { width: WIDTH, height: HEIGHT, rx: 4 }));
    texts.forEach((text, line) => group.append(
      made("text", { x: WIDTH / 2, y: line ? 32 : 17, class: line ? "second" : "first" }, text.length > 26 ? text.slice(0, 25) + "…" : text)));
    if (label) return group;
    group.append(made("title", {}, kind === "op" ? described(file.operators[place]).join("\n") : path(place)));
    group.setAttribute("tabindex", 0);
    group.setAttribute("role", "button");
    group.setAttribute("aria-label", kind === "op" ? `${texts.join(" ")}, operator ${place}` : `open ${path(place)}, ${texts[1]}`);
    group.dataset.place = kind + place;
    const act = () => (kind === "op" ? details(place) : open(place));
    group.addEventListener("click", act);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); }
    });
    return group;
  }

  function edge(points) {
    let way = `M${points[0]} ${points[1]}`;
    for (let at = 2; at < points.length; at += 2) {
      const middle = (points[at - 1] + points[at + 1]) / 2;
      way += `C${points[at - 2]} ${middle} ${points[at]} ${middle} ${points[at]} ${points[at + 1]}`;
    }
    return made("path", { d: way, class: "edge" });
  }

  function scaled() {
    const picture = file.scopes[scope], svg = part("view").firstElementChild;
    svg.setAttribute("width", (picture.width + 16) * zoom);
    svg.setAttribute("height", (picture.height + 16) * zoom);
    part("zoom").textContent = Math.round(100 * zoom) + " %";
  }

  function draw() {
    const picture = file.scopes[scope];
    most = Math.max(0, ...picture.nodes.map(([, , kind, place]) =>
      (kind === "op" ? measured([file.operators[place]]) : kind === "scope" ? measured(inside(place)) : 0) ?? 0));
    const svg = made("svg", { viewBox: `-8 -8 ${picture.width + 16} ${picture.height + 16}` });
    picture.edges.forEach((points) => svg.append(edge(points)));
    picture.nodes.forEach((each) => svg.append(node(...each)));
    part("view").replaceChildren(svg);
    scaled();
  }

  function open(at) {
    scope = at;
    draw();
    const crumbs = [];
    for (let each = at; each >= 0; each = file.scopes[each].parent) {
      const button = html("button", file.scopes[each].name || "the whole file", { type: "button" });
      if (each === at) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => open(each));
      crumbs.unshift(button);
    }
    part("path").replaceChildren(...crumbs);
    part("view").scrollTo(0, 0);
    if (document.activeElement === document.body) part("view").focus({ preventScroll: true });
  }

  function described(operator) {
    return [
      operator.kind + (operator.module ? " of " + operator.module : ""),
      ...operator.inputs.map((tensor) => "takes " + tensor),
      ...operator.outputs.map((tensor) => "gives " + tensor),
      ...(operator.macs ? [operator.macs.toLocaleString("en") + " multiply-adds"] : []),
      ...("error" in operator ? [`error ${share(operator.error) || "beyond measure"}, of which it adds ${share(operator.added)}`] : []),
      ...("off" in operator ? [share(operator.off) + " of its numbers are not the nearest integer"] : []),
    ];
  }

  function details(place) {
    const list = html("ul");
    described(file.operators[place]).slice(1).forEach((line) => list.append(html("li", line)));
    const operator = file.operators[place];
    part("details").replaceChildren(
      html("h3", `operator ${place}: ${operator.kind}` + (operator.module ? " of " + operator.module : "")), list);
    part("view").querySelectorAll(".chosen").forEach((each) => each.classList.remove("chosen"));
    const drawn = part("view").querySelector(`[data-place="op${place}"]`);
    if (drawn) drawn.classList.add("chosen");
    return drawn;
  }

  function show(place) {
    open(homes[place]);
    const drawn = details(place);
    drawn.scrollIntoView({ block: "nearest", inline: "nearest" });
    drawn.focus();
  }

  function search() {
    const words = part("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    file.texts.forEach((text, place) => { if (words.every((word) => text.includes(word))) found.push(place); });
    part("count").textContent = `${found.length} of ${file.operators.length} operators` + (found.length > ROWS ? `, the first ${ROWS} are listed` : "");
    part("rows").replaceChildren(...found.slice(0, ROWS).map((place) => {
      const operator = file.operators[place], row = html("tr"), cell = html("td"), button = html("button", `${place} ${operator.kind}`, { type: "button" });
      button.addEventListener("click", () => show(place));
      cell.append(button);
      row.append(cell, ...[operator.module, operator.name, operator.shape].map((text) => html("td", text)),
        ...[operator.macs ? operator.macs.toLocaleString("en") : "", share(operator.error), share(operator.added), share(operator.off)]
          .map((text) => html("td", text, { class: "number" })));
      return row;
    }));
  }

  function choose() {
    file = files[part("variant").value];
    homes = {};
    file.scopes.forEach((each, at) => each.nodes.forEach(([, , kind, place]) => { if (kind === "op") homes[place] = at; }));
    file.texts ||= file.operators.map((each, place) => [place, each.kind, each.module, ...each.inputs, ...each.outputs].join(" ").toLowerCase());
    for (const option of part("color").options) {
      const measure = MEASURES[option.value];
      option.disabled = Boolean(measure) && !file.operators.some((each) => (measure(each) ?? 0) > 0);
      if (option.selected && option.disabled) part("color").value = "kind";
    }
    part("details").replaceChildren();
    open(0);
    search();
  }

  function rezoom(factor) {
    zoom = factor === 0 ? 1 : Math.min(4, Math.max(0.25, zoom * factor));
    scaled();
  }

  part("variant").addEventListener("change", choose);
  part("color").addEventListener("change", draw);
  part("search").addEventListener("input", search);
  part("nearer").addEventListener("click", () => rezoom(1.25));
  part("farther").addEventListener("click", () => rezoom(0.8));
  part("view").addEventListener("wheel", (event) => {
    if (event.ctrlKey) { event.preventDefault(); rezoom(event.deltaY < 0 ? 1.1 : 1 / 1.1); }
  }, { passive: false });
  part("view").addEventListener("keydown", (event) => {
    const factor = { "+": 1.25, "-": 0.8, 0: 0 }[event.key];
    if (factor !== undefined) rezoom(factor);
    if (event.key === "Escape" && scope > 0) { open(file.scopes[scope].parent); part("view").focus(); }
  });
  part("all").hidden = false;
  choose();
})();
