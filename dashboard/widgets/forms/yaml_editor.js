// Draws line numbers, colours and marks over Streamlit's own text area, which stays what is typed
// into. Where this does not run, the plain text area is left.
const COLOURED_LETTERS = 200_000; // a longer text would make typing slow
const COMMIT_AFTER_MS = 700;
const LOOK_EVERY_MS = 200;

export default function ({ parentElement, data }) {
  const layer = parentElement.querySelector(".yaml-layer");
  const box = layer.closest(".st-key-configs-editor");
  const find = () => box && box.querySelector("textarea");
  const editor = (layer.editor ??= { text: null, jump: data.jump, area: null, timer: 0 });
  editor.data = data;

  const draw = () => {
    const area = find();
    if (!area) return;
    if (area !== editor.area) attach(editor, area, draw);
    const isShort = area.value.length <= COLOURED_LETTERS;
    layer.toggleAttribute("data-ready", isShort);
    if (!isShort) return;
    place(layer, area);
    const state = JSON.stringify(editor.data.marks);
    if (area.value !== editor.text || state !== editor.state) {
      editor.text = area.value;
      editor.state = state;
      layer.firstElementChild.innerHTML = area.value
        .split("\n")
        .map((line, index) => row(line, editor.data.marks[index + 1] ?? ""))
        .join("");
    }
    layer.firstElementChild.style.transform = `translate(0, ${-area.scrollTop}px)`;
    layer.style.setProperty("--scrolled", `${-area.scrollLeft}px`);
    if (editor.data.jump !== editor.jump) {
      editor.jump = editor.data.jump;
      jump(area, editor.data.line);
    }
  };

  clearInterval(editor.looking);
  editor.looking = setInterval(draw, LOOK_EVERY_MS); // the text may be changed from outside, too
  draw();
  return () => {
    clearInterval(editor.looking);
    clearTimeout(editor.timer);
  };
}

function attach(editor, area, draw) {
  editor.area = area;
  area.spellcheck = false;
  area.addEventListener("scroll", draw);
  area.addEventListener("input", () => {
    requestAnimationFrame(draw);
    clearTimeout(editor.timer);
    editor.timer = setTimeout(() => commit(area, editor), COMMIT_AFTER_MS);
  });
  area.addEventListener("compositionstart", () => (editor.isComposing = true));
  area.addEventListener("compositionend", () => (editor.isComposing = false));
  area.addEventListener("keydown", (event) => indent(event, area));
}

// Hand over what was typed as Ctrl+Enter does, so that problems are found while one types.
function commit(area, editor) {
  if (editor.isComposing) return;
  const enter = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true };
  area.dispatchEvent(new KeyboardEvent("keydown", { ...enter, cancelable: true }));
}

// A new line begins where the line before does; one step further after a colon.
function indent(event, area) {
  const isPlain = event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing;
  if (!isPlain) return;
  const line = area.value.slice(0, area.selectionStart).split("\n").pop();
  const deeper = /:\s*$/.test(line.replace(/\s#.*$/, "")) ? "  " : "";
  const space = line.match(/^ */)[0] + deeper;
  if (!space) return;
  event.preventDefault();
  document.execCommand("insertText", false, `\n${space}`);
}

function jump(area, line) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  const height = parseFloat(getComputedStyle(area).lineHeight);
  area.scrollTop = Math.max(0, (line - 1) * height - area.clientHeight / 3);
  area.scrollLeft = 0;
}

function place(layer, area) {
  const inside = area.getBoundingClientRect();
  const outside = layer.offsetParent.getBoundingClientRect();
  layer.style.left = `${inside.left - outside.left}px`;
  layer.style.top = `${inside.top - outside.top}px`;
  layer.style.width = `${area.clientWidth}px`;
  layer.style.height = `${area.clientHeight}px`;
}

function row(line, mark) {
  return `<div class="yaml-line ${mark}"><span class="yaml-text">${colour(line)}\n</span></div>`;
}

function colour(line) {
  const [code, comment] = split(line);
  const key = code.match(/^(\s*(?:- )*)([^\s'"[{#:-][^:#]*?|'[^']*'|"[^"]*")(:)(?=\s|$)/);
  const head = key ? escape(key[1]) + span("key", key[2]) + span("mark", key[3]) : "";
  return head + values(code.slice(key ? key[0].length : 0)) + span("comment", comment);
}

// A comment begins at a # that follows a space and stands in no quotes.
function split(line) {
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const letter = line[at];
    if (quote) quote = letter === quote ? "" : quote;
    else if ((letter === "'" || letter === '"') && /[\s[{,:-]/.test(line[at - 1] ?? " ")) quote = letter;
    else if (letter === "#" && /\s/.test(line[at - 1] ?? " ")) return [line.slice(0, at), line.slice(at)];
  }
  return [line, ""];
}

function values(text) {
  const parts =
    /('[^']*'|"[^"]*")|(?<![\w.])([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.])|\b(true|false|null|yes|no|on|off)\b|([[\]{},]|- )/gi;
  let html = "";
  let from = 0;
  for (const part of text.matchAll(parts)) {
    const kind = part[1] ? "string" : part[2] ? "number" : part[3] ? "word" : "mark";
    html += escape(text.slice(from, part.index)) + span(kind, part[0]);
    from = part.index + part[0].length;
  }
  return html + escape(text.slice(from));
}

function span(kind, text) {
  return text ? `<span class="yaml-${kind}">${escape(text)}</span>` : "";
}

function escape(text) {
  return text.replace(/[&<>]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[letter]);
}
