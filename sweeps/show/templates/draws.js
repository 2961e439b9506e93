// Draws as Python packed them (sweeps/show/plan_page_data.py), what is read off them, and numbers in words as Python writes them.

// The draws of `packed`: `column(i)` has a column's whole numbers, of which one is `step`; less is better.
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const [draws, columns] = packed.shape;
  const count = draws * columns;
  const whole = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const coded = planes[i] | (planes[count + i] << 8) | (planes[2 * count + i] << 16) | (planes[3 * count + i] << 24);
    whole[i] = (coded >>> 1) ^ -(coded & 1);
  }
  const group = packed.groups;
  for (let c = 2; group && c < columns; c++) {
    if (group[c] !== group[c - 1] || group[c] !== group[c - 2]) continue;
    for (let d = 0; d < draws; d++) {
      whole[c * draws + d] += 2 * whole[(c - 1) * draws + d] - whole[(c - 2) * draws + d];
    }
  }
  return {
    draws,
    step: packed.step,
    offset: packed.offset,
    column: (c) => whole.subarray(c * draws, (c + 1) * draws),
  };
}

// How much lower `other` is than `one`: mean, 80% interval, how likely it is lower.
function gainOf(drawn, one, other) {
  const from = drawn.column(one), to = drawn.column(other);
  const gap = new Int32Array(drawn.draws);
  let sum = 0, lower = 0;
  for (let d = 0; d < gap.length; d++) {
    gap[d] = from[d] - to[d];
    sum += gap[d];
    lower += gap[d] > 0;
  }
  const mean = (sum / gap.length) * drawn.step;
  gap.sort();
  return { mean, low: quantile(gap, 0.1) * drawn.step, high: quantile(gap, 0.9) * drawn.step, probability: lower / gap.length };
}

// The quantile of sorted numbers, linear between them (NumPy's default).
function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

// `digits` decimals; of two that are equally near the even one, as Python has it.
function fixed(number, digits) {
  const rounded = number.toFixed(digits);
  const exact = Math.abs(number).toFixed(Math.min(100, digits + 60));
  const dot = exact.indexOf(".") + 1;
  if (!/^50*$/.test(exact.slice(dot + digits))) return rounded;
  const down = exact.slice(0, digits ? dot + digits : dot - 1);
  return Number(down.slice(-1)) % 2 ? rounded : (number < 0 ? "-" : "") + down;
}

// `digits` significant digits without zeros at the end (Python's g).
function general(number, digits) {
  if (number === 0) return "0";
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  if (exponent < -4 || exponent >= digits) {
    const size = Math.abs(exponent) < 10 ? `0${Math.abs(exponent)}` : `${Math.abs(exponent)}`;
    return `${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const plain = fixed(number, Math.max(0, digits - 1 - exponent));
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

const thousands = (text) => text.replace(/\B(?<![.]\d*)(?=(\d{3})+(?!\d))/g, ",");

function dollars(amount) {
  if (!Number.isFinite(amount)) return "–";
  return `$${thousands(fixed(amount, amount > 0 && amount < 9.995 ? 2 : 0))}`;
}

const between = (low, high) => (low === high ? low : `${low} to ${high}`);

function hours(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  seconds = Number(seconds.toFixed(6)); // as in Python: noise of seconds that were hours must not turn 31.25 min
  if (seconds <= 0) return "0 h";
  if (seconds < 90) return `${general(seconds, 3)} s`;
  if (seconds < 3600 * 0.99) return `${general(seconds / 60, 3)} min`;
  return seconds < 3.6e6 ? `${general(seconds / 3600, 3)} h` : `${thousands(fixed(seconds / 3600, 0))} h`;
}

// The sentence of that name (sweeps/planning/plan.py) with its words filled in.
const said = (sentence, words = {}) => DATA.sentences[sentence].replace(/\{(\w+)\}/g, (whole, word) => words[word] ?? whole);
