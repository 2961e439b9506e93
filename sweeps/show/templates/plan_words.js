// Why, what next and when to stop, in the sentences of the command line.

const threes = (gain) => ({
  gain: fixed(gain.mean, 3), low: fixed(gain.low, 3), high: fixed(gain.high, 3), probability: fixed(gain.probability, 2),
});

function whyWords({ plan, cost }, kinds, buy, verdict) {
  const { name, gain, gains_enough: chance } = plan.candidates;
  const disputed = kinds.find((i) => chance[i] >= DATA.enough) ?? null;
  const shown = buy ?? disputed ?? kinds[0];
  const gains = said("gains", {
    gain: fixed(gain[shown], 3), metric: plan.metric, free: plan.free.recipe, enough: plan.enough,
    chance: fixed(chance[shown], 2), rule: said("rule", { enough: general(DATA.enough, 6) }),
  });
  const money = between(dollars(cost.usdLow[shown]), dollars(cost.usdHigh[shown]));
  const bought = shown === kinds[0] ? "worth" : "worth_passed";
  const which = { buy: bought, "don't buy": "not_worth", "not known yet": disputed === null ? "unsure" : "disputed" }[verdict];
  const why = said(which, { plan: name[shown], money, gains, first: name[kinds[0]] });
  return [why, ...plan.free_lacking].join("; ");
}

// Which other readings say another thing than the verdict.
function firmnessWords(verdict, readings) {
  const n = readings.length, others = readings.filter((one) => one.verdict !== verdict);
  if (!n) return "";
  if (!others.length) return said("firm", { n });
  const words = others.map((one) => `${one.name} (${one.verdict}, ${fixed(one.probability, 2)})`);
  return said("not_firm", { n, same: n - others.length, others: words.join(", ") });
}

// How many seeds would tell whether the likeliest plan gains what matters.
function settleWords({ plan, cost }, feasible) {
  const { name, gain, seeds_needed: seeds } = plan.candidates;
  const place = likeliest(plan, cost, feasible);
  const words = { plan: name[place], gain: fixed(gain[place], 3) };
  return seeds[place] ? said("settle", { ...words, seeds: seeds[place], now: plan.seeds }) : said("never_settled", words);
}

function secondWords({ plan, drawn, cost }, kinds) {
  if (kinds.length < 2) return said("no_second");
  const [first, other] = kinds;
  const gap = gainOf(drawn, other, first);
  const better = gainOf(drawn, first, other).probability;
  const more = cost.usdHigh[other] - cost.usdHigh[first];
  const dearer = Math.abs(more) < 0.01 ? "costs_the_same" : more > 0 ? "costs_more" : "costs_less";
  return said(gap.low <= 0 && gap.high >= 0 ? "second_tied" : "second", {
    plan: plan.candidates.name[other], gap: fixed(gap.mean, 3), low: fixed(gap.low, 3), high: fixed(gap.high, 3),
    probability: fixed(better, 2), dearer: said(dearer, { money: dollars(Math.abs(more)) }),
  });
}

const worthBuying = ({ plan, feasible }) => feasible.map((ok, i) => ok && Boolean(plan.candidates.worth[i]));

function leastWords(context) {
  const { plan, cost } = context;
  const worth = worthBuying(context);
  if (!worth.includes(true)) return said("no_least");
  const cheapest = Math.min(...places(worth).map((i) => cost.usdHigh[i]));
  const [least] = bestWithin(plan, cost, worth, [cheapest]);
  return said("least", { plan: plan.candidates.name[least], money: dollars(cost.usdHigh[least]) });
}

// The `feasible` candidate likeliest to gain what matters, of equals the cheapest.
function likeliest(plan, cost, feasible) {
  const { gains_enough: chance } = plan.candidates;
  const likelier = (one, other) => chance[one] - chance[other] || cost.usdHigh[other] - cost.usdHigh[one] || other - one;
  return places(feasible).reduce((leader, i) => (likelier(i, leader) > 0 ? i : leader));
}

