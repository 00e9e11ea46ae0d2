"use strict";
(() => {
// ---- The two problems, as in the nine derivatives by hand. The nine parameters come in one order everywhere:
// theta = [W1_11, W1_12, W1_21, W1_22, b1_1, b1_2, W2_11, W2_21, b2_1]

const linear = (z) => z;
const linearSlope = () => 1;
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const sigmoidSlope = (a) => a * (1 - a);

const FORMULAS = {
  regression: {
    activation: linear,
    slope: linearSlope,
    loss: (y, yHat) => (y - yHat) * (y - yHat),
    error: (y, yHat) => -2 * (y - yHat), // ∂L/∂ŷ
  },
  classification: {
    activation: sigmoid,
    slope: sigmoidSlope,
    loss: (y, yHat) => -y * Math.log(yHat) - (1 - y) * Math.log(1 - yHat),
    error: (y, yHat) => -(y - yHat), // ∂L/∂z
  },
};

function forward(f, [W1_11, W1_12, W1_21, W1_22, b1_1, b1_2, W2_11, W2_21, b2_1], [x1, x2]) {
  const h1 = f.activation(x1 * W1_11 + x2 * W1_21 + b1_1);
  const h2 = f.activation(x1 * W1_12 + x2 * W1_22 + b1_2);
  const yHat = f.activation(h1 * W2_11 + h2 * W2_21 + b2_1);
  return { h1, h2, yHat };
}

function lossAndGradient(name, theta, x, y) {
  const f = FORMULAS[name];
  const { h1, h2, yHat } = forward(f, theta, x);
  const [x1, x2] = x;
  const [, , , , , , W2_11, W2_21] = theta;
  const e = f.error(y, yHat);
  const d1 = e * W2_11 * f.slope(h1); // what arrives at hidden node 1
  const d2 = e * W2_21 * f.slope(h2);
  return { loss: f.loss(y, yHat), gradient: [d1 * x1, d2 * x1, d1 * x2, d2 * x2, d1, d2, e * h1, e * h2, e] };
}

// The mean over several rows; x and y are lists.
function meanLossAndGradient(name, theta, x, y) {
  const each = x.map((row, k) => lossAndGradient(name, theta, row, y[k]));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { loss: mean(each.map((one) => one.loss)), gradient: theta.map((_, k) => mean(each.map((one) => one.gradient[k]))) };
}

// ---- Small tools

const numbers = JSON.parse(document.getElementById("numbers").textContent);
const names = numbers.parameters;
const find = (id) => document.getElementById(id);
const minus = (text) => text.replaceAll("-", "−");
const short = (value) => (value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value));
const digits = (value, count = 6) =>
  value === null || !Number.isFinite(value) ? "not finite" : minus(short(Number(value.toPrecision(count))));
const exact = (value) => (value === null ? "not finite" : minus(String(value)));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return filled(made, attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function table(heads, rows, numeric) {
  const kind = (k) => (numeric.includes(k) ? { class: "number" } : {});
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head, k) => element("th", { scope: "col", ...kind(k) }, head)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell, k) => element("td", kind(k), cell))))));
}

// ---- Line charts

const SERIES = ["one", "two", "three", "four"];

function ticks(low, high, count = 4) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const width = [1, 2, 5, 10].find((times) => times * power >= rough) * power;
  const found = [];
  for (let k = Math.ceil(low / width - 1e-9); k * width <= high * (1 + 1e-12) + 1e-12; k += 1) found.push(k * width);
  return found;
}

function decades(low, high) {
  const found = [];
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first) / 5));
  for (let k = first; k <= last; k += stride) found.push(10 ** k);
  if (found.length > 1) return found;
  const power = 10 ** Math.floor(Math.log10(low));
  return [1, 2, 5, 10, 20, 50].map((times) => times * power).filter((value) => value >= low && value <= high);
}

