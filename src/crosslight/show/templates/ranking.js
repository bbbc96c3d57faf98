"use strict";
for (const slider of document.querySelectorAll("input[type=range]")) {
  const layer = slider.closest("figure").querySelector(".layer");
  const move = () => { layer.style.opacity = slider.value / 100; };
  slider.addEventListener("input", move);
  move();
}
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    part.dataset.printing = "";
  }
});
addEventListener("afterprint", () => {
  for (const part of document.querySelectorAll("details[data-printing]")) {
    part.open = false;
    delete part.dataset.printing;
  }
});
