// Where a query lies: the same formulas as geometry.py. A matrix is [a, b, c, d, e, f] as canvases take it:
// x' = a x + c y + e, y' = b x + d y + f.

export const wrapAngle = (angle) => {
  const wrapped = (((angle + 180) % 360) + 360) % 360 - 180;
  return wrapped === -180 ? 180 : wrapped;
};

export function multiply(second, first) {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f];
}

export const apply = ([a, b, c, d, e, f], [x, y]) => [a * x + c * y + e, b * x + d * y + f];

// From the query's edge coordinates (0, 0 to width, height) to the repository image's edge coordinates.
export function queryToImage(place, width, height) {
  const angle = (place.angle_deg * Math.PI) / 180;
  const [cos, sin] = [place.scale * Math.cos(angle), place.scale * Math.sin(angle)];
  const mirror = place.flipped ? -1 : 1;
  const [a, b, c, d] = [cos * mirror, -sin * mirror, sin, cos];
  return [a, b, c, d, place.cx + 0.5 - (a * width + c * height) / 2, place.cy + 0.5 - (b * width + d * height) / 2];
}

export function corners(place, width, height) {
  const matrix = queryToImage(place, width, height);
  return [[0, 0], [width, 0], [width, height], [0, height]].map((point) => apply(matrix, point));
}
