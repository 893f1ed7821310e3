// Enter on a control that Tab has reached acts on that control alone; otherwise the page's own Enter would take the
// suggestion as well, whatever button has the focus. Drawing the page anew may drop the focus: then Enter waits for
// another key or the pointer, since it was meant for the control.
//
// A press that goes on, and another before the next sample is drawn: the second belongs to the sample before and would be
// lost without a word. It is stopped here, and said. So is a press while the server is away, and until the page has been
// drawn anew after that: its buttons are those of a session that is no more.
const GOES_ON = {
  a: "accept", x: "reject", s: "skip", enter: "take", backspace: "undo", arrowleft: "back", arrowright: "next",
};
const STAYS = new Set(["e", "f", ..."123456789"]);
const SAME = 3000; // ms after which a page that is not drawn anew has found its session again: the net was down, no more
const LONGEST = 5000; // ms that a press may take; a page that has not answered by then takes presses as they come

export default function () {
  if (window.vistillKeys) return;
  window.vistillKeys = true;
  let tabbed = false;
  let used = false;
  window.addEventListener("pointerdown", () => (tabbed = used = false), true);
  window.addEventListener("keydown", guard, true);
  let form = null;
  let typed = false;
  window.addEventListener("input", () => (typed = true), true);
  const watched = { childList: true, subtree: true, attributeFilter: ["value"], attributeOldValue: true };
  new MutationObserver(focus).observe(document.body, watched);
  let link = "drawn"; // away, back, drawing, drawn
  let since = 0;
  const states = ["data-test-connection-state", "data-test-script-state"];
  new MutationObserver(follow).observe(document.body, { subtree: true, attributeFilter: states });
  let sent = {};
  let hide = 0;
  window.addEventListener("click", clicked, true);

  function guard(event) {
    if (event.key === "Tab") tabbed = true;
    if (event.key !== "Enter") used = false;
    if (event.key === "Enter" && !event.ctrlKey && tabbed && held(event)) return;
    pressed(event);
  }

  // Whether Enter was for a control that Tab has reached, or had reached.
  function held(event) {
    let at = document.activeElement;
    while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
    const control = !!at && at.matches("button, a[href], summary, [role=radio]");
    const mine = control || (used && (!at || at === document.body));
    if (mine) event.stopImmediatePropagation();
    used = used || control;
    return mine;
  }

  function pressed(event) {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || (at.matches && at.matches("input, textarea"))) return;
    const key = event.key.toLowerCase();
    if (key in GOES_ON || STAYS.has(key)) send(event, GOES_ON[key]);
  }

  function clicked(event) {
    const at = event.isTrusted && event.target.closest && event.target.closest("button");
    const box = at && at.closest(".st-key-verdicts [class*='st-key-'], .st-key-reasons [class*='st-key-']");
    if (box) send(event, Object.values(GOES_ON).find((kind) => nameOf(box).startsWith(`st-key-${kind}-`)));
  }

  // A button is named after its sample. Those of the next sample are put in before those of the last are taken out, so
  // while the first of a kind keeps its name, and nothing was said against the press, the press has not been answered.
  function send(event, kind) {
    const now = performance.now();
    if (link === "back" && now - since > SAME) link = "drawn";
    if (link !== "drawn") {
      const why = link === "away" ? "The server does not answer" : "The page is being drawn anew";
      stop(event, `${why}: that press was not counted.`);
      return;
    }
    const waits = sent.kind && nameOf(first(sent.kind)) === sent.name && refused() === sent.refused;
    if (waits && now - sent.at < LONGEST) {
      stop(event, "Too fast: that press was not counted. Press again.");
    } else if (kind && first(kind) && first(kind).querySelector("button:not(:disabled)")) {
      sent = { kind, name: nameOf(first(kind)), at: now, refused: refused() };
    }
  }

  function first(kind) {
    return document.querySelector(`.st-key-verdicts [class*="st-key-${kind}-"]`);
  }

  function nameOf(box) {
    return (box && [...box.classList].find((name) => name.startsWith("st-key-"))) || "";
  }

  function refused() {
    const said = document.querySelector(".st-key-said .vt-bad");
    return said ? said.textContent : "";
  }

  function follow() {
    const app = document.querySelector(".stApp");
    const [connection, script] = states.map((name) => app && app.getAttribute(name));
    if (connection && connection !== "CONNECTED") link = "away";
    else if (link === "away") [link, since] = ["back", performance.now()];
    if (link === "back" && script === "running") link = "drawing";
    else if (link === "drawing" && script !== "running") link = "drawn";
  }

  function stop(event, text) {
    event.stopImmediatePropagation();
    event.preventDefault();
    let note = document.getElementById("vistill-note");
    if (!note) {
      note = document.createElement("div");
      note.id = "vistill-note";
      note.setAttribute("role", "status");
      note.style.cssText =
        "position:fixed;top:4.2rem;left:50%;transform:translateX(-50%);z-index:1000001;padding:.35rem .8rem;" +
        "border-radius:.5rem;background:#1f2937;color:#fff;border:1px solid #9ca3af;font:600 .9rem 'Source Sans',sans-serif";
      document.body.append(note);
    }
    note.textContent = text;
    note.hidden = false;
    clearTimeout(hide);
    hide = setTimeout(() => (note.hidden = true), 2500);
  }

  // A form that has just been opened by a key is there to be typed into. Streamlit draws its field empty and puts the
  // text in a moment later; the text is selected then, so that typing replaces it and never lands beside it.
  function focus(changes) {
    const field = document.querySelector("[data-testid=stForm] input");
    const opened = !!field && field !== form;
    if (opened) {
      field.focus();
      typed = false;
    }
    if (!typed && changes.some((change) => change.target === field && change.oldValue === "")) field.select();
    form = field;
  }
}
