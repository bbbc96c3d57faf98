// The matches page: verdicts that were given, and taking them back.
import { call } from "./api.js";
import { byId, degrees, el, imagePath, note, percent } from "./ui.js";

async function show() {
  const { matches } = await call("/api/matches");
  byId("empty").hidden = matches.length > 0;
  byId("table").hidden = matches.length === 0;
  byId("exports").hidden = !matches.some((match) => match.verdict === "accepted");
  byId("rows").replaceChildren(...matches.map(showRow));
  document.body.dataset.ready = "true";
}

function showRow(match) {
  const when = new Date(match.time * 1000);
  const place = el("a.lies", { href: `/searches/${match.search}/hits/${match.rank}` }, el("img", { src: `${imagePath(match.image)}/thumbnail.jpg`, alt: "", loading: "lazy" }), match.image);
  const remove = el("button.quiet.danger", { type: "button", "aria-label": `Remove the verdict on ${match.query} in ${match.image}`, onclick: () => takeBack(match) }, "Remove");
  return el("tr", {},
    el("td", {}, match.query),
    el("td", {}, place),
    el("td", {}, el(`span.tag.${match.verdict}`, {}, match.verdict), match.nudged ? el("span.tag.nudged", {}, "nudged") : ""),
    el("td.number", {}, `${match.cx.toFixed(1)}, ${match.cy.toFixed(1)}`),
    el("td.number", {}, degrees(match.angle_deg)),
    el("td.number", {}, percent(match.confidence)),
    el("td", {}, el("time", { datetime: when.toISOString() }, when.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }))),
    el("td.number", {}, remove));
}

async function takeBack(match) {
  try {
    await call(`/api/searches/${match.search}/hits/${match.rank}/verdict`, { method: "DELETE" });
    await show();
  } catch (error) {
    note(error.message, true);
  }
}

show().catch((error) => note(error.message, true));
