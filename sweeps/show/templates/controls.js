// What can be moved on the page: settings, the inputs that show them, and the page's address that keeps them.

const CLICK = "click";
const at = (id) => document.getElementById(id);

// An element with attributes and children; texts are texts, whatever they hold.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Settings as the command line had them; `moved` are prices that are not the list's any more.
const atStart = () => ({ ...DATA.start, compare: null, moved: {}, weights: DATA.weights ? [...DATA.weights.start] : [] });
let settings = atStart();

const pages = DATA.prices.questions.filter(({ question }) => question !== CLICK);
const dearer = (one, other) => one.high > other.high || (one.high === other.high && one.low > other.low);
const wholePage = pages.reduce((dearest, one) => (dearest === null || dearer(one, dearest) ? one : dearest), null);
const priceOf = (one) => settings.moved[one.question] ?? [one.low, one.high];
const near = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));

function movePrice(one, low, high) {
  if (!(low >= 0 && high >= low && Number.isFinite(high))) return;
  if (near(low, one.low) && near(high, one.high)) delete settings.moved[one.question];
  else settings.moved[one.question] = [low, high];
}

function movePages(seconds) {
  const factor = seconds / wholePage.high;
  for (const one of pages) movePrice(one, one.low * factor, one.high * factor);
}

// One control: `get` and `set` work on settings; with a `range` it has a slider beside its number. Blank is null.
function control(where, { id, label, unit, range, get, set, blank = false, least = 0, digits = 12 }) {
  const number = element("input", { type: "number", id, step: "any", min: least, placeholder: blank ? "no limit" : null });
  const slider = range && element("input", { type: "range", id: `${id}-slider`, "aria-label": `${label}, ${unit}` });
  const put = (text) => {
    set(text === "" ? null : Number(text));
    update();
  };
  number.addEventListener("input", () => put(number.value));
  slider?.addEventListener("input", () => put(slider.value));
  const name = element("label", { for: id }, label);
  const row = element("span", { class: "amount" }, number, element("span", { class: "unit" }, unit));
  at(where).append(element("div", { class: slider ? "control slides" : "control" }, name, row, slider || null));
  return () => {
    const value = get();
    const text = value === null || Number.isNaN(value) ? "" : String(Number(value.toPrecision(digits)));
    if (document.activeElement !== number) number.value = text;
    if (!slider) return;
    const { min, max, step } = range();
    Object.assign(slider, { min, max, step });
    if (document.activeElement !== slider) slider.value = value === null ? max : value;
  };
}

const setting = (name) => ({ get: () => settings[name], set: (value) => (settings[name] = value) });
const needed = (name) => ({ get: () => settings[name], set: (value) => (settings[name] = value ?? NaN) });

function moneyRange() {
  const metric = DATA.metrics.find(({ metric: name }) => name === settings.metric);
  if (!metric.plan || !(usdPerSecond(settings) > 0)) return { min: 0, max: 1000, step: 5 };
  const { usdHigh } = priced(metric.plan, settings);
  const step = Math.max(...usdHigh) > 2000 ? 10 : 5;
  return { min: 0, max: Math.ceil((Math.max(...usdHigh) * 1.05) / step) * step, step };
}

const refreshers = [];

function makeControls() {
  const add = (where, made) => refreshers.push(control(where, made));
  add("spend", { id: "budget_usd", label: "Budget", unit: "dollars", range: moneyRange, blank: true, ...setting("budget_usd") });
  add("spend", { id: "budget_hours", label: "People's time", unit: "hours", blank: true, ...setting("budget_hours") });
  add("spend", { id: "days", label: "Time until then", unit: "days", blank: true, ...setting("days") });
  add("spend", { id: "people_at_once", label: "People at once", unit: "", ...needed("people_at_once") });
  add("spend", { id: "hours_per_day", label: "Each works", unit: "hours a day", ...needed("hours_per_day") });
  const floor = DATA.prices.wage_floor;
  const wage = () => ({ min: floor, max: Math.max(60, Math.ceil(DATA.start.wage * 2)), step: 0.5 });
  add("pay", { id: "wage", label: "Wage", unit: "dollars an hour", range: wage, least: floor, ...needed("wage") });
  const percent = { get: () => settings.fee * 100, set: (value) => (settings.fee = value === null ? NaN : value / 100) };
  add("pay", { id: "fee", label: "Platform's fee", unit: "% on top", range: () => ({ min: 0, max: 100, step: 0.1 }), ...percent });
  const click = DATA.prices.questions.find(({ question }) => question === CLICK);
  if (click) {
    const range = () => ({ min: 0, max: Math.max(20, Math.ceil(click.high * 3)), step: 0.1 });
    const price = { get: () => priceOf(click)[1], set: (value) => movePrice(click, value ?? NaN, value ?? NaN) };
    add("prices", { id: "click", label: "A click", unit: "seconds", range, ...price });
  }
  if (wholePage) {
    const range = () => ({ min: 0, max: Math.ceil(wholePage.high * 3), step: 0.1 });
    const price = { get: () => priceOf(wholePage)[1], set: (value) => movePages(value ?? NaN), digits: 4 };
    add("prices", { id: "page", label: `A page (${wholePage.title})`, unit: "seconds", range, ...price });
    if (pages.length > 1) at("prices").append(element("p", { class: "quiet" }, "Other pages move in proportion."));
  }
  for (const one of DATA.prices.questions) makePrice(add, one);
  makeChoices();
}

