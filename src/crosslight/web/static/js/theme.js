// Runs before the page is drawn, so that it never flashes in the other theme.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("crosslight-theme"); } catch { return null; } };
  const apply = () => { root.dataset.theme = stored() ?? (system.matches ? "dark" : "light"); };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      const wanted = root.dataset.theme === "dark" ? "light" : "dark";
      const usual = system.matches ? "dark" : "light";
      try { wanted === usual ? localStorage.removeItem("crosslight-theme") : localStorage.setItem("crosslight-theme", wanted); } catch { /* private window */ }
      root.dataset.theme = wanted;
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
