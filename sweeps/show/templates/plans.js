// The plans for a budget: prices, limits and ranks as sweeps/planning has them (candidates, rank, advise).

const STEP = 100; // dollars
const CENT = 0.005;

// A question's price as the list has it, or as somebody moved it: {question: [low, high]} in `moved`.
function secondsOf(bought, moved) {
  let low = 0, high = 0;
  for (const [question, [answers, least, most]] of Object.entries(bought)) {
    const price = moved[question];
    low += price ? answers * price[0] : least;
    high += price ? answers * price[1] : most;
  }
  return [low, high];
}

const rounded = (seconds) => Math.round(seconds * 1e6) / 1e6; // equal sums made in different ways must tie
const usdPerSecond = (settings) => (settings.wage * (1 + settings.fee)) / 3600;

// Seconds, dollars and days of each candidate.
function priced(plan, settings) {
  const { kind, items, people } = plan.candidates;
  const each = plan.kinds.map((one) => secondsOf(one.seconds, settings.moved));
  const rate = usdPerSecond(settings);
  const low = items.map((n, i) => rounded(n * each[kind[i]][0]));
  const high = items.map((n, i) => rounded(n * each[kind[i]][1]));
  const atOnce = people.map((needed) => Math.min(needed, settings.people_at_once));
  return {
    low, high,
    usdLow: low.map((seconds) => seconds * rate),
    usdHigh: high.map((seconds) => seconds * rate),
    days: high.map((seconds, i) => seconds / 3600 / (atOnce[i] * settings.hours_per_day)),
  };
}

// The candidates that keep all limits at their highest prices.
function within(plan, cost, limits) {
  const { budget_usd: usd, budget_hours: time, days } = limits;
  return cost.high.map((seconds, i) =>
    (usd === null || cost.usdHigh[i] <= usd + CENT) &&
    (time === null || seconds / 3600 <= time + 1e-9) &&
    (days === null || cost.days[i] <= days + 1e-9));
}

const places = (feasible) => [...feasible.keys()].filter((i) => feasible[i]);

// The best of each question, M and way of training, best first; of equals the smallest.
function bestOfEachKind(plan, feasible) {
  const { expected, items, kind } = plan.candidates;
  const order = places(feasible).sort((a, b) => expected[a] - expected[b] || items[a] - items[b] || a - b);
  const seen = new Set();
  return order.filter((i) => !seen.has(kind[i]) && seen.add(kind[i]));
}

// The best candidate that each budget in dollars buys, -1 where it buys none.
function bestWithin(plan, cost, feasible, budgets) {
  const { expected } = plan.candidates;
  const order = places(feasible).sort((a, b) => cost.usdHigh[a] - cost.usdHigh[b] || expected[a] - expected[b] || a - b);
  return budgets.map((budget) => {
    let leader = -1;
    for (const place of order) {
      if (cost.usdHigh[place] > budget + CENT) break;
      if (leader < 0 || expected[place] < expected[leader]) leader = place;
    }
    return leader;
  });
}

// How often each of `kinds` is the best of them.
function shares(drawn, kinds) {
  const columns = kinds.map((place) => drawn.column(place));
  const wins = kinds.map(() => 0);
  for (let d = 0; d < drawn.draws; d++) {
    let best = 0;
    for (let k = 1; k < columns.length; k++) if (columns[k][d] < columns[best][d]) best = k;
    wins[best] += 1;
  }
  return wins.map((count) => count / drawn.draws);
}