// series: [{ name, points: [[x, y], ...] }]; a point whose y is null or above `top` ends its line.
function chart(series, { xLabel, yLabel, title, log = false, height = 240, top = Infinity, marks = [], xRange }) {
  const width = 440, left = 66, right = 12, above = 22, below = 40;
  const kept = series.map((one) => ({ ...one, points: one.points.filter(([, y]) => y !== null && y <= top) }));
  const xs = xRange || kept.flatMap((one) => one.points.map(([x]) => x));
  const ys = kept.flatMap((one) => one.points.map(([, y]) => y)).concat(marks.map((mark) => mark.y));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  if (!log) [y0, y1] = [y0 - (y1 - y0 || 1) * 0.05, y1 + (y1 - y0 || 1) * 0.05];
  if (log) [y0, y1] = [y0 / 1.2, y1 * 1.2];
  const scale = log ? Math.log : linear;
  const px = (x) => left + ((x - x0) / (x1 - x0 || 1)) * (width - left - right);
  const py = (y) => height - below - ((scale(y) - scale(y0)) / (scale(y1) - scale(y0))) * (height - below - above);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  for (const y of log ? decades(y0, y1) : ticks(y0, y1)) {
    drawn.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y) }),
      svg("text", { x: left - 6, y: py(y) + 4, "text-anchor": "end" }, digits(y, 9)));
  }
  for (const x of ticks(x0, x1)) {
    drawn.append(svg("text", { x: px(x), y: height - below + 17, "text-anchor": "middle" }, digits(x, 3)));
  }
  drawn.append(svg("path", { class: "axis", d: `M${left} ${above}V${height - below}H${width - right}` }),
    svg("text", { class: "quiet", x: left, y: 13 }, yLabel),
    svg("text", { class: "quiet", x: width - right, y: height - 6, "text-anchor": "end" }, xLabel));
  kept.forEach((one, k) => {
    const line = one.points.map(([x, y], j) => `${j ? "L" : "M"}${px(x).toFixed(2)} ${py(y).toFixed(2)}`).join("");
    drawn.append(svg("path", { class: `line ${SERIES[k]}`, d: line }));
  });
  for (const mark of marks) {
    drawn.append(svg("circle", { class: "dot", cx: px(mark.x), cy: py(mark.y), r: 5 }));
    if (mark.text) {
      const late = mark.late ?? px(mark.x) > width / 2;
      drawn.append(svg("text", { class: "halo", x: px(mark.x) + (late ? -9 : 9), y: py(mark.y) - 9, "text-anchor": late ? "end" : "start" }, mark.text));
    }
  }
  return drawn;
}

function legend(labels) {
  return element("ul", { class: "legend" }, ...labels.map((label, k) => element("li", {},
    svg("svg", { viewBox: "0 0 34 10", "aria-hidden": "true" }, svg("path", { class: `line ${SERIES[k]}`, d: "M0 5H34" })), label)));
}

// ---- What is chosen

let problem = numbers.problems.regression;
let at = 0; // the step, from 0
let walked = 0; // how many edges have been walked backward
let theta = [];

const step = () => problem.steps[at];
const perEpoch = () => problem.x.length;

// ---- The drawing

const NODES = { x1: [45, 85], x2: [45, 235], h1: [195, 85], h2: [195, 235], y: [375, 160] };
const EDGES = { // parameter: from, to, where its label stands
  0: ["x1", "h1", 0.5, -9], 1: ["x1", "h2", 0.29, 5], 2: ["x2", "h1", 0.29, 5], 3: ["x2", "h2", 0.5, 20],
  6: ["h1", "y", 0.5, -14], 7: ["h2", "y", 0.5, 25],
};
const BIASES = { 4: ["h1", -46], 5: ["h2", 52], 8: ["y", -46] };

