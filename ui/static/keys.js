// Enter on a control that Tab has reached acts on that control alone; otherwise the page's own Enter would take the
// suggestion as well, whatever button has the focus. Drawing the page anew may drop the focus: then Enter waits for
// another key or the pointer, since it was meant for the control.
export default function () {
  if (window.vistillKeys) return;
  window.vistillKeys = true;
  let tabbed = false;
  let used = false;
  window.addEventListener("pointerdown", () => (tabbed = used = false), true);
  window.addEventListener("keydown", guard, true);
  let form = null;
  new MutationObserver(focus).observe(document.body, { childList: true, subtree: true });

  function guard(event) {
    if (event.key === "Tab") tabbed = true;
    if (event.key !== "Enter") used = false;
    if (event.key !== "Enter" || event.ctrlKey || !tabbed) return;
    let at = document.activeElement;
    while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
    const control = !!at && at.matches("button, a[href], summary, [role=radio]");
    if (control || (used && (!at || at === document.body))) event.stopImmediatePropagation();
    used = used || control;
  }

  // A form that has just been opened by a key is there to be typed into.
  function focus() {
    const field = document.querySelector("[data-testid=stForm] input");
    if (field && field !== form) field.focus();
    form = field;
  }
}
