// The picture: cost against the metric, with bands, ties and the plan, on an axis of cost that shows zero.

const GREY = "#b4b4b4";
const RED = "#b00020"; // of the budget and its plan
const LIKELY = DATA.likely; // probability of being on the frontier below which marks are grey
const markup = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"); // Plotly reads some HTML

// The axis of sweeps/show/drawing.py: positions are log10 of seconds, with a strip for what is free.
function costAxis(seconds) {
  const paid = seconds.filter((each) => each > 0).map(Math.log10);
  const someFree = seconds.some((each) => each <= 0);
  if (!paid.length) return { at: () => 0, low: -1, high: 1, edge: null, ticks: [[0, 0]] };
  const most = Math.max(...paid), least = Math.min(...paid);
  const pad = Math.max(0.06 * (most - least), 0.08);
  const low = least - pad, high = most + pad;
  const strip = someFree ? 0.2 * (high - low) : 0;
  const zero = low - strip / 2;
  const choices = DATA.ticks.map((times) => times.filter((time) => time >= 10 ** low && time <= 10 ** high));
  const round = choices.find((times) => times.length >= 3) ?? choices.at(-1);
  const room = (document.documentElement.clientWidth < 700 ? 0.2 : 0.085) * (high - low + strip);
  const ticks = someFree ? [[zero, 0]] : [];
  for (const time of round) if (!ticks.length || Math.log10(time) - ticks.at(-1)[0] > room) ticks.push([Math.log10(time), time]);
  return { at: (each) => (each > 0 ? Math.log10(each) : zero), low: low - strip, high, edge: someFree ? low : null, ticks };
}

function draw(found, metric, advice) {
  const rate = usdPerSecond(settings);
  const budget = settings.budget_usd === null || !(rate > 0) ? null : settings.budget_usd / rate;
  const star = advice?.buy ?? advice?.plans[0];
  const axis = costAxis([...found.cells.map(({ cost }) => cost), ...(star ? [star.seconds[1]] : [])]);
  const data = [...bandTraces(found, axis), ...lineTraces(found, axis), ...markTraces(found, axis, metric)];
  if (star) data.push(starTrace(star, axis, metric, advice));
  const shapes = [], annotations = [];
  const upright = { yref: "paper", y0: 0, y1: 1 };
  if (axis.edge !== null) {
    const strip = { layer: "below", fillcolor: "#f0f0f0", line: { width: 0 } };
    shapes.push({ type: "rect", ...upright, ...strip, x0: axis.low, x1: axis.edge });
  }
  if (budget !== null && budget > 0) {
    const x = Math.min(Math.max(Math.log10(budget), axis.edge ?? axis.low), axis.high);
    const past = Math.log10(budget) > axis.high ? " →" : "";
    shapes.push({ type: "line", ...upright, x0: x, x1: x, line: { color: RED, width: 1.5, dash: "dash" } });
    annotations.push({
      x, y: 1, yref: "paper", yanchor: "bottom", xanchor: x > (axis.low + axis.high) / 2 ? "right" : "left",
      showarrow: false, text: `budget ${dollars(settings.budget_usd)}${past}`, font: { color: RED, size: 12 },
    });
  }
  const words = axis.ticks.map(([, time]) => `${time ? hours(time) : "free"}<br>${dollars(time * rate)}`);
  const frame = { zeroline: false, linecolor: "#888888", mirror: true };
  const layout = {
    margin: { l: 64, r: 10, t: 24, b: 74 }, showlegend: false, hovermode: "closest", plot_bgcolor: "white", shapes, annotations,
    hoverlabel: { align: "left", bgcolor: "white", font: { color: "#222222" } },
    xaxis: {
      ...frame, title: { text: "What the labels cost: people's time and money" }, tickangle: 0, showgrid: false,
      tickvals: axis.ticks.map(([x]) => x), ticktext: words, range: [axis.low, axis.high],
    },
    yaxis: { ...frame, range: heights(found, metric, star), title: { text: markup(metric.unit) }, gridcolor: "#e6e6e6" },
  };
  Plotly.react(at("picture"), data, layout, { responsive: true, displayModeBar: false });
}

// Cells so much worse than all others that they would squeeze the picture: beyond three quartile ranges of the losses.
function farOut({ cells }, { frontier: { sign } }) {
  const losses = cells.map(({ value }) => sign * value).sort((a, b) => a - b);
  const [low, high] = [0.25, 0.75].map((share) => quantile(losses, share));
  return cells.filter(({ value, probability }) => probability < LIKELY && sign * value > high + 3 * (high - low));
}

// What the picture shows of the metric, at first; clicking twice shows everything.
function heights(found, metric, star) {
  const out = new Set(farOut(found, metric));
  if (!out.size) return undefined;
  const ends = found.cells.filter((cell) => !out.has(cell)).flatMap(({ interval }) => interval);
  for (const { allLow, allHigh } of found.band) ends.push(allLow, allHigh);
  if (star) ends.push(...star.interval80);
  const low = Math.min(...ends), high = Math.max(...ends), pad = 0.06 * (high - low);
  return [low - pad, high + pad];
}