function drawing(shown, title) {
  const now = step();
  const { x1, x2 } = { x1: problem.x[now.row][0], x2: problem.x[now.row][1] };
  const drawn = svg("svg", { viewBox: "0 0 440 320", role: "img", "aria-label": title });
  const latest = shown[shown.length - 1];
  const kind = (k) => (shown.includes(k) ? ` walked${k === latest ? " now" : ""}` : "");
  const label = (k, x, y, anchor) => svg("text", {
    class: `halo${shown.includes(k) ? " walked" : ""}${k === latest ? " walked-now" : ""}`, x, y, "text-anchor": anchor,
  }, shown.includes(k) ? `∂ ${digits(now.gradients[k], 4)}` : digits(now.before[k], 4));
  const labels = [];
  for (const [key, [from, to, share, lift]] of Object.entries(EDGES)) {
    const k = Number(key);
    const [[ax, ay], [bx, by]] = [NODES[from], NODES[to]];
    drawn.append(svg("line", { class: `edge${kind(k)}`, x1: ax, y1: ay, x2: bx, y2: by }));
    labels.push(label(k, ax + (bx - ax) * share, ay + (by - ay) * share + lift, "middle"));
  }
  for (const [key, [node, lift]] of Object.entries(BIASES)) {
    const [x, y] = NODES[node];
    drawn.append(svg("line", { class: `edge${kind(Number(key))}`, x1: x, y1: y, x2: x, y2: y + lift * 0.85 }));
    labels.push(label(Number(key), x, y + lift, "middle"));
  }
  const values = { x1, x2, h1: now.hidden[0], h2: now.hidden[1], y: now.y_hat };
  for (const [name, [x, y]] of Object.entries(NODES)) {
    drawn.append(svg("circle", { class: "node", cx: x, cy: y, r: 30 }),
      svg("text", { class: "quiet", x, y: y - 6, "text-anchor": "middle" }, name === "y" ? "ŷ" : name),
      svg("text", { x, y: y + 12, "text-anchor": "middle" }, digits(values[name], 4)));
  }
  drawn.append(...labels,
    svg("text", { x: NODES.y[0], y: 214, "text-anchor": "middle" }, `y = ${digits(problem.y[now.row], 4)}`),
    svg("text", { x: NODES.y[0], y: 234, "text-anchor": "middle" }, `L = ${digits(now.loss, 4)}`));
  return drawn;
}

function showDrawings() {
  const now = step();
  find("drawing").replaceChildren(drawing([], `The network at step ${at + 1}: prediction ${digits(now.y_hat, 4)}, loss ${digits(now.loss, 4)}`));
  find("drawing-said").textContent = "On each edge its weight, on each stub a bias, in each node what it passes on.";
  const shown = problem.walk.slice(0, walked);
  find("backward-drawing").replaceChildren(drawing(shown, `The network walked backward over ${walked} of 9 parameters`));
  const said = find("walk-said");
  if (walked === 0) {
    said.textContent = "Nothing walked yet: the drawing shows the parameters.";
  } else {
    const k = shown[walked - 1];
    said.replaceChildren(element("span", { class: "formula" }, `${walked} of 9: ∂L/∂${names[k]}`), ...chainLines(k));
  }
  find("walk-back").disabled = find("walk-none").disabled = walked === 0;
  find("walk-on").disabled = find("walk-all").disabled = walked === 9;
}

const chainLines = (k) => [problem.chains[k][0], problem.chains[k][1], step().chains[k]]
  .map((line) => element("span", { class: "chain formula" }, `= ${minus(line)}`));

// ---- What and How: one step

function rowSaid() {
  const { row, epoch } = step();
  const inputs = problem.inputs.map((name, k) => `x${k + 1} (${name}) = ${problem.x[row][k]}`).join(", ");
  return `Epoch ${epoch}, row ${row + 1}: ${inputs}; y (${problem.target}) = ${problem.y[row]}`;
}

function showStep() {
  const now = step();
  find("step").value = at + 1;
  find("step-said").textContent = `${at + 1} of ${problem.steps.length}`;
  find("row-said").textContent = rowSaid();
  document.querySelectorAll(".row-said").forEach((one) => { one.textContent = `${rowSaid()}.`; });
  document.querySelectorAll(".step-number").forEach((one) => { one.textContent = at + 1; });
  find("step-back").disabled = find("epoch-back").disabled = at === 0;
  find("step-on").disabled = find("epoch-on").disabled = at === problem.steps.length - 1;
  find("loss-lines").textContent = find("loss-again").textContent = minus(now.loss_lines.join("\n"));
  find("forward-lines").textContent = minus(now.forward.join("\n"));
  find("derivatives").replaceChildren(element("ul", { class: "derivatives" }, ...problem.walk.map((k) =>
    element("li", {}, element("b", {}, `∂L/∂${names[k]}`), ...chainLines(k)))));
  find("updates").replaceChildren(table(["parameter", "before", "derivative", "after"],
    problem.walk.map((k) => [names[k], digits(now.before[k]), digits(now.gradients[k]), digits(now.after[k])]), [1, 2, 3]));
  showDrawings();
  showBeside();
}

