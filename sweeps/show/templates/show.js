// What the page shows: after every change all of it is made anew from the settings.

let drawn = {}; // draws by metric: {plans, cells}
let pictured = { key: "", found: null }; // the frontier that is drawn, and what it was made of

const metricNow = () => DATA.metrics.find(({ metric }) => metric === settings.metric);
const capital = (words) => words.slice(0, 1).toUpperCase() + words.slice(1);
const fill = (id, ...children) => at(id).replaceChildren(...children.filter((child) => child !== null));
const items = (lines) => lines.map((line) => element("li", {}, capital(line)));

function update() {
  const metric = metricNow();
  let advice = null, refused = "";
  try {
    advice = advise(metric.plan, drawn[metric.metric].plans, settings);
  } catch (sentence) {
    if (typeof sentence !== "string") throw sentence;
    refused = sentence;
  }
  refreshControls();
  showVerdict(metric, advice, refused);
  showPlans(advice);
  showSpec(advice, metric.plan);
  showFrontier(metric, advice);
  showWeights();
  showNotes(metric, advice);
  writeAddress();
}

function showVerdict({ words, direction }, advice, refused) {
  at("metric-words").textContent = `${words}; ${direction}.`;
  const box = at("verdict");
  box.className = refused ? "short refused" : `short ${advice.buy ? "buy" : "leave"}`;
  if (refused) return fill("verdict", element("p", {}, capital(refused)));
  fill(
    "verdict",
    element("p", { class: "big" }, capital(advice.verdict)),
    element("p", { id: "why" }, capital(advice.why)),
  );
}

const HEADINGS = ["Plan, and what to ask", "Images", "M", "People", "Time", "Money", "Days", "Predicted", "Best", "Worth it"];

function tableOf(id, headings, rows, numbers) {
  const cell = (tag, content, k, attributes = {}) => element(tag, { class: numbers.includes(k) ? "number" : null, ...attributes }, ...[content].flat());
  fill(
    id,
    element("thead", {}, element("tr", {}, ...headings.map((heading, k) => cell("th", heading, k, { scope: "col" })))),
    element("tbody", {}, ...rows.map(({ texts, kind }) => element("tr", { class: kind || null }, ...texts.map((text, k) => cell("td", text, k))))),
  );
}

const ends = ([low, high]) => `[${fixed(low, 3)}, ${fixed(high, 3)}]`;