function outsideWords(found, metric) {
  const out = farOut(found, metric);
  if (!out.length) return "";
  const named = out.slice(0, 3).map(({ recipe, value }) => `${recipe} (${fixed(value, 3)})`).join(", ");
  return `${out.length} far worse ${out.length === 1 ? "cell lies" : "cells lie"} outside the picture: ${named}${out.length > 3 ? " and others" : ""}.`;
}

// Both bands as steps, up to the axis's right end.
function bandTraces({ band }, axis) {
  const shade = (low, high, colour) => {
    const x = [], upper = [], lower = [];
    band.forEach((step, k) => {
      const from = axis.at(step.cost), to = k + 1 < band.length ? axis.at(band[k + 1].cost) : axis.high;
      x.push(from, to);
      upper.push(step[high], step[high]);
      lower.push(step[low], step[low]);
    });
    return {
      type: "scatter", mode: "lines", x: [...x, ...x.slice().reverse()], y: [...upper, ...lower.reverse()],
      fill: "toself", fillcolor: colour, line: { width: 0 }, hoverinfo: "skip",
    };
  };
  return [shade("allLow", "allHigh", "rgba(0, 85, 164, 0.09)"), shade("low", "high", "rgba(0, 85, 164, 0.14)")];
}

// The frontier as steps, dotted where the dearer point ties with the cheaper one.
function lineTraces({ line, cells }, axis) {
  const solid = { x: [], y: [] }, dotted = { x: [], y: [] };
  line.forEach((point, k) => {
    const here = cells[point.place], next = line[k + 1];
    const x = axis.at(here.cost), to = next ? axis.at(cells[next.place].cost) : axis.high;
    const path = next?.tie ? dotted : solid;
    path.x.push(x, to, ...(next ? [to] : []), null);
    path.y.push(here.value, here.value, ...(next ? [cells[next.place].value] : []), null);
  });
  const trace = ({ x, y }, dash) => ({ type: "scatter", mode: "lines", x, y, line: { color: "#555555", width: 2, dash }, hoverinfo: "skip" });
  return [trace(solid, "solid"), trace(dotted, "dot")];
}

function markTraces({ cells }, axis, metric) {
  const groups = new Map();
  for (const cell of cells.slice().sort((a, b) => a.probability - b.probability)) {
    const key = `${cell.variety} ${cell.probability >= LIKELY}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()].map((group) => {
    const look = DATA.looks[group[0].variety];
    const ink = group[0].probability >= LIKELY ? look.colour : GREY;
    return {
      type: "scatter", mode: "markers", x: group.map(({ cost }) => axis.at(cost)), y: group.map(({ value }) => value),
      error_y: {
        type: "data", array: group.map(({ value, interval }) => interval[1] - value),
        arrayminus: group.map(({ value, interval }) => value - interval[0]), color: ink, thickness: 1.3, width: 3,
      },
      marker: { color: ink, size: look.size, symbol: look.symbol, line: { color: "white", width: 0.6 } },
      hovertext: group.map((cell) => hoverOf(cell, metric)), hoverinfo: "text",
    };
  });
}

function hoverOf(cell, metric) {
  const rate = usdPerSecond(settings);
  const time = between(hours(cell.costLow), hours(cell.costHigh));
  const money = between(dollars(cell.costLow * rate), dollars(cell.costHigh * rate));
  return [
    `<b>${markup(cell.recipe)}</b>`,
    `People are asked: ${markup(cell.question)}`,
    cell.free ? "Free" : `Costs ${time} of people's time, ${money}`,
    `${markup(metric.title)}: ${fixed(cell.value, 3)}, ${DATA.level} interval ${ends(cell.interval)}`,
    `The mean of n = ${cell.trials} trial${cell.trials === 1 ? "" : "s"} was ${fixed(cell.mean, 3)}`,
    `On the frontier with probability ${chance(cell)}`,
  ].join("<br>");
}

const chance = ({ probability, probabilities: [least, most] }) =>
  fixed(least, 2) === fixed(most, 2) ? fixed(probability, 2) : `${fixed(probability, 2)} (${fixed(least, 2)} to ${fixed(most, 2)} over prices)`;

function starTrace(star, axis, metric, advice) {
  const [low, high] = star.interval80;
  const words = [
    `<b>${advice.buy?.place === star.place ? "The plan" : "The best that it buys"}: ${markup(star.recipe)}</b>`,
    `Costs ${star.time} of people's time, ${star.money}`,
    `${markup(metric.title)}: ${fixed(star.predicted, 3)}; 80% of runs with new people: ${fixed(low, 3)} to ${fixed(high, 3)}`,
    `Gains what matters on the best free recipe with a chance of ${chanceWords(star.gainsEnough)}`,
  ];
  return {
    type: "scatter", mode: "markers", x: [axis.at(star.seconds[1])], y: [star.predicted],
    error_y: { type: "data", array: [high - star.predicted], arrayminus: [star.predicted - low], color: RED, thickness: 2, width: 6 },
    marker: { symbol: "star", size: 17, color: RED, line: { color: "white", width: 1 } },
    hovertext: [words.join("<br>")], hoverinfo: "text",
  };
}