function showBeside() {
  const k = Number(find("beside-parameter").value);
  const now = step();
  const told = problem.beside.filter((one) => one.name !== "manual-scalar");
  const rows = told.map((one) => {
    const there = one.gradients.length > at;
    const value = there ? one.gradients[at][k] : null;
    const apart = there && value !== null ? digits(value - now.gradients[k], 3) : "";
    return [one.name, there ? exact(value) : one.verdict, apart, there ? exact(one.losses[at]) : "", one.verdict];
  });
  find("beside-table").replaceChildren(table(["implementation", `∂L/∂${names[k]}`, "minus the hand's", "loss", "all steps"],
    [["the nine derivatives", exact(now.gradients[k]), "", exact(now.loss), ""], ...rows], [1, 2, 3]));
  find("beside-reasons").replaceChildren(...told.filter((one) => one.reason).map((one) => element("li", {}, `${one.name}: ${one.reason}`)));
  const frameworks = told.filter((one) => !one.by_hand);
  const ran = frameworks.filter((one) => one.gradients.length);
  find("frameworks-said").textContent = ran.length
    ? "Each implementation trained on its own from the same start; here is what it found at this step. “agrees” means that every number of every step lies within a derived rounding bound; a difference in the last digits is rounding."
    : frameworks.length
      ? "No framework was installed when this page was built, so the derivatives by hand stand beside the same network in matrix form."
      : "This page was built without asking any framework, so the derivatives by hand stand beside the other implementation by hand, if that was asked.";
}

function showProblem() {
  const classification = problem.name === "classification";
  find("task").textContent = classification
    ? "The classification asks whether a student with this cgpa and profile score is placed: ŷ is a probability."
    : "The regression predicts the salary package (lpa) of a student from cgpa and resume score.";
  find("epoch-said").textContent = `This training has ${problem.epochs} epochs at learning rate ${problem.rate}; the average loss goes from ${digits(problem.averages[0])} in the first to ${digits(problem.averages[problem.epochs - 1])} in the last.`
    + (classification ? " That is hardly anything: with so small a learning rate this training has barely begun, as the last sections show." : "");
  find("step").max = problem.steps.length;
  const averages = problem.averages.map((loss, k) => [k + 1, loss]);
  find("average-chart").replaceChildren(chart([{ points: averages }], { xLabel: "epoch", yLabel: "average loss", title: "Average loss of each epoch" }));
  find("average-table").replaceChildren(table(["epoch", "average loss"], averages.map(([k, loss]) => [k, exact(loss)]), [0, 1]));
  find("knob-row").replaceChildren(...problem.x.map((x, k) => element("option", { value: k }, `row ${k + 1}`)), element("option", { value: "all" }, "all rows (mean)"));
  find("knob-row").value = "all";
  showSigns();
  showRates();
  showStopping();
  setKnobs(problem.steps[0].before);
  showStep();
  showSurface();
}

// ---- Why

function showSlopes() {
  const { at: x, value, slope, secants, bowl, rate } = numbers.slopes;
  find("secants").replaceChildren(table(["way h", `f(5 + h)`, "gained / h"], secants.map(([run, there, gained]) => [run, digits(there, 9), digits(gained, 9)]), [0, 1, 2]));
  const curve = [], tangent = [];
  for (let k = 0; k <= 60; k += 1) {
    const there = k / 7.5;
    curve.push([there, there * there + there]);
    if (there >= 3) tangent.push([there, value + slope * (there - x)]);
  }
  find("parabola").replaceChildren(chart([{ points: curve }, { points: tangent }], { xLabel: "x", yLabel: "x² + x", title: "x² + x with its tangent at 5", marks: [{ x, y: value, text: "(5, 30)" }] }), legend(["x² + x", "tangent, slope 11"]));
  const drawn = svg("svg", { viewBox: "-110 -110 220 220", role: "img", "aria-label": "Circles of equal x² + y² and a descent to their center" });
  for (const r of [1, 2, 3, 4]) drawn.append(svg("circle", { class: "axis", r: r * 25 }));
  drawn.append(svg("path", { class: "path", d: bowl.map(([a, b], k) => `${k ? "L" : "M"}${(a * 25).toFixed(2)} ${(-b * 25).toFixed(2)}`).join("") }));
  for (const [a, b] of bowl) drawn.append(svg("circle", { class: "dot", cx: (a * 25).toFixed(2), cy: (-b * 25).toFixed(2), r: 3.5 }));
  find("bowl").replaceChildren(drawn);
  const last = bowl[bowl.length - 1];
  find("bowl-said").textContent = `Circles of equal x² + y². From (${digits(bowl[0][0])}, ${digits(bowl[0][1])}), where it is ${bowl[0][2]}, ${bowl.length - 1} steps at learning rate ${rate} lead to (${digits(last[0], 3)}, ${digits(last[1], 3)}), where it is ${digits(last[2], 3)}.`;
}