function likeliestWords({ plan, cost }, feasible) {
  const best = likeliest(plan, cost, feasible), { gains_enough: chance, name } = plan.candidates;
  return said("likeliest", {
    plan: name[best], money: dollars(cost.usdHigh[best]), probability: fixed(chance[best], 2), enough: plan.enough,
  });
}

function dearestWords({ plan, drawn, cost, feasible }, place) {
  const [best] = bestWithin(plan, cost, feasible, [Infinity]);
  if (best === place) return said("no_dearest");
  const money = dollars(cost.usdHigh[best]);
  return said("dearest", { plan: plan.candidates.name[best], money, ...threes(gainOf(drawn, place, best)) });
}

function cheaperWords({ plan, drawn, cost }, kinds, bought) {
  const { expected, worth, name } = plan.candidates;
  const near = kinds.filter((i) => worth[i] && expected[i] - expected[bought] < plan.matters);
  const cheapest = near.reduce((best, i) => (cost.usdHigh[i] < cost.usdHigh[best] ? i : best), near[0] ?? bought);
  const saved = cost.usdHigh[bought] - cost.usdHigh[cheapest];
  if (saved < 0.01) return "";
  const worse = gainOf(drawn, cheapest, bought);
  return said("cheaper", {
    matters: general(plan.matters, 6), saved: dollars(saved), plan: name[cheapest], money: dollars(cost.usdHigh[cheapest]),
    gap: fixed(worse.mean, 3), low: fixed(worse.low, 3), high: fixed(worse.high, 3),
  });
}

// What $100 on top of `usd` buy, beside the candidate `one`.
function nextWords({ plan, drawn, cost, feasible }, usd, one, other = bestWithin(plan, cost, feasible, [usd + STEP])[0]) {
  if (one === other) return said("no_next", { more: dollars(STEP) });
  return said("next", { more: dollars(STEP), plan: plan.candidates.name[other], ...threes(gainOf(drawn, one, other)) });
}

// The least budget beyond which no larger one gains what matters for each $100, of the plans that are worth buying; ""
// where it is up to the dearest of them.
function stopWords(context) {
  const { plan, drawn, cost } = context;
  const worth = worthBuying(context);
  const prices = places(worth).map((i) => cost.usdHigh[i]);
  if (!prices.length) return "";
  const [cheapest, dearest] = [Math.min(...prices), Math.max(...prices)];
  const budgets = [cheapest];
  for (let usd = (Math.floor(cheapest / STEP) + 1) * STEP; usd < dearest + STEP; usd += STEP) budgets.push(usd);
  const best = bestWithin(plan, cost, worth, budgets);
  const further = bestWithin(plan, cost, worth, budgets.map((usd) => usd + STEP));
  const known = new Map();
  const worthIt = (one, other, more) => {
    if (one === other) return false;
    const key = `${one} ${other}`;
    if (!known.has(key)) known.set(key, gainOf(drawn, one, other));
    const { mean, probability } = known.get(key);
    return mean > 0 && mean >= (plan.matters * more) / STEP && probability >= DATA.enough;
  };
  for (const [i, usd] of budgets.entries()) {
    const later = budgets.slice(i + 1).map((budget, j) => [budget - usd, best[i + 1 + j]]);
    if ([[STEP, further[i]], ...later].some(([more, other]) => worthIt(best[i], other, more))) continue;
    const next = nextWords(context, usd, best[i], further[i]);
    return said("stop", { money: dollars(usd), plan: plan.candidates.name[best[i]], next });
  }
  return "";
}

// The plan as a spec, as `sweeps plan --spec` writes it.
function specOf(plan, one) {
  const words = {
    recipe: one.recipe, question: one.kind.question, images: one.images, annotators: one.kind.people, people: one.people,
    money: one.money, metric: plan.metric, predicted: fixed(one.predicted, 3),
    low: fixed(one.interval80[0], 3), high: fixed(one.interval80[1], 3),
  };
  return one.kind.spec.replace(/<(\w+)>/g, (whole, word) => words[word] ?? whole);
}
