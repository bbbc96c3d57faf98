// Deep zoom into one repository image.
import { imagePath } from "./ui.js";

// OpenSeadragon adds an inline style sheet unless it finds one that looks like its own, and our content security policy
// allows none. The rule that it would add is in viewer.css.
function keepOutInlineStyle() {
  const mark = document.createElementNS("urn:crosslight", "style");
  mark.setAttribute("data-openseadragon-mobile-css", "");
  document.head.append(mark);
}

/* global OpenSeadragon */
export function openViewer(element, { name, width, height }, options = {}) {
  keepOutInlineStyle();
  const viewer = OpenSeadragon({
    element,
    drawer: "canvas",
    showNavigationControl: false,
    showNavigator: Math.max(width, height) > 3000,
    navigatorPosition: "BOTTOM_RIGHT",
    animationTime: 0.35,
    springStiffness: 9,
    maxZoomPixelRatio: 12,
    visibilityRatio: 0.2,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    imageSmoothingEnabled: true,
    tileSources: {
      width,
      height,
      tileSize: 256,
      tileOverlap: 0,
      minLevel: 0,
      getTileUrl: (level, x, y) => `${imagePath(name)}/tiles/${level}/${x}/${y}.jpg`,
    },
    ...options,
  });
  // The page has keys of its own.
  viewer.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });
  return viewer;
}

// The 2 x 3 matrix from an image's edge coordinates to CSS pixels of the viewer.
export function imageToScreen(viewer) {
  const item = viewer.world.getItemAt(0);
  const at = (x, y) => item.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
  const [zero, right, down] = [at(0, 0), at(1, 0), at(0, 1)];
  return [right.x - zero.x, right.y - zero.y, down.x - zero.x, down.y - zero.y, zero.x, zero.y];
}