// The tangent through (x, loss), as far as it stays near the curve.
function tangentLine(x, loss, slope, reach, curve) {
  const losses = curve.map(([, y]) => y).filter(Number.isFinite);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const room = 0.15 * (high - low) + Math.min(high - loss, loss - low);
  const run = slope ? Math.min(reach, room / Math.abs(slope)) : reach;
  return [-run, run].map((way) => [x + way, loss + slope * way]);
}

// A loss along parameter k, around start.
function slice(losses, start, k, low, high) {
  const points = [];
  for (let j = 0; j <= 48; j += 1) {
    const value = low + ((high - low) * j) / 48;
    points.push([value, losses(start.map((other, i) => (i === k ? value : other)))]);
  }
  return points;
}

function showSigns() {
  const cases = ["negative", "positive"].filter((sign) => problem.signs[sign]).map((sign) => {
    const { step: number, parameter: k } = problem.signs[sign];
    const there = problem.steps[number - 1];
    const [x, y] = [problem.x[there.row], problem.y[there.row]];
    const reach = 0.3;
    const [value, slope] = [there.before[k], there.gradients[k]];
    const points = slice((other) => lossAndGradient(problem.name, other, x, y).loss, there.before, k, value - reach, value + reach);
    const tangent = tangentLine(value, there.loss, slope, reach, points);
    const drawn = chart([{ points }, { points: tangent }], {
      xLabel: names[k], yLabel: "loss of the row", title: `Loss along ${names[k]}, derivative ${sign}`,
      marks: [{ x: value, y: there.loss, late: slope > 0, text: slope < 0 ? "step goes right →" : "← step goes left" }],
    });
    const goes = sign === "negative" ? "up" : "down";
    return element("figure", {}, element("div", { class: "chart" }, drawn), element("figcaption", {},
      `Step ${number}: ∂L/∂${names[k]} = ${digits(slope)} is ${sign}, so ${names[k]} goes ${goes}: ${digits(value)} − ${problem.rate} · ${slope < 0 ? `(${digits(slope)})` : digits(slope)} = ${digits(there.after[k])}.`));
  });
  find("both-signs").replaceChildren(...cases);
}

function knobData() {
  const row = find("knob-row").value;
  return row === "all" ? [problem.x, problem.y] : [[problem.x[row]], [problem.y[row]]];
}

const REACH = 2;

function makeKnobs() {
  find("knob-list").replaceChildren(...names.map((name, k) => {
    const slider = element("input", { type: "range", id: `knob-${k}`, min: -REACH, max: REACH, step: 0.01 });
    slider.addEventListener("input", () => { theta[k] = slider.valueAsNumber; showKnobs(); });
    return element("div", { class: "knob" },
      element("label", { for: `knob-${k}` }, element("span", {}, name), element("output", { id: `knob-${k}-value`, for: `knob-${k}` })),
      slider, element("p", {}, `∂L/∂${name} = `, element("output", { id: `knob-${k}-slope` })), element("div", { id: `knob-${k}-slice` }));
  }));
}

function setKnobs(values) {
  theta = values.slice();
  showKnobs();
}

function showKnobs() {
  const [x, y] = knobData();
  const losses = (other) => meanLossAndGradient(problem.name, other, x, y).loss;
  const { loss, gradient } = meanLossAndGradient(problem.name, theta, x, y);
  find("knob-loss").textContent = digits(loss, 8);
  theta.forEach((value, k) => {
    const slider = find(`knob-${k}`);
    if (slider.valueAsNumber !== value) slider.value = value;
    slider.setAttribute("aria-valuetext", `${digits(value)}, loss ${digits(loss)}`);
    find(`knob-${k}-value`).textContent = digits(value);
    find(`knob-${k}-slope`).textContent = digits(gradient[k]);
    find(`knob-${k}-slice`).replaceChildren(knobSlice(losses, k, loss, gradient[k]));
  });
}