// A question's own price: one number, or two where the list has an interval.
function makePrice(add, one) {
  const id = `price-${DATA.prices.questions.indexOf(one)}`;
  if (near(one.low, one.high)) {
    const point = { get: () => priceOf(one)[1], set: (value) => movePrice(one, value ?? NaN, value ?? NaN), digits: 4 };
    add("each", { id, label: one.title, unit: "seconds", ...point });
    return;
  }
  const ends = [["least", 0], ["most", 1]];
  for (const [word, end] of ends) {
    const set = (value) => movePrice(one, ...priceOf(one).map((price, k) => (k === end ? value ?? NaN : price)));
    add("each", { id: `${id}-${word}`, label: `${one.title}, at ${word}`, unit: "seconds", get: () => priceOf(one)[end], set, digits: 4 });
  }
}

function makeChoices() {
  const alike = DATA.metrics.every(({ test_set: testSet }) => testSet === DATA.metrics[0].test_set);
  for (const { metric, short, title, plan, why_not: whyNot } of DATA.metrics) {
    const pick = element("input", {
      type: "radio", name: "metric", value: metric, disabled: !plan,
      oninput: () => { settings.metric = metric; update(); },
    });
    const own = short === "weighted" ? title : `${title} (${metric})`;
    const name = DATA.metrics.length > 1 ? (alike && { ce: "raw", "scaled-ce": "scaled" }[short]) || own : title;
    at("metrics").append(element("label", {}, pick, name));
    if (whyNot) at("metrics").after(element("p", { class: "quiet" }, `${title} can't be planned for: ${whyNot}`));
  }
  const questions = [...new Set(DATA.metrics.flatMap(({ frontier }) => frontier?.questions ?? []))];
  const titles = new Map(DATA.prices.questions.map(({ question, title }) => [question, title]));
  at("compare").append(element("option", { value: "" }, "all questions together"));
  for (const question of questions) {
    at("compare").append(element("option", { value: question }, `${titles.get(question) ?? question} alone`));
  }
  at("compare").addEventListener("input", (event) => { settings.compare = event.target.value || null; update(); });
  at("reset").addEventListener("click", () => { settings = atStart(); update(); });
}

function refreshControls() {
  for (const refresh of refreshers) refresh();
  for (const pick of at("metrics").querySelectorAll("input")) pick.checked = pick.value === settings.metric;
  at("compare").value = settings.compare ?? "";
}

// What differs from the start, in the page's address, so that it can be shared; frames may refuse that.
const NUMBERS = ["budget_usd", "budget_hours", "days", "people_at_once", "hours_per_day", "wage", "fee"];

function writeAddress() {
  const start = atStart(), kept = new URLSearchParams();
  for (const name of ["metric", "compare", ...NUMBERS]) if (settings[name] !== start[name]) kept.set(name, settings[name] ?? "");
  for (const [question, ends] of Object.entries(settings.moved)) kept.set(`seconds.${question}`, ends.join("-"));
  try {
    history.replaceState(null, "", `#${kept}`);
  } catch { /* a sandboxed frame has no address of its own */ }
}

function readAddress() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const [name, text] of kept) {
    const one = DATA.prices.questions.find(({ question }) => name === `seconds.${question}`);
    if (NUMBERS.includes(name)) settings[name] = text === "" ? null : Number(text);
    else if (name === "metric" && DATA.metrics.some(({ metric, plan }) => metric === text && plan)) settings.metric = text;
    else if (name === "compare") settings.compare = text || null;
    else if (one) movePrice(one, ...[...text.split("-"), ...text.split("-")].slice(0, 2).map(Number));
  }
}
