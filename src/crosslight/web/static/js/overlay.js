// Draws the query over the viewer: blended, behind a curtain, or in a checkerboard.
import { apply, multiply, queryToImage } from "./placement.js";
import { imageToScreen } from "./viewer.js";

const N_CHECKS = 6; // squares along the short side, as in the pictures of the command line

// `state`: place, width, height (of the query), mode, opacity, curtain, representations, peek, verdict.
// `pictures`: query, queryRepresentation, imageRepresentation with the box they cover in pixels, where loaded.
export function drawOverlay(canvas, viewer, state, pictures) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  const device = [ratio, 0, 0, ratio, 0, 0];
  context.setTransform(...device);
  context.clearRect(0, 0, width, height);
  if (!viewer.world.getItemAt(0)) return;
  const screen = imageToScreen(viewer);
  if (state.representations && pictures.imageRepresentation) drawImageRepresentation(context, multiply(device, screen), pictures.imageRepresentation);
  const toScreen = multiply(screen, queryToImage(state.place, state.width, state.height));
  if (state.mode !== "off" && !state.peek) drawQuery(context, device, toScreen, state, pictures, height);
  context.setTransform(...device);
  drawWindow(context, toScreen, state);
}

function drawImageRepresentation(context, matrix, picture) {
  context.save();
  context.setTransform(...matrix);
  context.drawImage(picture.image, picture.x, picture.y, picture.width, picture.height);
  context.restore();
}

function drawQuery(context, device, toScreen, state, pictures, height) {
  const picture = (state.representations && pictures.queryRepresentation) || pictures.query;
  if (!picture) return;
  context.save();
  context.setTransform(...device);
  if (state.mode === "curtain") {
    context.beginPath();
    context.rect(0, 0, state.curtain, height);
    context.clip();
  }
  context.setTransform(...multiply(device, toScreen));
  context.beginPath();
  context.rect(0, 0, state.width, state.height); // a representation's last pixels may stick out
  context.clip();
  if (state.mode === "checks") context.clip(checks(state.width, state.height));
  context.globalAlpha = state.opacity;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, picture.x, picture.y, picture.width, picture.height);
  context.restore();
}

function checks(width, height) {
  const side = Math.min(width, height) / N_CHECKS;
  const path = new Path2D();
  for (let row = 0; row * side < height; row += 1) {
    for (let column = (row + 1) % 2; column * side < width; column += 2) path.rect(column * side, row * side, side, side);
  }
  return path;
}

function drawWindow(context, toScreen, state) {
  const { width, height } = state;
  const points = [[0, 0], [width, 0], [width, height], [0, height]].map((point) => apply(toScreen, point));
  const colours = getComputedStyle(document.documentElement);
  const colour = colours.getPropertyValue({ accepted: "--truth", rejected: "--wrong" }[state.verdict] ?? "--found").trim();
  const path = new Path2D();
  points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  const dart = makeDart(points);
  context.lineJoin = "round";
  for (const [style, lineWidth] of [["rgb(24 28 34 / 80%)", 4.5], [colour, 2.25]]) {
    context.strokeStyle = style;
    context.fillStyle = style;
    context.lineWidth = lineWidth;
    context.stroke(path);
    if (style === colour) context.fill(dart);
    else context.stroke(dart);
  }
}

// A small triangle on the query's top side that points away from it.
function makeDart([topLeft, topRight, , bottomLeft]) {
  const middle = [(topLeft[0] + topRight[0]) / 2, (topLeft[1] + topRight[1]) / 2];
  const length = Math.hypot(topLeft[0] - bottomLeft[0], topLeft[1] - bottomLeft[1]) || 1;
  const up = [(topLeft[0] - bottomLeft[0]) / length, (topLeft[1] - bottomLeft[1]) / length];
  const along = [-up[1], up[0]];
  const path = new Path2D();
  path.moveTo(middle[0] + up[0] * 11, middle[1] + up[1] * 11);
  path.lineTo(middle[0] + along[0] * 8, middle[1] + along[1] * 8);
  path.lineTo(middle[0] - along[0] * 8, middle[1] - along[1] * 8);
  path.closePath();
  return path;
}
