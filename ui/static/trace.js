const TAGS = { same: "span", removed: "del", added: "ins", cue: "mark", leak: "span" };

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ol");
  if (!list) return;
  if (list.dataset.id !== data.id) list.scrollTop = 0;
  list.dataset.id = data.id;
  list.setAttribute("aria-label", "Steps of the trace");
  list.replaceChildren(...data.steps.map((runs, at) => step(runs, at + 1)));

  function step(runs, number) {
    const item = document.createElement("li");
    item.classList.toggle("wrong", number === data.wrong);
    item.classList.toggle("after", data.wrong > 0 && number > data.wrong);
    const button = document.createElement("button");
    button.textContent = number;
    button.disabled = !data.marks;
    button.setAttribute("aria-pressed", String(number === data.wrong));
    button.setAttribute("aria-label", `Step ${number}: mark as the first wrong step`);
    button.onclick = () =>
      setTriggerValue("mark", { id: data.id, step: number === data.wrong ? 0 : number });
    const text = document.createElement("p");
    for (const [kind, words] of runs) {
      const part = document.createElement(TAGS[kind] || "span");
      if (kind === "leak") part.className = "leak";
      part.textContent = words;
      text.append(part);
    }
    item.append(button, text);
    return item;
  }
}
