// The frontier of the measured cells with its bands (sweeps/frontier/bands.py), and what weights on several metrics decide.

// Seconds of each cell at the lowest prices, at their middle and at the highest.
function cellCosts(moved) {
  const ends = DATA.cells.map((cell) => secondsOf(cell.seconds, moved).map(rounded));
  return [ends.map(([low]) => low), ends.map(([low, high]) => (low === high ? low : rounded((low + high) / 2))), ends.map(([, high]) => high)];
}

// The frontier of `frontier` (one metric) among the cells that asked `question` alone and the free ones; all where null.
function bandsOf(frontier, drawn, question, moved) {
  const shown = [...frontier.cells.keys()].filter((i) => {
    const cell = DATA.cells[frontier.cells[i]];
    return question === null || cell.free || (cell.asked.length === 1 && cell.asked[0] === question);
  });
  const columns = shown.map((i) => drawn.column(i));
  const costs = cellCosts(moved).map((each) => shown.map((i) => each[frontier.cells[i]]));
  const probability = costs.map((cost) => onFrontier(columns, cost, drawn.draws));
  const loss = shown.map((i) => frontier.sign * frontier.value[i]);
  const order = byCost(costs[1], loss);
  const whole = (end, without) => (end === null ? without : (end - drawn.offset) / drawn.step);
  const held = { ...frontier, ends: [whole(frontier.ends[0], -Infinity), whole(frontier.ends[1], Infinity)] };
  const unit = (whole) => frontier.sign * (drawn.offset + drawn.step * whole);
  return {
    cells: shown.map((i, k) => ({
      ...DATA.cells[frontier.cells[i]],
      value: frontier.value[i], interval: frontier.interval[i], mean: frontier.mean[i], trials: frontier.trials[i],
      cost: costs[1][k], costLow: costs[0][k], costHigh: costs[2][k],
      probability: probability[1][k],
      probabilities: [Math.min(...probability.map((each) => each[k])), Math.max(...probability.map((each) => each[k]))],
    })),
    band: bestAtEachCost(columns, costs[1], shown.map((i) => frontier.worse[i] / drawn.step), held, drawn.draws, unit),
    line: lineOf(columns, order, costs[1], loss, frontier.shares, drawn),
  };
}

const byCost = (cost, loss) => [...cost.keys()].sort((a, b) => cost[a] - cost[b] || loss[a] - loss[b] || a - b);

// How often no other cell beats each one on value and cost.
function onFrontier(columns, cost, draws) {
  const order = byCost(cost, cost.map(() => 0));
  const times = cost.map(() => 0);
  for (let d = 0; d < draws; d++) {
    let cheaper = Infinity;
    for (let start = 0, end = 0; start < order.length; start = end) {
      let least = Infinity;
      for (; end < order.length && cost[order[end]] === cost[order[start]]; end++) least = Math.min(least, columns[order[end]][d]);
      if (least >= cheaper) continue;
      for (let k = start; k < end; k++) times[order[k]] += columns[order[k]][d] === least;
      cheaper = least;
    }
  }
  return times.map((count) => count / draws);
}

// The best value at each cost that a cell has: its pointwise and its simultaneous band. Above both end where the best
// single cell does, allowing for how much `worse` each may be.
function bestAtEachCost(columns, cost, worse, { shares: [lowest, highest], ends }, draws, unit) {
  const order = byCost(cost, cost.map(() => 0));
  const best = new Int32Array(draws).fill(2147483647);
  const steps = [];
  let ceiling = Infinity;
  for (const [k, place] of order.entries()) {
    for (let d = 0; d < draws; d++) best[d] = Math.min(best[d], columns[place][d]);
    ceiling = Math.min(ceiling, quantile(columns[place].slice().sort(), highest) + worse[place]);
    if (k + 1 < order.length && cost[order[k + 1]] === cost[place]) continue;
    const sorted = best.slice().sort();
    const [low, middle, high] = [lowest, 0.5, highest].map((share) => quantile(sorted, share));
    steps.push({ cost: cost[place], low, middle, high, ceiling, best: best.slice() });
  }
  const furthest = new Float64Array(draws);
  for (const { low, middle, high, best: values } of steps) {
    const up = Math.max(high - middle, 1e-300), down = Math.max(middle - low, 1e-300);
    for (let d = 0; d < draws; d++) {
      const gap = values[d] - middle;
      furthest[d] = Math.max(furthest[d], gap >= 0 ? gap / up : -gap / down);
    }
  }
  const stretch = Math.max(1, quantile(furthest.sort(), highest - lowest));
  const held = (whole) => Math.min(ends[1], Math.max(ends[0], whole));
  return steps.map(({ cost: at, low, middle, ceiling: high }) => ({
    cost: at, best: unit(middle), low: unit(low), high: unit(held(high)),
    allLow: unit(held(middle + stretch * (low - middle))), allHigh: unit(held(middle + stretch * (held(high) - middle))),
  }));
}

