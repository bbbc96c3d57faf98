// The compare page: one hit under the query, nudged, accepted or rejected.
import { call, sendJson } from "./api.js";
import { listen } from "./keys.js";
import { drawOverlay } from "./overlay.js";
import { apply, corners, multiply, queryToImage, wrapAngle } from "./placement.js";
import { byId, degrees, el, note, percent, plural } from "./ui.js";
import { imageToScreen, openViewer } from "./viewer.js";

const page = byId("compare");
const searchPath = `/api/searches/${page.dataset.search}`;
const rank = Number(page.dataset.rank);
const hitPath = `${searchPath}/hits/${rank}`;
const canvas = byId("overlay");
const pictures = {};
const state = { mode: "blend", opacity: 0.6, curtain: 0, representations: false, peek: false, verdict: null, place: null };
let viewer;
let hit;
let frame = 0;

function redraw() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => drawOverlay(canvas, viewer, state, pictures));
}

async function load(name, source, box) {
  if (pictures[name]) return;
  const image = new Image();
  image.src = source;
  try {
    await image.decode();
  } catch {
    throw new Error("A picture could not be loaded; reload the page.");
  }
  pictures[name] = { image, ...box };
  redraw();
}

async function start() {
  const [search, matches] = await Promise.all([call(searchPath), call(`/api/matches?search=${page.dataset.search}`)]);
  hit = search.ranking?.hits.find((other) => other.rank === rank);
  if (!hit) throw new Error("This hit is not there (any more); go back to all hits.");
  if (hit.cx === null) throw new Error("The hits were not aligned, so there is no place to show; search with alignment.");
  const match = matches.matches.find((other) => other.rank === rank);
  Object.assign(state, { width: search.query.width_px, height: search.query.height_px, verdict: match?.verdict ?? null, place: placeOf(match ?? hit) });
  document.title = `${hit.image} · Crosslight`;
  byId("title").textContent = hit.image;
  byId("position").textContent = `${search.query.name}, hit ${rank} of ${search.ranking.hits.length}`;
  const link = (id, other) => {
    if (!other) return;
    byId(id).setAttribute("href", `/searches/${search.id}/hits/${other.rank}`);
    byId(id).removeAttribute("aria-disabled");
  };
  const at = search.ranking.hits.indexOf(hit);
  link("previous", search.ranking.hits[at - 1]);
  link("next", search.ranking.hits[at + 1]);
  showAccepted(matches.matches.filter((other) => other.verdict === "accepted").length);
  openImage();
  await load("query", `${searchPath}/query.png`, { x: 0, y: 0, width: state.width, height: state.height });
}

const placeOf = ({ cx, cy, angle_deg, scale, flipped }) => ({ cx, cy, angle_deg, scale, flipped });

function openImage() {
  viewer = openViewer(byId("viewer"), { name: hit.image, width: hit.width_px, height: hit.height_px });
  for (const event of ["update-viewport", "open", "resize", "animation"]) viewer.addHandler(event, redraw);
  viewer.addHandler("open", () => { showWindow(true); refresh(); page.dataset.ready = "true"; });
  viewer.addHandler("tile-load-failed", () => fail("A part of the image could not be loaded; its file may have moved."));
  viewer.addHandler("canvas-drag", (event) => {
    if (!event.originalEvent.shiftKey) return;
    event.preventDefaultAction = true;
    const [a, , , d] = imageToScreen(viewer);
    change({ cx: event.delta.x / a, cy: event.delta.y / d });
  });
  new ResizeObserver(redraw).observe(canvas);
}

function showWindow(immediately = false) {
  const points = corners(state.place, state.width, state.height);
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const margin = 0.3 * Math.max(right - left, bottom - top);
  const item = viewer.world.getItemAt(0);
  viewer.viewport.fitBounds(item.imageToViewportRectangle(left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin), immediately);
}

