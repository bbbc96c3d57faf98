// The model page: training curve, calibration, settings.
import { call } from "./api.js";
import { drawChart } from "./chart.js";
import { byId, el, note, percent } from "./ui.js";

const empty = (text) => el("div.empty", {}, el("p", {}, text));

function showFigures(model) {
  const { training } = model;
  const figure = (name, value, more = "") => value === undefined || value === null ? null : el("div", {}, el("dt", {}, name), el("dd", {}, String(value), more ? el("small", {}, ` ${more}`) : ""));
  byId("figures").replaceChildren(...[
    figure("Method", model.method, model.preset),
    figure("Pairs", training.n_pairs ?? training.pairs),
    figure("Steps", training.steps?.toLocaleString("en"), training.seconds ? `in ${Math.round(training.seconds)} s` : ""),
    figure("In-batch accuracy", training.accuracy === undefined ? null : percent(training.accuracy)),
    figure("Channels", model.network.n_channels),
    figure("Stride", model.network.stride, "px"),
    figure("Pixel size", model.mpp?.toPrecision(3), "µm"),
  ].filter(Boolean));
}

// A running mean, since single batches jump.
function smooth(values, reach) {
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - reach), i + reach + 1);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

function showCurve({ curve }) {
  const x = curve.step;
  if (!x || x.length < 2) {
    byId("curve").replaceChildren(empty("This model came without its training curve; crosslight fit writes training.csv beside the weights."));
    return;
  }
  const reach = Math.max(1, Math.round(x.length / 60));
  const lines = [];
  if (curve.loss) {
    const y = smooth(curve.loss, reach);
    lines.push({ name: "loss", kind: "loss", y, low: Math.min(0, ...y), high: Math.max(...y) });
  }
  const accuracy = curve.accuracy ?? curve["in-batch accuracy"];
  if (accuracy) lines.push({ name: "in-batch accuracy", kind: "accuracy", y: smooth(accuracy, reach), low: 0, high: 1, say: (value) => `${Math.round(value * 100)} %` });
  const end = lines.map((line) => `${line.name} ends at ${line.y.at(-1).toFixed(2)}`).join(", ");
  byId("curve").replaceChildren(drawChart({ x, xName: "step", lines, title: `Training over ${x.at(-1)} steps: ${end}` }));
}

// What was measured: of the validation queries with so much confidence, how many were answered right.
function showReliability({ reliability: r }) {
  byId("reliable").hidden = !r.confidence?.length;
  if (!r.confidence?.length) return;
  const points = r.confidence.map((x, i) => ({ x, y: r.right[i], error: r.error[i], label: String(r.n_queries[i]) }));
  const parts = points.map((p) => `${percent(p.y)} of ${p.label} right at ${percent(p.x)}`).join(", ");
  const sayPercent = (value) => `${Math.round(value * 100)} %`;
  byId("reliability").replaceChildren(drawChart({
    x: [0, 1], xName: "confidence of the best hit", points, sayX: sayPercent, title: `Share of right answers by confidence: ${parts}`,
    lines: [{ name: "share of right answers", kind: "even", y: [0, 1], low: 0, high: 1, say: sayPercent }],
  }));
}

// The confidence of the best hit by how far it leads, for a similarity and a distance as good answers have them.
function showCalibration({ calibration: c }) {
  const [similarity, distance] = [0.5, 5];
  const x = Array.from({ length: 61 }, (_, i) => i / 200);
  const y = x.map((lead) => 1 / (1 + Math.exp(-(c.similarity * similarity + c.lead * lead + c.distance * distance + c.constant))));
  const source = c.n_queries ? `Fitted on ${c.n_queries} queries of validation pairs that the networks had not seen.` : "No validation pairs were given, so these are the standing values of several kinds of pairs.";
  byId("calibration-words").textContent = `${source} The curve holds for a similarity of ${similarity} that is ${distance} spreads above the other images.`;
  byId("calibration").replaceChildren(drawChart({
    x, xName: "lead of the best hit over the second, in similarity", title: `Confidence by lead: ${percent(y[0])} without a lead, ${percent(y.at(-1))} at 0.3`,
    lines: [{ name: "confidence of the best hit", kind: "accuracy", y, low: 0, high: 1, say: (value) => `${Math.round(value * 100)} %` }],
  }));
}

function flatten(value, prefix = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[prefix, value]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, prefix ? `${prefix}.${key}` : key));
}

const write = (value) => Array.isArray(value)
  ? value.length > 12 ? `${value.length} values` : value.map(write).join(", ")
  : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value ?? "not known");

function showSettings(model) {
  const { fingerprint, network, modalities, training } = model;
  byId("settings").replaceChildren(...flatten({ fingerprint, network, modalities, training }).map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, el("code", {}, write(value))))));
}

async function start() {
  const model = await call("/api/model");
  showFigures(model);
  showCurve(model);
  showReliability(model);
  showCalibration(model);
  showSettings(model);
  byId("preview").hidden = !model.has_preview;
  document.body.dataset.ready = "true";
}

start().catch((error) => note(error.message, true));
