// Keys of a page: `keys` from a key to what it does (told 10 with Shift, else 1); `peek` is told when Space goes down
// and up; nothing happens in text fields, open dialogs, or before `ready`.

const MOVES = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);
const SHIFTED = { "<": ",", ">": ".", "{": "[", "}": "]" };

export function listen(keys, peek, ready) {
  const busy = (event) => event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !ready();
  const inField = (event) => {
    if (event.target.matches("[type=range], [type=radio], [role=slider]")) return MOVES.has(event.key);
    return event.target.matches("input:not([type=checkbox]), select, textarea");
  };
  document.addEventListener("keydown", (event) => {
    if (busy(event) || inField(event)) return;
    if (event.key === " ") {
      if (event.target.matches("button, a, input")) return;
      event.preventDefault();
      if (!event.repeat) peek(true);
      return;
    }
    const name = SHIFTED[event.key] ?? (event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const action = keys[name];
    if (!action) return;
    event.preventDefault();
    action(event.shiftKey ? 10 : 1);
  });
  document.addEventListener("keyup", (event) => { if (event.key === " ") peek(false); });
}
