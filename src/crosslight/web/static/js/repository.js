// The repository page: what is there, looking closely, adding and removing.
import { call, isFinished, upload, watch } from "./api.js";
import { byId, bytes, el, imagePath, note, plural } from "./ui.js";
import { openViewer } from "./viewer.js";

const PAGE = 60;
const words = { add: "Adding", remove: "Removing", representing: "representing", describing: "describing", indexing: "indexing" };
let shown = 0;
let viewer;
let looked;
let wanted = 0;

async function showFigures() {
  const index = await call("/api/index");
  const figure = (name, value, more = "") => el("div", {}, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, ` ${more}`) : ""));
  byId("figures").replaceChildren(
    figure("Images", index.images.toLocaleString("en")),
    figure("On disk", bytes(index.bytes), index.uploaded_bytes ? `${bytes(index.uploaded_bytes)} uploaded` : ""),
    figure("Visual words", index.words.toLocaleString("en")),
    figure("Kind", index.modality, `asked with ${index.query_modality}`),
    figure("Columns", String(Object.keys(index.metadata).length), Object.keys(index.metadata).slice(0, 3).join(", ")),
  );
  return index;
}

async function showImages(more = false) {
  const asked = (wanted += 1);
  if (!more) shown = 0;
  const contains = byId("contains").value.trim();
  const list = await call(`/api/images?${new URLSearchParams({ contains, start: shown, count: PAGE })}`);
  if (asked !== wanted) return; // another question was asked meanwhile
  const tiles = list.images.map((image) => el("li", {}, showTile(image)));
  if (more) byId("tiles").append(...tiles);
  else byId("tiles").replaceChildren(...tiles);
  shown += list.images.length;
  byId("count").textContent = plural(list.total, "image");
  byId("more").hidden = shown >= list.total;
  byId("empty").hidden = list.total > 0;
  byId("empty").replaceChildren(...(contains
    ? [el("h2", {}, "No image of this name"), el("p", {}, "Try a part of the name, or clear the field.")]
    : [el("h2", {}, "Nothing to search in yet"), el("p", {}, "Add the images in which queries are to be found: whole images, not parts. They are represented once, then every search is quick."), el("button.primary", { type: "button", onclick: openAdding }, "Add images")]));
}

function showTile(image) {
  const tags = Object.entries(image.metadata).slice(0, 3).map(([key, value]) => el("span.tag", { title: key }, String(value)));
  if (image.kind === "slide") tags.unshift(el("span.tag", {}, "slide"));
  return el("button.tile", { type: "button", onclick: () => look(image) },
    el("span.tile-picture", {}, el("img", { src: `${imagePath(image.name)}/thumbnail.jpg`, alt: "", loading: "lazy" })),
    el("span.tile-facts", {}, el("strong", { title: image.name }, image.name), el("span.faint", {}, `${image.width_px} × ${image.height_px} px`), el("span.tile-tags", {}, ...tags)));
}

function look(image) {
  looked = image;
  byId("looking-title").textContent = image.name;
  const facts = [`${image.width_px} × ${image.height_px} px`, image.mpp ? `${image.mpp.toPrecision(3)} µm per pixel` : "", ...Object.entries(image.metadata).map(([key, value]) => `${key}: ${value}`), image.uploaded ? "uploaded here" : ""];
  byId("looking-facts").textContent = facts.filter(Boolean).join(" · ");
  byId("looking").showModal();
  viewer?.destroy();
  viewer = openViewer(byId("viewer"), { name: image.name, width: image.width_px, height: image.height_px });
  viewer.addHandler("open", () => { byId("looking").dataset.ready = "true"; });
  viewer.addHandler("tile-load-failed", () => note("A part of the image could not be loaded; its file may have moved.", true));
}

async function remove() {
  const { name, uploaded } = looked;
  const what = uploaded ? "Its file was uploaded here and is deleted too." : "Its file stays where it is.";
  if (!window.confirm(`Remove ${name} from the repository? ${what}`)) return;
  byId("looking").close();
  try {
    follow(await call(imagePath(name), { method: "DELETE" }));
  } catch (error) {
    note(error.message, true);
  }
}