function showPlans(advice) {
  const rows = (advice?.plans ?? []).map((one) => ({
    kind: one === advice.buy ? "bought" : "",
    texts: [
      [
        `${one === advice.buy ? "★ " : ""}${one.rank + 1}. ${one.recipe}`, element("br"),
        element("small", {}, `${one.kind.question}${one.beyond ? " (beyond what was measured)" : ""}`),
      ],
      `${one.images}`, `${one.kind.people}`, `${one.people}`, one.time, one.money, general(one.days, 2),
      [`${fixed(one.predicted, 3)} ${ends(one.interval80)}`, element("br"), element("small", {}, ends(one.interval95))],
      fixed(one.best, 2), chanceWords(one.gainsEnough),
    ],
  }));
  tableOf("plans", HEADINGS, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  fill("lines", ...items(advice?.lines ?? []));
}

// The spec of the plan to buy; where nothing is to be bought there is none, as on the command line.
function showSpec(advice, plan) {
  const select = at("which");
  const chosen = select.value;
  const plans = advice?.buy ? advice.plans.filter(({ place }) => plan.candidates.worth[place]) : [];
  select.replaceChildren(...plans.map((one) => element("option", { value: one.recipe }, `${one.rank + 1}. ${one.recipe}`)));
  const one = plans.find(({ recipe }) => recipe === chosen) ?? advice?.buy;
  at("spec-section").hidden = !plans.length;
  at("copied").textContent = "";
  at("spec").value = plans.length ? specOf(plan, one) : "";
  if (plans.length) select.value = one.recipe;
  at("command").textContent = commandNow();
}

// The command that prints this plan, and the price list that it takes where prices were moved.
function commandNow(asked = metricNow().asked, ...more) {
  const quoted = (word) => (/^[\w./:@=-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
  const options = [["metric", asked], ...NUMBERS.map((name) => [name, settings[name]])].filter(([, value]) => value !== null);
  const moved = Object.entries(settings.moved);
  const words = ["sweeps plan", ...DATA.sweeps.map(quoted), ...DATA.options.map(quoted)];
  const text = (value) => (typeof value === "number" ? String(Number(value.toPrecision(12))) : value);
  for (const [name, value] of options) words.push(`--${name.replaceAll("_", "-")} ${quoted(text(value))}`);
  const prices = [...(moved.length ? ["--cost", "moved.yaml"] : DATA.cost), ...(settings.moved[CLICK] ? [] : DATA.overhead)];
  const command = [...words, ...prices.map(quoted), ...more].join(" ");
  if (!moved.length) return command;
  const own = DATA.prices.questions.map((one) => [one.question, priceOf(one)]);
  const list = ["name: moved on the page", ...(DATA.prices.like ? [`like: ${DATA.prices.like}`] : []), "seconds:"];
  for (const [question, [low, high]] of DATA.prices.like ? moved : own) {
    for (const variety of DATA.prices.varieties[question]) list.push(`  ${variety}: ${low === high ? low : `[${low}, ${high}]`}`);
  }
  if (settings.moved[CLICK] && DATA.prices.like) list.push("click_overhead: 0");
  return `${command}\n\n# moved.yaml\n${list.join("\n")}\n`;
}

async function copySpec() {
  const box = at("spec");
  box.focus();
  box.select();
  try {
    await navigator.clipboard.writeText(box.value);
    at("copied").textContent = "Copied.";
  } catch {
    const done = document.execCommand("copy"); // frames that refuse the clipboard may still allow this
    at("copied").textContent = done ? "Copied." : "This frame refuses the clipboard; the text is selected: press Ctrl+C (⌘C).";
  }
}

function showFrontier(metric, advice) {
  const key = JSON.stringify([settings.metric, settings.compare, settings.moved]);
  if (pictured.key !== key) pictured = { key, found: bandsOf(metric.frontier, drawn[metric.metric].cells, settings.compare, settings.moved) };
  const { found } = pictured;
  draw(found, metric, advice);
  at("assumes").textContent = assumes(found);
  const pointing = "Point at a mark to see what it is; drag to zoom, click twice to go back.";
  at("covers").textContent = `Intervals and bands (${DATA.level}) are ${metric.frontier.covers}. ${pointing}`;
  const ties = found.line.filter(({ tie }) => tie).map(({ place, gain, low, high }) => {
    const before = found.cells[found.line[found.line.findIndex((point) => point.place === place) - 1].place];
    return `A tie: ${found.cells[place].recipe} is ${fixed(gain, 3)} ${ends([low, high])} better than ${before.recipe}.`;
  });
  fill("ties", ...items(ties));
  at("outside").textContent = outsideWords(found, metric);
  showLegend(found);
  showCells(found, metric);
}

// What a frontier of several questions takes for granted.
function assumes({ cells }) {
  const asked = [...new Set(cells.flatMap((cell) => cell.asked))];
  const about = DATA.prices.questions.filter(({ question }) => asked.includes(question));
  const words = about.filter((one) => about.length > 1 || priceOf(one)[0] !== priceOf(one)[1]).map((one) => {
    const [low, high] = priceOf(one);
    const price = low === high ? `${general(high, 3)} s` : `${general(low, 3)} to ${general(high, 3)} s (drawn at the middle)`;
    const own = one.recorded && !settings.moved[one.question] ? ", as recorded with each" : "";
    return `${one.title}: ${price}${own}`;
  });
  if (!words.length) return "One question alone: its order of costs is the same at any price.";
  const lead = about.length > 1 ? "Costs of different questions are compared here, which assumes seconds an answer: " : "Seconds an answer: ";
  return `${lead}${words.join("; ")}.`;
}

function showLegend({ cells }) {
  const mark = (ink, sign, words) => element("span", {}, element("span", { class: "mark", style: `color:${ink}` }, sign), words);
  const varieties = Object.keys(DATA.looks).filter((name) => cells.some(({ variety }) => variety === name));
  const bar = (kind, words) => element("span", {}, element("span", { class: kind }), words);
  fill(
    "legend",
    ...varieties.map((name) => mark(DATA.looks[name].colour, DATA.looks[name].text, DATA.looks[name].title)),
    mark(GREY, "●", "hardly ever on the frontier"),
    bar("line", "frontier"), bar("line dotted", "a tie"), bar("shade", "best at each cost"), bar("shade all", "at all costs at once"),
    mark(RED, "★", "the plan to buy, or the first"),
  );
}

function showCells({ cells }, metric) {
  const rate = usdPerSecond(settings);
  const order = cells.slice().sort((a, b) => a.cost - b.cost || a.recipe.localeCompare(b.recipe));
  const rows = order.map((cell) => ({
    kind: cell.probability >= LIKELY ? "" : "beaten",
    texts: [
      cell.recipe, cell.question, cell.free ? "free" : between(hours(cell.costLow), hours(cell.costHigh)),
      between(dollars(cell.costLow * rate), dollars(cell.costHigh * rate)),
      [fixed(cell.value, 3), element("br"), element("small", {}, ends(cell.interval))], fixed(cell.mean, 3), `${cell.trials}`, chance(cell),
    ],
  }));
  const headings = ["Recipe", "What people are asked", "People's time", "Money", metric.title, "Mean as seen", "n", "On the frontier"];
  tableOf("cells", headings, rows, [2, 3, 4, 5, 6, 7]);
  fill("excluded", ...items(metric.frontier.excluded));
}

// The table of weights is made once, so that a slider that is held stays where it is.
function makeWeights() {
  at("weights-section").hidden = !DATA.weights;
  if (!DATA.weights) return;
  const rows = DATA.weights.metrics.map((metric, k) => {
    const slide = (event) => { settings.weights[k] = Number(event.target.value); update(); };
    const label = `Weight of ${metric.title}, ${metric.test_set}`;
    metric.slider = element("input", { type: "range", id: `weight-${k}`, min: 0, max: 100, step: 1, "aria-label": label, oninput: slide });
    metric.share = element("span");
    metric.swap = element("span");
    const unit = `${general(metric.unit, 2)} ${metric.sign > 0 ? "lower" : "higher"}`;
    const name = [metric.title, element("br"), element("small", {}, metric.test_set)];
    return { texts: [name, unit, metric.slider, metric.share, metric.swap] };
  });
  tableOf("weights", ["Metric", "A unit", "Weight", "Of all", "Another wins"], rows, [1, 3]);
  at("left-out").textContent = DATA.weights.left_out;
}

function showWeights() {
  if (!DATA.weights) return;
  const found = weigh(settings.weights, settings.budget_usd ?? Infinity, settings);
  const within = settings.budget_usd === null ? "whatever it costs" : `within ${dollars(settings.budget_usd)}`;
  const words = found
    ? `Best mean by these weights ${within}: ${found.winner.recipe}, ${found.cost ? dollars(found.cost) : "free"}. Means decide nothing.`
    : "No best: give a metric some weight, and a budget that buys something.";
  fill("winner", ...weightsVerdict(), element("p", { id: "best-mean" }, words));
  DATA.weights.metrics.forEach((metric, k) => {
    if (document.activeElement !== metric.slider) metric.slider.value = settings.weights[k];
    metric.share.textContent = found ? `${fixed(100 * found.swaps[k].share, 0)}%` : "–";
    metric.swap.textContent = found ? swapWords(found.swaps[k]) : "–";
  });
}

// Whether to buy by these weights: the verdict, or the command that has it.
function weightsVerdict() {
  const { weights } = settings;
  if (!weights.some((weight) => weight > 0)) return [];
  try {
    const advice = adviseByWeights(weights, drawn, settings);
    if (advice) return [element("p", { id: "weights-verdict" }, `By these weights: ${advice.verdict}: ${advice.why}`)];
  } catch (sentence) {
    if (typeof sentence !== "string") throw sentence;
    return [element("p", {}, capital(sentence))];
  }
  const asked = DATA.weights.metrics.map(({ metric }, k) => weights[k] > 0 && `${metric}=${weights[k]}`).filter(Boolean);
  const why = "Whether to buy by these weights takes a fit, which this page can't make. This makes it, and a page that has it:";
  return [element("p", {}, why), element("pre", { id: "weights-command" }, commandNow(asked.join(","), "--page plan.html"))];
}

function swapWords({ edges, winners, share }) {
  const here = winners.findIndex((_, k) => share <= edges[k + 1]);
  const below = here > 0 ? [`below ${fixed(100 * edges[here], 0)}%: ${winners[here - 1].recipe}`] : [];
  const above = here + 1 < winners.length ? [`above ${fixed(100 * edges[here + 1], 0)}%: ${winners[here + 1].recipe}`] : [];
  return [...below, ...above].join("; ") || "at no weight";
}

function showNotes({ plan, frontier }, advice) {
  const beyond = advice?.plans.filter((one) => one.beyond).length ?? 0;
  const words = { some: beyond, all: advice?.plans.length, checked: plan.checked, model: plan.chosen };
  const far = beyond ? [said("beyond", words)] : [];
  const other = "prices were moved on this page: what the price list assumes of them does not hold.";
  const moved = Object.keys(settings.moved).length ? [other] : [];
  const measured = frontier.notes.map((note) => `${note}.`);
  fill("notes", ...items([...plan.model, plan.covers, DATA.prices.assumes, ...moved, ...plan.notes, ...far, ...measured, ...DATA.notes]));
}

async function start() {
  if (typeof DecompressionStream === "undefined") throw new Error("this page needs a browser of 2023 or newer");
  for (const { metric, plan, frontier } of DATA.metrics) {
    if (plan) drawn[metric] = { plans: await unpack(plan.draws), cells: await unpack(frontier.draws) };
  }
  makeControls();
  makeWeights();
  readAddress();
  at("copy").addEventListener("click", copySpec);
  at("which").addEventListener("input", update);
  addEventListener("hashchange", () => { settings = atStart(); readAddress(); update(); });
  update();
}

const ready = start().catch((error) => {
  fill("verdict", element("p", { class: "refused" }, `This page could not be made: ${error.message}`));
  throw error;
});
