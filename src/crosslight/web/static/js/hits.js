// The answer of a search: how sure it is, the best place closely, and all hits.
import { byId, degrees, el, percent, pictureWithWindow, plural } from "./ui.js";

const TITLES = {
  found: (image) => `Found in ${image}`,
  perhaps: (image) => `Perhaps in ${image}`,
  unlikely: () => "Probably not in this repository",
};

export function showResult(search) {
  const { ranking } = search;
  showVerdict(search, ranking);
  showPanels(search, ranking);
  byId("hits-title").textContent = ranking.hits.length ? plural(ranking.hits.length, "hit") : "No hits";
  byId("hits-csv").href = `/api/searches/${search.id}/hits.csv`;
  byId("hits").replaceChildren(...ranking.hits.map((hit) => el("li", {}, showHit(search, hit))));
}

function showVerdict(search, ranking) {
  const best = ranking.hits[0];
  const box = byId("verdict");
  box.className = `verdict card ${ranking.answer}`;
  if (!best) {
    box.replaceChildren(el("h2", {}, "Nothing was found"), el("p", {}, ranking.note));
    return;
  }
  const place = ranking.aligned
    ? `Centre at ${best.cx.toFixed(1)}, ${best.cy.toFixed(1)} px, turned by ${degrees(best.angle_deg)}`
    : "Ranked by visual words, without a place";
  const doubtful = ranking.answer === "unlikely";
  const doubt = doubtful ? `The best of the hits, ${best.image}, has a confidence of ${percent(best.confidence)}. ` : "";
  box.replaceChildren(
    gauge(best.confidence),
    el("div", {}, el("h2", {}, TITLES[ranking.answer](best.image)), el("p", {}, doubt, `${place}; ${ranking.note}.`), doubtful ? el("p", {}, advise(search.settings)) : ""),
    ranking.aligned ? el(doubtful ? "a.button" : "a.button.primary", { href: comparePath(search, best) }, "Compare closely") : "",
  );
}

// What to try before giving up.
function advise({ rotation, scale, flip, where }) {
  const ideas = [];
  if (rotation < 180) ideas.push("any angle");
  if (scale === "1-1") ideas.push("other scales");
  if (!flip) ideas.push("mirrored places");
  if (Object.keys(where).length) ideas.push("images with other metadata");
  return ideas.length ? `If it should be there, try ${ideas.join(", ").replace(/, ([^,]*)$/, " or $1")}, or a larger part.` : "A larger part may help.";
}

function gauge(share) {
  const length = 2 * Math.PI * 24;
  return el("svg.gauge", { viewBox: "0 0 56 56", role: "img", "aria-label": `Confidence ${percent(share)}` },
    el("circle", { cx: 28, cy: 28, r: 24 }),
    el("circle.gauge-value", { cx: 28, cy: 28, r: 24, transform: "rotate(-90 28 28)", "stroke-dasharray": `${length * share} ${length}` }),
    el("text", { x: 28, y: 28 }, percent(share).replace(" ", "\u2009")));
}

function showPanels(search, ranking) {
  const best = ranking.hits[0];
  byId("panels").hidden = !best || !ranking.aligned;
  if (byId("panels").hidden) return byId("panels").replaceChildren();
  const path = `/api/searches/${search.id}`;
  const figure = (source, alt, words, kind = "figure") => el(kind, {}, el("img", { src: source, alt }), el("figcaption", {}, words));
  return byId("panels").replaceChildren(
    figure(`${path}/query.png`, "The query", "Query", "figure.whole"),
    figure(`${path}/hits/${best.rank}/comparison/place.jpg`, `The place in ${best.image} with the window found`, best.image),
    figure(`${path}/hits/${best.rank}/comparison/checks.jpg`, "Query and image in a checkerboard", "Checkerboard"),
    figure(`${path}/hits/${best.rank}/comparison/blend.jpg`, "The query half transparent over the image", "Half and half"),
  );
}

function showHit(search, hit) {
  const facts = el("span.hit-facts", {},
    el("span.hit-rank", {}, String(hit.rank)),
    el("span.hit-name", { title: hit.image }, hit.image),
    el("span.hit-numbers", {}, el("span", {}, `similarity ${hit.similarity.toFixed(3)}`), el("span", {}, hit.angle_deg === null ? "" : degrees(hit.angle_deg))),
    el("span.hit-numbers", {}, el("span", {}, `confidence ${percent(hit.confidence)}`)),
    el("progress", { max: 1, value: hit.confidence, "aria-hidden": "true" }));
  const kind = `hit.card${hit.rank === 1 ? ".first" : ""}${hit.verdict ? `.${hit.verdict}` : ""}`;
  const picture = el("span.hit-picture", {}, pictureWithWindow(hit), hit.verdict ? el(`span.tag.${hit.verdict}`, {}, hit.verdict) : "");
  return hit.cx === null
    ? el(`div.${kind}`, {}, picture, facts)
    : el(`a.${kind}`, { href: comparePath(search, hit) }, picture, facts);
}

const comparePath = (search, hit) => `/searches/${search.id}/hits/${hit.rank}`;