function knobSlice(losses, k, loss, slope) {
  const reach = 0.5, width = 240, height = 90;
  const points = slice(losses, theta, k, theta[k] - reach, theta[k] + reach);
  const finite = points.map(([, value]) => value).filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const span = high - low || 1;
  const px = (x) => ((x - theta[k] + reach) / (2 * reach)) * width;
  const py = (y) => height - 16 - ((y - low) / span) * (height - 32);
  const pathOf = (line) => line.map(([x, y], j) => `${j ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Loss along ${names[k]}, from ${digits(low, 4)} to ${digits(high, 4)}` },
    svg("path", { class: "axis", d: `M0 ${height - 1}H${width}` }),
    svg("path", { class: "line", d: pathOf(points) }),
    svg("path", { class: "line two", d: pathOf(tangentLine(theta[k], loss, slope, reach, points)) }),
    svg("circle", { class: "dot", cx: width / 2, cy: py(loss).toFixed(1), r: 4 }));
}

function showSurface() {
  const [across, up] = [Number(find("surface-x").value), Number(find("surface-y").value)];
  for (const option of find("surface-y").options) option.disabled = Number(option.value) === across;
  for (const option of find("surface-x").options) option.disabled = Number(option.value) === up;
  const path = problem.path;
  const last = path[path.length - 1];
  const range = (k) => {
    const values = path.map((point) => point[k]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0.5 * (high - low), 0.2);
    return [low - room, high + room];
  };
  const [[x0, x1], [y0, y1]] = [range(across), range(up)];
  const cells = 36, left = 52, top = 20, side = 360;
  const lossAt = (x, y) => meanLossAndGradient(problem.name, last.map((value, k) => (k === across ? x : k === up ? y : value)), problem.x, problem.y).loss;
  const grid = [];
  for (let j = 0; j < cells; j += 1) for (let i = 0; i < cells; i += 1) grid.push(lossAt(x0 + ((x1 - x0) * (i + 0.5)) / cells, y0 + ((y1 - y0) * (j + 0.5)) / cells));
  const [low, high] = [Math.min(...grid), Math.max(...grid)];
  const bands = 12;
  const drawn = svg("svg", { viewBox: "0 0 440 430", role: "img", "aria-label": `Loss over ${names[across]} and ${names[up]} with the path of the descent` });
  const size = side / cells;
  grid.forEach((loss, k) => {
    const share = Math.log(loss / low) / Math.log(high / low || 2);
    const band = Math.min(bands - 1, Math.floor(share * bands));
    drawn.append(svg("rect", { class: "cell", x: (left + (k % cells) * size).toFixed(2), y: (top + side - (Math.floor(k / cells) + 1) * size).toFixed(2), width: size + 0.3, height: size + 0.3, style: `fill: color-mix(in srgb, var(--low) ${Math.round(85 - (80 * band) / (bands - 1))}%, var(--paper))` }));
  });
  const px = (x) => left + ((x - x0) / (x1 - x0)) * side;
  const py = (y) => top + side - ((y - y0) / (y1 - y0)) * side;
  for (const x of ticks(x0, x1)) drawn.append(svg("text", { x: px(x), y: top + side + 17, "text-anchor": "middle" }, digits(x, 3)));
  for (const y of ticks(y0, y1)) drawn.append(svg("text", { x: left - 6, y: py(y) + 4, "text-anchor": "end" }, digits(y, 3)));
  drawn.append(svg("text", { class: "quiet", x: left + side, y: top + side + 36, "text-anchor": "end" }, names[across]), svg("text", { class: "quiet", x: left, y: 13 }, names[up]));
  const line = path.map((point, k) => `${k ? "L" : "M"}${px(point[across]).toFixed(2)} ${py(point[up]).toFixed(2)}`).join("");
  drawn.append(svg("path", { class: "path under", d: line }), svg("path", { class: "path", d: line }));
  for (const [point, text] of [[path[0], "start"], [last, "end"]]) {
    drawn.append(svg("circle", { class: "dot", cx: px(point[across]), cy: py(point[up]), r: 5 }),
      svg("text", { class: "halo", x: px(point[across]), y: py(point[up]) - 10, "text-anchor": "middle" }, text));
  }
  find("surface-chart").replaceChildren(drawn);
  find("surface-range").textContent = `The lowest here is ${digits(low, 4)}, the highest ${digits(high, 4)}.`;
  find("surface-said").textContent = `The loss over all rows, as two parameters vary and the other seven stand where a training of ${path.length - 1} epochs at the good rate of the next section, ${problem.rates.tried[1].rate}, left them. The line is that training's way, epoch by epoch. It need not run straight down this picture: on its way the other seven were moving, too.`;
}