function refresh() {
  const { place, verdict } = state;
  const rows = [["Confidence", percent(hit.confidence)], ["Similarity", hit.similarity.toFixed(3)], ["Centre x, y", `${place.cx.toFixed(1)}, ${place.cy.toFixed(1)} px`], ["Angle", degrees(place.angle_deg)], ["Scale", place.scale.toFixed(3)]];
  if (place.flipped) rows.push(["Mirrored", "yes"]);
  byId("facts").replaceChildren(...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  byId("accept").setAttribute("aria-pressed", String(verdict === "accepted"));
  byId("reject").setAttribute("aria-pressed", String(verdict === "rejected"));
  const words = verdict ?? (isNudged() ? "nudged by hand" : "found");
  byId("legend").replaceChildren(el(`span.${verdict ?? "found"}`, {}, words), el("span.plain", {}, state.representations ? "as the networks see it" : "as taken"));
  byId("reset").disabled = !isNudged();
  redraw();
}

const isNudged = () => ["cx", "cy", "angle_deg", "scale"].some((name) => Math.abs(state.place[name] - hit[name]) > 1e-9);

// Moves the query: cx and cy add, angle_deg adds, scale multiplies. An accepted hit is accepted at its new place.
function change({ cx = 0, cy = 0, angle_deg = 0, scale = 1 }) {
  const { place } = state;
  place.cx += cx;
  place.cy += cy;
  place.angle_deg = wrapAngle(place.angle_deg + angle_deg);
  place.scale = Math.min(100, Math.max(0.01, place.scale * scale));
  refresh();
  if (state.verdict === "accepted") saveSoon();
}

let saving = 0;
function saveSoon() {
  clearTimeout(saving);
  saving = setTimeout(() => save("accepted").catch((error) => note(error.message, true)), 500);
}

async function save(verdict) {
  const { cx, cy, angle_deg, scale } = state.place;
  await sendJson(`${hitPath}/verdict`, "PUT", { verdict, placement: isNudged() ? { cx, cy, angle_deg, scale } : null });
}

async function judge(verdict) {
  clearTimeout(saving);
  const taken = state.verdict === verdict; // the same again takes it back
  try {
    if (taken) await call(`${hitPath}/verdict`, { method: "DELETE" });
    else await save(verdict);
    state.verdict = taken ? null : verdict;
    refresh();
    const { matches } = await call(`/api/matches?search=${page.dataset.search}&verdict=accepted`);
    showAccepted(matches.length);
    note(taken ? "Taken back" : verdict === "accepted" ? `Accepted in ${hit.image}` : "Rejected");
  } catch (error) {
    note(error.message, true);
  }
}

function showAccepted(count) {
  byId("accepted").textContent = count ? `${plural(count, "match").replace("matchs", "matches")} accepted; export as` : "Nothing accepted yet";
  byId("export-links").hidden = count === 0;
}

function setMode(mode) {
  state.mode = mode;
  document.querySelector(`input[name="mode"][value="${mode}"]`).checked = true;
  byId("curtain").hidden = mode !== "curtain";
  if (mode === "curtain") {
    if (state.opacity < 1) setOpacity(1);
    moveCurtain(middleOfWindow());
  } else if (mode === "checks") setOpacity(1);
  redraw();
}

function middleOfWindow() {
  const matrix = multiply(imageToScreen(viewer), queryToImage(state.place, state.width, state.height));
  return apply(matrix, [state.width / 2, state.height / 2])[0];
}

function moveCurtain(x) {
  state.curtain = Math.min(canvas.clientWidth, Math.max(0, x));
  byId("curtain").style.left = `${state.curtain}px`;
  byId("curtain").setAttribute("aria-valuenow", String(Math.round((100 * state.curtain) / canvas.clientWidth)));
  redraw();
}

function setOpacity(share) {
  state.opacity = share;
  byId("opacity").value = String(Math.round(share * 100));
  byId("opacity-out").textContent = `${Math.round(share * 100)} %`;
  redraw();
}

async function setRepresentations(on) {
  state.representations = on;
  byId("representations").checked = on;
  refresh();
  if (!on) return;
  try {
    const boxes = await call(`${hitPath}/representation`);
    await Promise.all([
      load("queryRepresentation", `${hitPath}/representation/query.png`, boxes.query),
      load("imageRepresentation", `${hitPath}/representation/image.png`, boxes.image),
    ]);
  } catch (error) {
    note(error.message, true);
  }
}

function fail(sentence) {
  byId("trouble").textContent = sentence;
  byId("trouble").hidden = false;
}

const go = (id) => { const href = byId(id).getAttribute("href"); if (href) location.assign(href); };
const actions = {
  "nudge-up": (far) => change({ cy: -far }), "nudge-down": (far) => change({ cy: far }),
  "nudge-left": (far) => change({ cx: -far }), "nudge-right": (far) => change({ cx: far }),
  "turn-left": (far) => change({ angle_deg: far / 2 }), "turn-right": (far) => change({ angle_deg: -far / 2 }),
  smaller: (far) => change({ scale: 1 / 1.005 ** far }), larger: (far) => change({ scale: 1.005 ** far }),
  reset: () => { state.place = placeOf(hit); change({}); },
  accept: () => judge("accepted"), reject: () => judge("rejected"),
  "zoom-in": () => viewer.viewport.zoomBy(1.5), "zoom-out": () => viewer.viewport.zoomBy(1 / 1.5), "zoom-fit": () => showWindow(),
  help: () => byId("keys").showModal(),
};
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", (event) => hit && action(event.shiftKey ? 10 : 1));

byId("modes").addEventListener("change", (event) => setMode(event.target.value));
byId("opacity").addEventListener("input", (event) => setOpacity(event.target.value / 100));
byId("representations").addEventListener("change", (event) => setRepresentations(event.target.checked));
byId("curtain").addEventListener("pointerdown", (event) => byId("curtain").setPointerCapture(event.pointerId));
byId("curtain").addEventListener("pointermove", (event) => {
  if (byId("curtain").hasPointerCapture(event.pointerId)) moveCurtain(event.clientX - canvas.getBoundingClientRect().left);
});
byId("curtain").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
  if (step) { event.preventDefault(); event.stopPropagation(); moveCurtain(state.curtain + step * canvas.clientWidth); }
});
listen({
  ArrowUp: actions["nudge-up"], ArrowDown: actions["nudge-down"], ArrowLeft: actions["nudge-left"], ArrowRight: actions["nudge-right"],
  ",": actions["turn-left"], ".": actions["turn-right"], "[": actions.smaller, "]": actions.larger, 0: actions.reset,
  a: actions.accept, x: actions.reject, n: () => go("next"), p: () => go("previous"),
  f: actions["zoom-fit"], "+": actions["zoom-in"], "-": actions["zoom-out"], "?": actions.help,
  1: () => setMode("blend"), 2: () => setMode("curtain"), 3: () => setMode("checks"), 4: () => setMode("off"),
  r: () => setRepresentations(!state.representations),
}, (down) => { state.peek = down; redraw(); }, () => Boolean(hit && viewer));
document.addEventListener("themechange", redraw);

start().catch((error) => fail(error.message));
