// Small things that every page needs.

export const byId = (id) => document.getElementById(id);

// el("a.hit.first", {href: "/"}, "text", child): builds an element; attributes that are false or null are left out.
export function el(kind, attributes = {}, ...children) {
  const [name, ...classes] = kind.split(".");
  const svg = ["svg", "polygon", "polyline", "path", "circle", "line", "text", "g", "rect", "title"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function note(text, bad = false) {
  const box = el(bad ? "p.note.bad" : "p.note", {}, text);
  byId("notes").append(box);
  setTimeout(() => box.remove(), bad ? 9000 : 4500);
}

// Only what is certain is 0 % or 100 %.
export function percent(share) {
  const rounded = Math.round(share * 100);
  if (rounded === 100 && share < 1) return ">99 %";
  if (rounded === 0 && share > 0) return "<1 %";
  return `${rounded} %`;
}

export const degrees = (angle) => `${angle < 0 ? "−" : "+"}${Math.abs(angle).toFixed(1)}°`;

export function bytes(count) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

export const imagePath = (name) => `/api/images/${encodeURIComponent(name)}`;

// A repository image with a window in it, scaled to fit a square.
export function pictureWithWindow(hit) {
  const picture = el("img", { src: `${imagePath(hit.image)}/thumbnail.jpg`, alt: "", loading: "lazy" });
  const stack = el("span.hit-stack", {}, picture);
  const ratio = hit.width_px / hit.height_px;
  stack.style.aspectRatio = String(ratio);
  stack.style[ratio >= 1 ? "width" : "height"] = "100%";
  if (hit.corners_xy) {
    const points = hit.corners_xy.map(([x, y]) => `${x + 0.5},${y + 0.5}`).join(" ");
    const [first, second, , last] = hit.corners_xy;
    const middle = [(first[0] + second[0]) / 2 + 0.5, (first[1] + second[1]) / 2 + 0.5];
    const up = [(first[0] - last[0]) * 0.12, (first[1] - last[1]) * 0.12];
    const tick = { x1: middle[0], y1: middle[1], x2: middle[0] + up[0], y2: middle[1] + up[1] };
    stack.append(el("svg", { viewBox: `0 0 ${hit.width_px} ${hit.height_px}`, "aria-hidden": "true" },
      el("polygon.window-edge", { points }), el("line.window-edge", tick), el("polygon.window", { points }), el("line.window", tick)));
  }
  return stack;
}
