// Enter on a control that Tab has reached acts on that control alone; otherwise the page's own Enter would take the
// suggestion as well, whatever button has the focus.
export default function () {
  if (window.vistillKeys) return;
  window.vistillKeys = true;
  let tabbed = false;
  window.addEventListener("pointerdown", () => (tabbed = false), true);
  window.addEventListener("keydown", guard, true);

  function guard(event) {
    if (event.key === "Tab") tabbed = true;
    if (event.key !== "Enter" || event.ctrlKey || !tabbed) return;
    let at = document.activeElement;
    while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
    if (at && at.matches("button, a[href], summary, [role=radio]")) event.stopImmediatePropagation();
  }
}