// All that `sweeps plan` says for these settings; throws a sentence where it refuses.
function advise(plan, drawn, settings) {
  checkSettings(settings);
  const cost = priced(plan, settings);
  const feasible = within(plan, cost, settings);
  const timed = settings.budget_hours !== null || settings.days !== null;
  const timely = timed ? within(plan, cost, { ...settings, budget_usd: null }) : cost.high.map(() => true);
  const context = { plan, drawn, cost, feasible: timely };
  if (!feasible.includes(true)) {
    const why = [nothingWords(context), ...plan.holds_for].join("; ");
    const lines = [freeWords(plan), clickWords(plan, settings, "don't buy"), leastWords(context)].filter(Boolean);
    return { verdict: "don't buy", why, plans: [], buy: null, readings: [], lines, cost };
  }
  const kinds = bestOfEachKind(plan, feasible);
  const wins = shares(drawn, kinds);
  const { verdict, place, stop, readings } = decide(plan, cost, feasible, timely);
  const buys = verdict === "buy";
  const ranks = [...kinds.keys()].filter((rank) => rank < Math.max(settings.top, 1) || (buys && kinds[rank] === place));
  const plans = ranks.map((rank) => planAt(plan, cost, kinds[rank], rank, wins[rank]));
  const bought = buys ? plans.find((one) => one.place === place) : null;
  const lines = [
    freeWords(plan),
    firmnessWords(verdict, readings),
    verdict === "not known yet" ? settleWords(plan, place) : "",
    clickWords(plan, settings, verdict, buys ? place : null),
    buys ? dearerWords(context, kinds, place) : "",
    buys ? stopWords(context, stop) : "",
    buys ? "" : leastWords(context),
    secondWords(context, kinds),
    buys ? nextWords(context, cost.usdHigh[place], place) : "",
    buys ? dearestWords(context, kinds[0]) : "",
  ].filter(Boolean);
  return { verdict, why: whyWords(context, verdict, place), plans, buy: bought, readings, lines, cost };
}

// The verdict, the plan that it is about, and the one to buy where there is money for all: planning/verdict.py.
function decide(plan, cost, feasible, timely) {
  const stop = asGood(plan, cost, timely);
  const buy = stop !== null && feasible[stop] ? stop : asGood(plan, cost, feasible);
  const readings = readingsOf(plan, feasible);
  const no = readings.every((one) => one.verdict !== "buy") && verdictBy(plan.candidates.gains_enough, feasible)[0] === "don't buy";
  const verdict = buy !== null ? "buy" : no ? "don't buy" : "not known yet";
  return { verdict, place: buy ?? likeliest(plan, cost, feasible), stop, readings };
}

// The cheapest worth buying that is worse than the best such one by less than what matters; null without one.
function asGood(plan, cost, among) {
  const { expected, worth } = plan.candidates;
  const found = bestOfEachKind(plan, among).filter((i) => worth[i]);
  if (!found.length) return null;
  const near = found.filter((i) => i === found[0] || expected[i] - expected[found[0]] < plan.matters);
  const cheaper = (a, b) => cost.usdHigh[a] - cost.usdHigh[b] || expected[a] - expected[b] || a - b;
  return near.reduce((best, i) => (cheaper(i, best) < 0 ? i : best));
}

// The verdict on plans that gain what matters with these probabilities, by one reading, and the largest of them.
function verdictBy(chance, feasible) {
  const most = Math.max(...places(feasible).map((i) => chance[i]));
  return [most >= DATA.enough ? "buy" : most <= 1 - DATA.enough ? "don't buy" : "not known yet", most];
}

// What the verdict would be without each seed, without each panel and under other priors.
function readingsOf(plan, feasible) {
  return Object.entries(plan.readings).map(([name, chance]) => {
    const [verdict, probability] = verdictBy(chance, feasible);
    return { name, verdict, probability };
  });
}

function checkSettings(settings) {
  for (const name of ["budget_usd", "budget_hours", "days", "people_at_once", "hours_per_day"]) {
    const number = settings[name];
    const budget = name.startsWith("budget");
    if (number === null || (Number.isFinite(number) && (number > 0 || (budget && number === 0)))) continue;
    throw said(budget ? "negative" : "not_positive", { limit: name, number });
  }
  if (settings.budget_usd === null && settings.budget_hours === null && settings.days === null) throw said("no_budget");
  if (settings.wage < DATA.prices.wage_floor) throw said("low_wage", { wage: general(settings.wage, 6) });
}

function planAt(plan, cost, place, rank, best) {
  const kind = plan.kinds[plan.candidates.kind[place]];
  const of = (name) => plan.candidates[name][place];
  return {
    place, rank, kind, best,
    recipe: of("name"), images: of("items"), people: of("people"), beyond: of("beyond"),
    predicted: plan.sign * of("expected"), gain: of("gain"), gainsEnough: of("gains_enough"),
    interval80: of("interval_80"), interval95: of("interval_95"),
    seconds: [cost.low[place], cost.high[place]], days: cost.days[place],
    money: between(dollars(cost.usdLow[place]), dollars(cost.usdHigh[place])),
    time: between(hours(cost.low[place]), hours(cost.high[place])),
  };
}
