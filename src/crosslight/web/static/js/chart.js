// A small chart: axes on round numbers, one or two lines, each with its own scale on its own side, and points.
import { el } from "./ui.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [400, 230, 40, 40, 22, 34];

function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const first = Math.ceil(low / step - 1e-9) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, i) => first + i * step);
}

const say = (value) => (Math.abs(value) >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(4))));

// lines: [{name, kind, y: [...], low, high, say}], the first on the left, the second on the right;
// points: [{x, y, error, label}] on the left scale.
export function drawChart({ x, xName, lines, points = [], title, sayX = say }) {
  const [first, last] = [x[0], x[x.length - 1]];
  const toX = (value) => LEFT + ((value - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const chart = el("svg.chart", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  const floor = HEIGHT - BOTTOM;
  for (const tick of ticks(first, last, 5)) chart.append(el("text", { x: toX(tick), y: floor + 17, "text-anchor": "middle" }, sayX(tick)));
  chart.append(el("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 2, "text-anchor": "middle" }, xName));
  lines.forEach((line, side) => {
    const toY = (value) => floor - ((value - line.low) / (line.high - line.low || 1)) * (floor - TOP);
    for (const tick of ticks(line.low, line.high, 4)) {
      if (side === 0) chart.append(el("line.grid", { x1: LEFT, x2: WIDTH - RIGHT, y1: toY(tick), y2: toY(tick) }));
      chart.append(el("text", { x: side ? WIDTH - RIGHT + 7 : LEFT - 7, y: toY(tick) + 4, "text-anchor": side ? "start" : "end" }, (line.say ?? say)(tick)));
    }
    chart.append(el(`polyline.line.${line.kind}`, { points: x.map((value, i) => `${toX(value).toFixed(1)},${toY(line.y[i]).toFixed(1)}`).join(" ") }));
    chart.append(el(`text.name.${line.kind}`, { x: side ? WIDTH - RIGHT : LEFT, y: 10, "text-anchor": side ? "end" : "start" }, line.name));
  });
  const { low, high } = lines[0];
  const toY = (value) => floor - ((Math.min(high, Math.max(low, value)) - low) / (high - low || 1)) * (floor - TOP);
  for (const { x: at, y, error, label } of points) {
    chart.append(el("line.bar", { x1: toX(at), x2: toX(at), y1: toY(y - error), y2: toY(y + error) }));
    chart.append(el("circle.point", { cx: toX(at), cy: toY(y), r: 4.5 }, el("title", {}, label)));
    chart.append(el("text.count", { x: toX(at) + 8, y: toY(y) + 4 }, label));
  }
  return chart;
}
