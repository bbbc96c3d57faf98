// The search page: take an image, ask, watch, show the answer.
import { call, isFinished, upload, watch } from "./api.js";
import { showResult } from "./hits.js";
import { byId, note, plural } from "./ui.js";

const page = byId("search");
const form = byId("ask");
const parts = ["empty", "working", "trouble", "result"];
const known = new Set(["image/png", "image/jpeg", "image/bmp", "image/webp"]);
let chosen = null; // a File, while this page is open
let current = page.dataset.search; // the search that is shown
let stop = () => {};

function show(...names) {
  for (const name of parts) byId(name).hidden = !names.includes(name);
  byId("answer").setAttribute("aria-busy", String(names.includes("working")));
}

function showQuery(source, name, size) {
  byId("drop").classList.add("full");
  form.querySelector(".drop-empty").hidden = true;
  form.querySelector(".drop-full").hidden = false;
  byId("query-picture").hidden = !source;
  if (source) byId("query-picture").src = source;
  byId("query-picture").alt = `The query ${name}`;
  byId("query-name").textContent = name;
  byId("query-size").textContent = size;
  byId("go").disabled = false;
}

function choose(file) {
  if (!file) return;
  if (file.size > Number(page.dataset.queryBytes)) {
    note(`${file.name} is larger than ${Math.round(page.dataset.queryBytes / 2 ** 20)} MiB; send a smaller one.`, true);
    return;
  }
  chosen = file;
  showQuery(known.has(file.type) ? URL.createObjectURL(file) : "", file.name, "");
  ask();
}

function collect() {
  const data = new FormData();
  if (chosen) data.append("image", chosen, chosen.name || "pasted.png");
  else data.append("again", current);
  const fields = new FormData(form);
  for (const name of ["modality", "rotation", "top", "rerank", "shortlist", "scale", "overlap", "query_mpp", "flip"]) {
    if (fields.get(name)) data.append(name, fields.get(name));
  }
  for (const select of form.querySelectorAll("[data-column]")) {
    if (select.value) data.append("where", `${select.dataset.column}=${select.value}`);
  }
  return data;
}

async function ask() {
  if (!chosen && !current) return;
  stop();
  byId("working-title").textContent = "Sending the image";
  byId("working-words").textContent = "";
  byId("working-bar").removeAttribute("value");
  show("working");
  try {
    const search = await upload("/api/searches", collect(), (done, total) => { byId("working-bar").value = done / total; });
    current = search.id;
    history.pushState({ search: search.id }, "", `/searches/${search.id}`);
    follow(search);
  } catch (error) {
    fail(error.message);
  }
}

function follow(search) {
  stop();
  update(search);
  if (!isFinished(search)) stop = watch(`/api/searches/${search.id}`, update, (error) => fail(error.message));
}

function update(search) {
  if (search.id !== current) return;
  const { name, width_px: width, height_px: height } = search.query;
  showQuery(`/api/searches/${search.id}/query.png`, name, `${width} × ${height} px`);
  if (search.state === "done") {
    showResult(search);
    show("result");
    document.title = `${name} · Crosslight`;
  } else if (search.state === "failed") {
    fail(search.problem.detail);
  } else if (search.state === "cancelled") {
    fail("This search was given up. Search again when you like.");
  } else {
    showWaiting(search);
  }
}

function showWaiting(search) {
  show("working");
  const { done, total, label } = search.progress;
  const waits = search.state === "waiting";
  byId("working-title").textContent = waits ? "Waiting for its turn" : "Searching";
  const words = { representing: "Bringing the query into the common representation", aligning: "Trying all places and angles", refining: "Looking closer at the best places" };
  byId("working-words").textContent = waits
    ? (search.position ? `${plural(search.position, "job")} before it.` : "It is next.")
    : (words[label] ?? label);
  if (waits || !total) byId("working-bar").removeAttribute("value");
  else byId("working-bar").value = done / total;
}

function fail(sentence) {
  byId("trouble").textContent = sentence;
  show("trouble");
}

async function open(id) {
  current = id;
  if (!id) return show("empty");
  try {
    const search = await call(`/api/searches/${id}`);
    restore(search.settings);
    follow(search);
  } catch (error) {
    fail(error.message);
  }
  return null;
}

function restore(settings) {
  for (const name of ["rotation", "top", "rerank", "shortlist"]) {
    const field = form.elements[name];
    if (field && field.value !== String(settings[name])) field.value = settings[name];
  }
  form.elements.flip.checked = settings.flip;
  form.elements.overlap.value = String(settings.overlap);
  form.elements.scale.value = [...form.elements.scale.options].map((o) => o.value).findLast((value) => Number(value) <= Number(settings.scale.split("-")[1]) + 0.01);
  form.elements.query_mpp.value = settings.query_mpp ?? "";
  for (const radio of form.elements.modality) radio.checked = radio.value === settings.modality;
  for (const select of form.querySelectorAll("[data-column]")) select.value = settings.where[select.dataset.column] ?? "";
  showRotation();
}

function showRotation() {
  const value = Number(byId("rotation").value);
  byId("rotation-out").textContent = value === 180 ? "any angle" : `±${value}°`;
}

form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
byId("rotation").addEventListener("input", showRotation);
byId("cancel").addEventListener("click", () => call(`/api/searches/${current}`, { method: "DELETE" }).catch((error) => note(error.message, true)));
window.addEventListener("popstate", () => open(location.pathname.split("/")[2] ?? ""));
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])][0];
  if (file) choose(file);
});
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => { event.preventDefault(); byId("drop").classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) byId("drop").classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  choose([...event.dataTransfer.files][0]);
});

showRotation();
open(current);
