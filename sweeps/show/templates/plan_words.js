// Why, what next and when to stop, in the sentences of the command line.

const threes = (gain) => ({
  gain: fixed(gain.mean, 3), low: fixed(gain.low, 3), high: fixed(gain.high, 3), chance: chanceWords(gain.probability),
});

const chanceWords = (chance) => (chance < 0.01 ? "under 1%" : chance > 0.99 ? "over 99%" : `${fixed(100 * chance, 0)}%`);

// Why the verdict is what it is, for who pays: the candidate that it is about, and how sure it is.
function whyWords({ plan, cost }, verdict, place) {
  const { gain: gains, gains_enough: chances, apart: differences } = plan.candidates;
  const gain = gains[place], chance = chances[place], apart = differences[place];
  const disputed = verdict === "not known yet" && chance >= DATA.enough;
  const better = gain > -0.0005; // no loss that rounds to none
  const effect = said(better ? "gains" : "loses", {
    changes: better ? plan.improves : plan.worsens, gain: fixed(Math.abs(gain), 3), free: plan.free.recipe,
    enough: plan.enough, chance: chanceWords(chance),
    lucky: better && Math.round(1000 * apart) > Math.round(1000 * gain) + 1 ? said("lucky", { apart: fixed(apart, 3) }) : "",
  });
  const which = { buy: "buy", "don't buy": "not_worth", "not known yet": disputed ? "disputed" : "unsure" }[verdict];
  const rule = { yes: chanceWords(DATA.enough), no: chanceWords(1 - DATA.enough) };
  const why = said(which, { plan: planWords(plan, cost, place), gains: effect, ...rule });
  return [[why, nearWords(plan, gain, chance, disputed)].filter(Boolean).join(" "), ...plan.holds_for].join("; ");
}

function nearWords(plan, gain, chance, disputed) {
  if (disputed) return "";
  const between = chance > 1 - DATA.enough && chance < DATA.enough;
  if (plan.matters && between && Math.abs(gain - plan.matters) <= plan.matters / 10) {
    return said("coin", { gain: fixed(gain, 3), matters: general(plan.matters, 6) });
  }
  return Math.min(Math.abs(chance - DATA.enough), Math.abs(chance - (1 - DATA.enough))) <= plan.near ? said("near") : "";
}

// A candidate as who pays would say it: money, question, people, images; then its recipe.
function planWords(plan, cost, place) {
  const { kind, items, name } = plan.candidates;
  const { question, people, training } = plan.kinds[kind[place]];
  return said("plan", {
    money: between(dollars(cost.usdLow[place]), dollars(cost.usdHigh[place])), question, images: items[place], training, total: plan.candidates.people[place],
    people: people === 1 ? said("one_person") : said("people", { n: people }), recipe: name[place],
  });
}

// That no candidate keeps the limits, the cheapest, and what is free.
function nothingWords({ plan, cost }) {
  const least = cost.usdHigh.reduce((best, usd, i) => (usd < cost.usdHigh[best] ? i : best), 0);
  return said("nothing", { plan: planWords(plan, cost, least), free: plan.free.recipe });
}

// Which other readings say another thing than the verdict.
function firmnessWords(verdict, readings) {
  const n = readings.length, others = readings.filter((one) => one.verdict !== verdict);
  if (!n) return "";
  if (!others.length) return said("firm", { n });
  const words = others.map((one) => `${one.name} (${one.verdict}, ${fixed(one.probability, 2)})`);
  return said("not_firm", { n, same: n - others.length, others: words.join(", ") });
}

// What the best free recipe is predicted at.
function freeWords({ free }) {
  const [low, high] = free.interval_80.map((end) => fixed(end, 3));
  return said("free", { free: free.recipe, predicted: fixed(free.predicted, 3), low, high });
}