// The frontier of the best guesses, cheapest first: each point's place, and whether it ties with the one before it.
function lineOf(columns, order, cost, loss, shares, drawn) {
  const line = [];
  let best = Infinity;
  for (let start = 0, end = 0; start < order.length; start = end) {
    const least = loss[order[start]]; // the order is by loss where costs are equal
    for (; end < order.length && cost[order[end]] === cost[order[start]]; end++) {
      if (loss[order[end]] === least && least < best) line.push({ place: order[end] });
    }
    best = Math.min(best, least);
  }
  for (let k = 1; k < line.length; k++) {
    const from = columns[line[k - 1].place], to = columns[line[k].place];
    const gap = from.map((value, d) => value - to[d]);
    let sum = 0;
    for (const each of gap) sum += each;
    gap.sort();
    const [low, high] = shares.map((share) => quantile(gap, share) * drawn.step);
    Object.assign(line[k], { gain: (sum / gap.length) * drawn.step, low, high, tie: low <= 0 && high >= 0 });
  }
  return line;
}

// Who wins under `weights` (one a metric) among the cells that `budget` dollars buy, and at which weights another would
// (tests/sweeps/show/several_metrics.py): scores are straight lines in a weight, so that the edges are exact. Null where nothing is bought.
function weigh(weights, budget, settings) {
  const { metrics, cells } = DATA.weights;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rate = usdPerSecond(settings), cost = cellCosts(settings.moved)[1];
  const there = cells.filter((cell) => cost[cell.cell] * rate <= budget + CENT);
  if (!there.length || !(total > 0)) return null;
  const share = weights.map((weight) => weight / total);
  const score = (cell, shares) => metrics.reduce((sum, metric, k) => sum + (shares[k] * metric.sign * cell.values[k]) / metric.unit, 0);
  const scores = there.map((cell) => score(cell, share));
  const winner = there[scores.indexOf(Math.min(...scores))];
  const swaps = metrics.map((metric, k) => {
    const rest = total - weights[k];
    const others = share.map((_, j) => (j === k ? 0 : rest > 0 ? weights[j] / rest : 1 / Math.max(metrics.length - 1, 1)));
    const start = there.map((cell) => score(cell, others));
    const slope = there.map((cell, i) => (metric.sign * cell.values[k]) / metric.unit - start[i]);
    return { metric, share: share[k], ...lowestLines(start, slope, there) };
  });
  return { winner, cost: cost[winner.cell] * rate, swaps };
}

// What `advise` says by these weights, of which each is `shares` of all, where they are those of a metric that has plans;
// else null: other weights take a fit, as metrics of one trial share its seed and its people.
function adviseByWeights(weights, drawn, settings) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const alike = (shares) => shares.every((share, k) => Math.abs(share - weights[k] / total) < 0.005);
  const found = DATA.metrics.find(({ metric, plan }) => plan && alike(DATA.weights.judged[metric]));
  return found ? advise(found.plan, drawn[found.metric].plans, settings) : null;
}

// The lower envelope on 0..1 of lines start + slope x: its edges, and whose line is lowest between each two.
function lowestLines(start, slope, there) {
  const first = (values) => [...start.keys()].reduce((a, b) => (values[b] < values[a] || (values[b] === values[a] && slope[b] < slope[a]) ? b : a));
  const edges = [0], winners = [];
  let x = 0, current = first(start);
  for (;;) {
    winners.push(there[current]);
    const meets = (i) => Math.max((start[i] - start[current]) / (slope[current] - slope[i]), x);
    const crossing = slope.map((each, i) => (each < slope[current] ? meets(i) : Infinity));
    const following = first(crossing);
    if (!(crossing[following] < 1)) return { edges: [...edges, 1], winners };
    x = crossing[following];
    current = following;
    edges.push(x);
  }
}
