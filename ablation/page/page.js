"use strict";

const FRAMES = 4;
const REFUSED_BEFORE = ["what was asked before your change was refused: ask again"];
const byId = (id) => document.getElementById(id);
const slots = [];
let shownExample = 0;
let asked = 0;
let revision = 0;

function makeSlot(number) {
  const section = byId("slot").content.firstElementChild.cloneNode(true);
  const [pictureProblem, textProblem] = section.querySelectorAll(".problem");
  const drop = section.querySelector(".drop");
  const slot = {
    drop, pictureProblem, textProblem,
    input: section.querySelector("input"), image: section.querySelector("img"),
    hint: section.querySelector(".hint"), text: section.querySelector("textarea"), picture: "",
  };
  section.querySelector("h2").textContent = `Frame ${number + 1}`;
  slot.text.setAttribute("aria-label", `Description of frame ${number + 1}`);
  slot.input.setAttribute("aria-label", `Picture of frame ${number + 1}`);
  tie(slot.pictureProblem, slot.input, `picture-problem-${number + 1}`);
  tie(slot.textProblem, slot.text, `text-problem-${number + 1}`);
  slot.input.addEventListener("change", () => { take(slot.input.files, number); slot.input.value = ""; });
  slot.image.addEventListener("error", () => {
    slot.image.hidden = true;
    slot.hint.hidden = false;
    slot.hint.textContent = "This browser cannot show it";
  });
  slot.text.addEventListener("input", () => { tell(slot.textProblem, ""); changed(); });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files, number);
  });
  byId("frames").insertBefore(section, byId("answer"));
  return slot;
}

/* A problem is read out with the field that it is of. */
function tie(problem, field, id) {
  problem.id = id;
  problem.field = field;
  field.setAttribute("aria-describedby", id);
}

/* One picture goes where it was dropped; several, in the order of their names, from there on. */
function take(files, number) {
  const sorted = [...files].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const first = sorted.length >= FRAMES ? 0 : number;
  sorted.slice(0, FRAMES - first).forEach((file, place) => {
    const reader = new FileReader();
    reader.onload = () => show(slots[first + place], reader.result);
    reader.onerror = () => tell(slots[first + place].pictureProblem, `${file.name} cannot be read`);
    reader.readAsDataURL(file);
  });
  const left = sorted.length - (FRAMES - first);
  tell(byId("problem"), left > 0 ? `${left} of ${sorted.length} pictures found no place: there are ${FRAMES}` : "");
}

function show(slot, picture) {
  slot.picture = picture;
  slot.image.src = picture;
  slot.image.hidden = !picture;
  slot.input.setAttribute("aria-label", `Picture of frame ${slots.indexOf(slot) + 1}, ${picture ? "chosen" : "none yet"}`);
  slot.hint.hidden = Boolean(picture);
  slot.hint.innerHTML = "<b>Drop a picture</b> or click to choose";
  slot.drop.classList.toggle("full", Boolean(picture));
  tell(slot.pictureProblem, "");
  changed();
  if (!picture) slot.image.removeAttribute("src");
}

/* What was predicted before is not what would be predicted now. */
function changed() {
  revision += 1;
  byId("answer").classList.toggle("stale", !byId("predicted").hidden);
}

function tell(place, words) {
  place.textContent = words;
  place.hidden = !words;
  if (place.field) place.field.setAttribute("aria-invalid", Boolean(words));
}

function fill(story) {
  slots.forEach((slot, number) => {
    show(slot, story.images[number] || "");
    slot.text.value = story.texts[number] || "";
    tell(slot.textProblem, "");
  });
  tell(byId("problem"), "");
  showAnswer(null);
}

function showAnswer(answer, isStale = false) {
  byId("predicted").hidden = byId("save").hidden = !answer;
  byId("waiting").hidden = Boolean(answer);
  byId("told").textContent = answer ? answer.text || "(no words)" : "";
  byId("answer").classList.toggle("stale", isStale);
  tell(byId("note"), answer && answer.note ? `Note: ${answer.note}.` : "");
  if (!answer) return;
  byId("predicted").src = byId("save-frame").href = answer.image;
  byId("save-text").href = `data:text/plain;charset=utf-8,${encodeURIComponent(answer.text + "\n")}`;
}

/* A problem such as "image 2: it is empty" stands under its field; any other below all. */
function complain(problems) {
  const general = problems.filter((problem) => {
    const [, field, number, words] = problem.match(/^(image|text) (\d): ([^]*)$/) || [];
    if (field) tell(slots[number - 1][field === "image" ? "pictureProblem" : "textProblem"], words);
    return !field;
  });
  tell(byId("problem"), general.join("\n"));
}

async function ask(byUser) {
  const missing = slots.flatMap((slot, number) => [
    ...(slot.picture ? [] : [`image ${number + 1}: a picture is missing`]),
    ...(slot.text.value.trim() ? [] : [`text ${number + 1}: say in words what the frame shows`]),
  ]);
  if (missing.length) { complain(missing); return; }
  const mine = ++asked;
  const asIs = revision;
  const story = { images: slots.map((slot) => slot.picture), texts: slots.map((slot) => slot.text.value) };
  busy(true);
  try {
    const answer = await fetch("/ask", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(story),
    });
    const told = await answer.json();
    if (mine !== asked) return;
    const isStale = revision !== asIs;
    if (answer.ok) { complain([]); showAnswer(told, isStale); } else { showAnswer(null); complain(isStale ? REFUSED_BEFORE : told.problems); }
    if (answer.ok && byUser) byId("answer").scrollIntoView({ block: "nearest", behavior: "smooth" });
  } catch {
    complain(["the program that serves this page does not answer: start it again with  python -m ablation try"]);
  } finally {
    if (mine === asked) busy(false);
  }
}

function busy(is) {
  document.body.classList.toggle("busy", is);
  byId("ask").disabled = is;
  byId("ask").textContent = is ? "Predicting …" : "Predict frame 5";
  byId("waiting").textContent = is ? "Predicting …" : "Not asked yet";
}

async function showExample(number) {
  try {
    fill(await (await fetch(`/examples/${number}`)).json());
  } catch {
    complain(["the program that serves this page does not answer: start it again with  python -m ablation try"]);
    return;
  }
  await ask(false);
}

for (let number = 0; number < FRAMES; number += 1) slots.push(makeSlot(number));
byId("story").addEventListener("submit", (event) => { event.preventDefault(); ask(true); });
byId("example").addEventListener("click", () => showExample(++shownExample));
byId("clear").addEventListener("click", () => { asked += 1; busy(false); fill({ images: [], texts: [] }); });
document.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(true); });
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
fetch("/model").then((answer) => answer.json()).then((model) => {
  byId("model").textContent = `Model: ${model.name}.`;
  byId("model").title = model.told;
});
showExample(shownExample);
