const KEYS = { "+": 1.25, "=": 1.25, "-": 0.8 };

export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector(".frame");
  const stage = parentElement.querySelector(".stage");
  const hint = parentElement.querySelector(".hint");
  if (!frame || frame.dataset.id === data.id) return;
  frame.dataset.id = data.id;
  frame.setAttribute("aria-label", "Picture of the sample; plus and minus zoom, 0 fits");
  const width = data.width || 640, height = data.height || 480;
  const view = { x: 0, y: 0, scale: 1 };
  frame.style.aspectRatio = `${width} / ${height}`;
  frame.style.height = "auto";
  frame.style.maxHeight = "min(50vh, 480px)";
  frame.style.minHeight = "120px";

  const put = () => {
    stage.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    frame.dataset.scale = view.scale.toFixed(4);
    frame.dataset.x = view.x.toFixed(1);
  };
  const fit = () => {
    view.scale = Math.min(frame.clientWidth / width, frame.clientHeight / height, 4);
    view.x = (frame.clientWidth - width * view.scale) / 2;
    view.y = (frame.clientHeight - height * view.scale) / 2;
    put();
  };
  const zoom = (factor, x, y) => {
    const scale = Math.min(40, Math.max(0.02, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    put();
  };

  const image = document.createElement("img");
  image.src = data.src;
  image.alt = "";
  stage.replaceChildren(image);
  stage.style.width = `${width}px`;
  stage.style.height = `${height}px`;
  hint.textContent = data.boxes.length ? `${data.boxes.length} boxes; click one for its label` : "";
  if (data.boxes.length) stage.append(boxes(data.boxes, width, height, hint));

  frame.onwheel = (event) => {
    event.preventDefault();
    const at = frame.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), event.clientX - at.left, event.clientY - at.top);
  };
  let last = null;
  frame.onpointerdown = (event) => {
    if (event.target.tagName === "rect") return;
    last = [event.clientX, event.clientY];
    frame.setPointerCapture(event.pointerId);
    frame.classList.add("moving");
  };
  frame.onpointermove = (event) => {
    if (!last) return;
    view.x += event.clientX - last[0];
    view.y += event.clientY - last[1];
    last = [event.clientX, event.clientY];
    put();
  };
  frame.onpointerup = frame.onpointercancel = () => {
    last = null;
    frame.classList.remove("moving");
  };
  frame.ondblclick = fit;
  frame.onkeydown = (event) => {
    if (event.key === "0") fit();
    else if (KEYS[event.key]) zoom(KEYS[event.key], frame.clientWidth / 2, frame.clientHeight / 2);
    else return;
    event.stopPropagation();
    event.preventDefault();
  };
  fit();
  const watch = new ResizeObserver(fit);
  watch.observe(frame);
  return () => watch.disconnect();
}

function boxes(list, width, height, hint) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  for (const box of list) {
    const rect = document.createElementNS(space, "rect");
    for (const [name, value] of [["x", box.x], ["y", box.y], ["width", box.w], ["height", box.h]])
      rect.setAttribute(name, value);
    const title = document.createElementNS(space, "title");
    title.textContent = box.label;
    rect.append(title);
    rect.onclick = () => {
      svg.querySelectorAll("rect").forEach((each) => each.classList.toggle("picked", each === rect));
      hint.textContent = box.label || "no label";
    };
    svg.append(rect);
  }
  return svg;
}