// The verdict with clicks as long as others say they are, and at which price of a click it turns; "" without clicks.
function clickWords(plan, settings, verdict, bought = null) {
  const { now: listed, tried, measured, thesis } = DATA.prices.clicks;
  if (!plan.kinds.some((kind) => kind.seconds.click)) return "";
  const now = settings.moved.click?.[1] ?? listed;
  const costAt = (seconds) => priced(plan, { ...settings, moved: { ...settings.moved, click: [seconds, seconds] } });
  const at = (seconds) => {
    const cost = costAt(seconds);
    const feasible = within(plan, cost, settings);
    if (!feasible.includes(true)) return ["don't buy", "don't buy"];
    const timed = settings.budget_hours !== null || settings.days !== null;
    const timely = timed ? within(plan, cost, { ...settings, budget_usd: null }) : cost.high.map(() => true);
    const found = decide(plan, cost, feasible, timely);
    if (found.verdict !== "buy") return [found.verdict, found.verdict];
    return ["buy", `buy ${plan.candidates.name[found.place]} for ${dollars(cost.usdHigh[found.place])}`];
  };
  const [other, who] = Math.abs(now - measured) > 1e-9 ? [measured, "measured"] : [thesis, "thesis"];
  const [found, words] = at(other);
  let then = "";
  if (bought !== null && found !== "buy" && settings.budget_usd !== null) {
    const money = costAt(other).usdHigh[bought];
    if (money > settings.budget_usd) then = said("then", { money: dollars(money) });
  }
  const click = said("click", { seconds: general(other, 3), who: said(who), now: general(now, 3), verdict: words, then });
  const turns = turning((seconds) => at(seconds)[0] !== verdict, now, tried);
  if (turns === null) {
    const stays = said("click_stays", { click, least: general(tried[0], 6), most: general(tried.at(-1), 6) });
    return verdict === "buy" ? said("other_plan", { stays }) : stays;
  }
  return said("click_turns", { click, turns: general(turns, 2) });
}

// The price nearest to `now` (as a ratio) at which the verdict is another, to 3%; null within those `tried`.
function turning(other, now, tried) {
  const found = [];
  for (const prices of [tried.filter((p) => p > now), tried.filter((p) => p < now).reverse()]) {
    let before = now;
    for (const price of prices) {
      if (other(price)) {
        let [inside, outside] = [before, price];
        while (Math.max(inside, outside) / Math.min(inside, outside) > 1.03) {
          const middle = Math.sqrt(inside * outside);
          if (other(middle)) outside = middle;
          else inside = middle;
        }
        found.push(outside);
        break;
      }
      before = price;
    }
  }
  const far = (price) => Math.abs(Math.log(price / now));
  return found.length ? found.reduce((best, price) => (far(price) < far(best) ? price : best)) : null;
}

// How many seeds would tell whether the candidate gains what matters.
function settleWords(plan, place) {
  const seeds = plan.candidates.seeds_needed[place];
  return seeds ? said("settle", { seeds, now: plan.seeds }) : said("never_settled");
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
    chance: chanceWords(better), dearer: said(dearer, { money: dollars(Math.abs(more)) }),
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

// The `feasible` candidate likeliest, to the percent, to gain what matters; of equals the one that gains the most.
function likeliest(plan, cost, feasible) {
  const { gains_enough: chances, gain } = plan.candidates;
  const percent = chances.map((chance) => Math.floor(100 * chance + 0.5));
  const likelier = (one, other) =>
    percent[one] - percent[other] || gain[one] - gain[other] || cost.usdHigh[other] - cost.usdHigh[one] || other - one;
  return places(feasible).reduce((leader, i) => (likelier(i, leader) > 0 ? i : leader));
}

function dearestWords({ plan, drawn, cost, feasible }, place) {
  const [best] = bestWithin(plan, cost, feasible, [Infinity]);
  if (best === place) return said("no_dearest");
  const money = dollars(cost.usdHigh[best]);
  return said("dearest", { plan: plan.candidates.name[best], money, ...threes(gainOf(drawn, place, best)) });
}

// What the best of `kinds` adds to the cheaper plan that is bought.
function dearerWords({ plan, drawn, cost }, kinds, bought) {
  const [best] = kinds;
  if (best === bought || cost.usdHigh[best] <= cost.usdHigh[bought]) return "";
  const { gain, low, high } = threes(gainOf(drawn, bought, best));
  return said("dearer", { plan: plan.candidates.name[best], money: dollars(cost.usdHigh[best]), gain, low, high });
}

// What $100 on top of `usd` buy, beside the candidate `one`.
function nextWords({ plan, drawn, cost, feasible }, usd, one, other = bestWithin(plan, cost, feasible, [usd + STEP])[0]) {
  if (one === other) return said("no_next", { more: dollars(STEP) });
  return said("next", { more: dollars(STEP), plan: plan.candidates.name[other], ...threes(gainOf(drawn, one, other)) });
}

// The plan to buy where there is money for all; "" without one, and where nothing dearer is known.
function stopWords({ plan, cost, feasible }, stop) {
  if (stop === null || !places(feasible).some((i) => cost.usdHigh[i] > cost.usdHigh[stop] + CENT)) return "";
  return said("stop", { money: dollars(cost.usdHigh[stop]), plan: plan.candidates.name[stop] });
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