const FATES = ["too small", "good", "overshooting", "diverging"];

function showRates() {
  const { tried, epochs } = problem.rates;
  const start = tried[0].losses[0];
  find("rates-said").textContent = `The same training four times, ${epochs} epochs each, and nothing differs but the learning rate. The four were found by a sweep over this very problem when the page was built. Too small a step gets nowhere; a good one comes down; too large a one jumps over the valley; a still larger one is thrown out of it.`;
  const top = 20 * start;
  const series = tried.map((one) => ({ points: one.losses.map((loss, k) => [k, loss]).slice(0, firstAbove(one.losses, top)) }));
  find("rates-chart").replaceChildren(chart(series, { xLabel: "epoch", yLabel: "loss over all rows (logarithmic)", title: "Loss at four learning rates", log: true, top, xRange: [0, epochs] }),
    legend(tried.map((one, k) => `${FATES[k]}: ${digits(one.rate)}`)));
  find("rates-table").replaceChildren(table(["learning rate", "", "loss at the start", "at the end", "verdict of the sweep"],
    tried.map((one, k) => [digits(one.rate), FATES[k], digits(one.losses[0]), digits(one.losses[one.losses.length - 1]), one.verdict]), [0, 2, 3]));
}

function firstAbove(losses, top) {
  const found = losses.findIndex((loss) => loss === null || loss > top);
  return found < 0 ? losses.length : found;
}

function showStopping() {
  const { cap, fixed, start, largest, stops } = problem.stopping;
  find("stopping-said").textContent = `Here at this problem's own learning rate, ${problem.rate}, with at most ${cap} epochs; the loss over all rows is ${digits(start)} before training.`;
  find("stopping-chart").replaceChildren(
    chart([{ points: largest.map((value, k) => [k + 1, value]) }], { xLabel: "epoch", yLabel: "largest ‖learning rate · ∇L‖ of the epoch (log.)", title: "Size of the largest update of each epoch", log: true }));
  find("stopping-table").replaceChildren(table(["rule", "stops after epoch", "loss then"], [
    [`${fixed.epochs} epochs, fixed`, String(fixed.epochs), digits(fixed.loss)],
    ...stops.map((stop) => [`tolerance ${stop.tolerance}`, stop.converged ? String(stop.epochs) : `not within ${cap}`, digits(stop.loss)]),
  ], [1, 2]));
}

// ---- Controls

const go = (to) => { at = clamp(to, 0, problem.steps.length - 1); showStep(); };
const walk = (to) => { walked = clamp(to, 0, 9); showDrawings(); };
const on = (id, kind, what) => find(id).addEventListener(kind, what);

for (const id of ["beside-parameter", "surface-x", "surface-y"]) find(id).replaceChildren(...names.map((name, k) => element("option", { value: k }, name)));
find("surface-x").value = 0;
find("surface-y").value = 6;
makeKnobs();
on("problem", "change", (event) => { problem = numbers.problems[event.target.value]; at = 0; walked = 0; showProblem(); });
on("step", "input", () => go(find("step").valueAsNumber - 1));
on("step-back", "click", () => go(at - 1));
on("step-on", "click", () => go(at + 1));
on("epoch-back", "click", () => go(at - perEpoch()));
on("epoch-on", "click", () => go(at + perEpoch()));
on("walk-back", "click", () => walk(walked - 1));
on("walk-on", "click", () => walk(walked + 1));
on("walk-all", "click", () => walk(9));
on("walk-none", "click", () => walk(0));
on("beside-parameter", "change", showBeside);
on("surface-x", "change", showSurface);
on("surface-y", "change", showSurface);
on("knob-row", "change", showKnobs);
on("knobs-before", "click", () => setKnobs(step().before));
on("knobs-trained", "click", () => setKnobs(problem.path[problem.path.length - 1]));
on("knobs-downhill", "click", () => {
  const { gradient } = meanLossAndGradient(problem.name, theta, ...knobData());
  setKnobs(theta.map((value, k) => value - problem.rates.tried[1].rate * gradient[k]));
});
let folded = []; // on paper nothing can be opened: what is folded is printed open
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
showSlopes();
showProblem();
window.backproof = { lossAndGradient, meanLossAndGradient, numbers };
})();