// Shows a job until it is finished; several are shown below each other.
function follow(job) {
  if (document.querySelector(`[data-job="${CSS.escape(job.id)}"]`)) return;
  const title = el("span", {});
  const bar = el("progress", { "aria-label": "Progress" });
  const stop = el("button.quiet", { type: "button", onclick: () => call(`/api/jobs/${job.id}`, { method: "DELETE" }).catch((error) => note(error.message, true)) }, "Give up");
  const row = el("li", { "data-job": job.id }, title, stop, bar);
  byId("job-list").append(row);
  byId("jobs").hidden = false;
  watch(`/api/jobs/${job.id}`, (now) => {
    const { done, total, label } = now.progress;
    const waits = now.state === "waiting";
    title.textContent = `${words[now.kind]} ${now.label}${waits ? ": waiting for its turn" : label ? `: ${words[label] ?? label}` : ""}`;
    if (waits || !total) bar.removeAttribute("value");
    else bar.value = done / total;
    if (isFinished(now)) finish(row, now);
  }, (error) => note(error.message, true));
}

// Names the uploads that could not be used until the list is closed.
function showSkipped(skipped) {
  byId("refused-list").append(...skipped.map(({ name, reason }) => el("li", {}, el("strong", {}, name), el("span", {}, reason))));
  byId("refused").hidden = byId("refused-list").childElementCount === 0;
}

function finish(row, job) {
  row.remove();
  if (job.own) showSkipped(job.skipped);
  byId("jobs").hidden = byId("job-list").childElementCount === 0;
  if (job.state === "failed") note(job.own && job.skipped.length ? "Nothing was added" : job.problem.detail, true);
  else if (job.state === "cancelled") note(`Given up: ${job.label}`);
  else note(`${job.message[0].toUpperCase()}${job.message.slice(1)}${job.skipped.length ? "" : `: ${job.label}`}`);
  refresh();
}

const refresh = () => Promise.all([showFigures(), showImages()]).catch((error) => note(error.message, true));

function openAdding() {
  byId("adding-form").reset();
  byId("adding-trouble").hidden = true;
  showChosen();
  byId("adding").showModal();
}

function showChosen() {
  const files = [...byId("files").files];
  byId("chosen").replaceChildren(...files.map((file) => el("li", {}, el("span", {}, file.name), el("span.faint", {}, bytes(file.size)))));
  byId("send").disabled = files.length === 0;
  byId("send").textContent = files.length ? `Add ${plural(files.length, "image")}` : "Add";
}

async function send(event) {
  event.preventDefault();
  const form = new FormData();
  for (const file of byId("files").files) form.append("images", file, file.name);
  for (const line of byId("metadata").value.split("\n")) if (line.trim()) form.append("metadata", line.trim());
  form.append("replace", String(byId("replace").checked));
  byId("sent").hidden = false;
  byId("send").disabled = true;
  byId("adding-trouble").hidden = true;
  try {
    const job = await upload("/api/images", form, (done, total) => { byId("sent").value = done / total; });
    byId("adding").close();
    follow(job);
  } catch (error) {
    byId("adding-trouble").textContent = error.message;
    byId("adding-trouble").hidden = false;
  } finally {
    byId("sent").hidden = true;
    byId("send").disabled = false;
  }
}

async function start() {
  await refresh();
  const { jobs } = await call("/api/jobs");
  jobs.filter((job) => job.kind !== "search" && !isFinished(job)).forEach(follow);
}

byId("add").addEventListener("click", openAdding);
byId("refused-close").addEventListener("click", () => { byId("refused-list").replaceChildren(); byId("refused").hidden = true; });
byId("adding-close").addEventListener("click", () => byId("adding").close());
byId("adding-form").addEventListener("submit", send);
byId("files").addEventListener("change", showChosen);
for (const type of ["dragenter", "dragover"]) byId("drop").addEventListener(type, (event) => { event.preventDefault(); byId("drop").classList.add("over"); });
byId("drop").addEventListener("dragleave", () => byId("drop").classList.remove("over"));
byId("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  byId("files").files = event.dataTransfer.files;
  showChosen();
});
byId("looking-close").addEventListener("click", () => byId("looking").close());
byId("looking").addEventListener("close", () => { viewer?.destroy(); viewer = null; delete byId("looking").dataset.ready; });
byId("remove").addEventListener("click", remove);
byId("more").addEventListener("click", () => showImages(true).catch((error) => note(error.message, true)));
let typing = 0;
byId("contains").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => showImages().catch((error) => note(error.message, true)), 200); });
start().then(() => { document.body.dataset.ready = "true"; }).catch((error) => note(error.message, true));
