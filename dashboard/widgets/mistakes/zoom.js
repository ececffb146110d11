// Over a picture the mouse wheel makes it larger, and dragging shows another part of it; of two
// side by side both show the same part. What is changed here is gone with the picture: the next
// one begins as the server draws it.
const MOST_TIMES = 16;
const LINE_PX = 33; // of browsers whose wheels turn by lines
const SLOWNESS_PX = 500;

export default function ({ parentElement }) {
  parentElement.listening?.abort();
  const { signal } = (parentElement.listening = new AbortController());
  let held = null;
  addEventListener("wheel", zoom, { passive: false, signal });
  addEventListener("pointerdown", (event) => (held = grabbed(event)), { signal });
  addEventListener("pointermove", (event) => held?.scrollBy(-event.movementX, -event.movementY), {
    signal,
  });
  addEventListener("pointerup", () => (held = null), { signal });
  addEventListener("scroll", follow, { capture: true, signal });
  return () => parentElement.listening.abort();
}

function frameOf(event) {
  return event.target.closest?.(".mistakes-zoomed");
}

function grabbed(event) {
  const isDrag = event.pointerType === "mouse" && event.button === 0;
  const frame = isDrag ? frameOf(event) : null;
  return event.target === frame ? null : frame; // its own scroll bar
}

function frames() {
  return document.querySelectorAll(".mistakes-zoomed");
}

function follow(event) {
  const frame = frameOf(event);
  if (frame) frames().forEach((other) => other.scrollTo(frame.scrollLeft, frame.scrollTop));
}

function zoom(event) {
  const frame = frameOf(event);
  if (!frame || event.ctrlKey) return;
  const picture = frame.firstElementChild;
  const fit = Number((picture.dataset.fit ??= picture.offsetWidth / picture.dataset.times));
  const turned = event.deltaY * (event.deltaMode ? LINE_PX : 1);
  if (turned > 0 && picture.offsetWidth <= fit + 1) return; // all of it is seen: the page scrolls
  event.preventDefault();
  const wished = picture.offsetWidth * Math.exp(-turned / SLOWNESS_PX);
  const before = picture.getBoundingClientRect();
  const x = (event.clientX - before.left) / before.width;
  const y = (event.clientY - before.top) / before.height;
  const height = frame.offsetHeight;
  for (const each of frames()) {
    each.style.height = `${height}px`; // the place stays, whatever is in it
    each.firstElementChild.dataset.fit = fit; // side by side all have the same shape
    each.firstElementChild.style.width = `${Math.min(Math.max(wished, fit), MOST_TIMES * fit)}px`;
  }
  const after = picture.getBoundingClientRect(); // what is under the pointer stays under it
  frame.scrollLeft += after.left + x * after.width - event.clientX;
  frame.scrollTop += after.top + y * after.height - event.clientY;
}
