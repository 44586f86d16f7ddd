"use strict";
// Rows are samples, Y = XW; biases are the third row of matrices on (x, 1), as in toys/plane/world.py.
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const times = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const minus = (a, b) => a.map((row, i) => row.map((x, j) => x - b[i][j]));
const plus = (a, b) => a.map((row, i) => row.map((x, j) => x + b[i][j]));
const padded = (m, corner) => [[m[0][0], m[0][1], 0], [m[1][0], m[1][1], 0], [0, 0, corner]];
const shifted = (m) => [[1 + m[0][0], m[0][1]], [m[1][0], 1 + m[1][1]]];  // I + AB
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const number = (x) => x < 1e-6 ? "0" : x.toPrecision(3).replace(/e([+-])/, " · 10^$1");

// --- The crescent ---------------------------------------------------------------------------------------------------

/** Both maps of the target: the hidden features turned by an angle, and turned back by the second map. */
function turned(degrees) {
  const angle = degrees * Math.PI / 180, c = Math.cos(angle), s = Math.sin(angle);
  const [first, second] = data.source;
  return [times(first, [[c, s, 0], [-s, c, 0], [0, 0, 1]]), times([[c, -s, 0], [s, c, 0], [0, 0, 1]], second)];
}

/** Hidden features and outputs of a model with an adapter, as matrices on (x, 1). */
function adapted([first, second], method) {
  const ab = method.AB;
  if (method.placement === "weight") first = plus(first, padded(ab, 0));
  if (method.placement === "input") first = times(padded(shifted(ab), 1), first);
  const whole = times(first, second);
  return [first, method.placement === "output" ? times(whole, shifted(ab)) : whole];
}

const wanted = times(times(data.source[0], data.source[1]), data.goal);

/** E‖y − wanted‖² over the crescent, exactly: the trace of (M − G)ᵀS(M − G). */
function loss(whole) {
  const gap = minus(whole, wanted), weighted = times(data.moment, gap);
  return gap.reduce((sum, row, i) => sum + row.reduce((part, x, j) => part + x * weighted[i][j], 0), 0);
}

function points(matrix) {
  return data.outline.map(([x, y]) => times([[x, y, 1]], matrix)[0]).map(([x, y]) => `${x.toFixed(3)},${y.toFixed(3)}`);
}

const panels = data.methods.map((method) => ({ method, panel: at(`panel-${method.key}`) }));

function show(maps) {
  const off = panels.map(({ method, panel }) => {
    const stages = adapted(maps, method);
    panel.querySelectorAll("svg").forEach((svg, k) => {
      const corners = points(stages[k]);
      svg.querySelector(".shape").setAttribute("points", corners.join(" "));
      const [x, y] = corners[0].split(",");
      svg.querySelector(".tip").setAttribute("cx", x);
      svg.querySelector(".tip").setAttribute("cy", y);
    });
    const found = loss(stages[1]);
    panel.querySelector("output").value = number(found);
    panel.dataset.loss = found;
    return found;
  });
  const lora = off[0], best = Math.max(...off.slice(1));
  const says = at("idea-says");
  says.className = `says ${lora < 1e-6 ? "good" : "bad"}`;
  says.textContent = lora < 1e-6
    ? "Source and target have the same weights: every adapter does what it was trained to do."
    : `The function is the same, but the weights are not. LoRA, which was added to the weights, is off by ${number(lora)} ` +
      `(mean squared distance); the input and the output adapter are off by ${number(best)}, exactly as on the source.`;
}

function turn(degrees) {
  at("turn").value = degrees;
  at("turn-value").value = `${Math.round(degrees)}°`;
  show(turned(degrees));
}

let frame = 0;
function stop() {
  cancelAnimationFrame(frame);
  frame = 0;
  at("play").setAttribute("aria-pressed", "false");
  at("play").textContent = "Play";
}
function play() {
  const from = Number(at("turn").value) % 360;
  if (still.matches) return turn((Math.floor(from / 90) * 90 + 90) % 360);  // a step, not a movement
  let began = null;
  at("play").setAttribute("aria-pressed", "true");
  at("play").textContent = "Stop";
  const step = (now) => {
    began ??= now;
    const degrees = from + (now - began) / 1000 * 45;
    if (degrees >= from + 360) { turn(from); return stop(); }
    turn(degrees % 360);
    frame = requestAnimationFrame(step);
  };
  frame = requestAnimationFrame(step);
}
at("turn").addEventListener("input", () => { stop(); turn(Number(at("turn").value)); });
at("play").addEventListener("click", () => frame ? stop() : play());
at("to-source").addEventListener("click", () => { stop(); turn(0); });
at("to-target").addEventListener("click", () => { stop(); at("turn-value").value = "as in Fig. 8"; show(data.target); });
turn(90);

// --- The proposition ------------------------------------------------------------------------------------------------

const cosine = (u, v) => (u[0] * v[0] + u[1] * v[1]) / (Math.hypot(...u) * Math.hypot(...v));

/** Both sides on the instance W = W' = diag(1, κ), AB = ε[[0, 1], [1, 0]], x = e₁, e₂, x' = e₁, −e₂. */
function sides(epsilon, kappa) {
  const map = times([[1, epsilon], [epsilon, 1]], [[1, 0], [0, kappa]]);  // (I + AB)W
  const moved = (x) => times([x], map)[0];
  const change = cosine(moved([1, 0]), moved([0, 1])), changeTarget = cosine(moved([1, 0]), moved([0, -1]));
  const mean = (kappa + 1 / kappa) / 2;
  const largest = mean * epsilon + Math.sqrt(1 + (mean ** 2 - 1) * epsilon ** 2);
  return {
    measured: Math.abs(change - changeTarget),
    printed: 4 * epsilon,
    sharp: 4 * mean * epsilon,
    finite: 2 * Math.tanh(Math.log(largest ** 2 / (1 - epsilon ** 2))),
  };
}

const kappaAt = (k) => 20 ** (k / 100);  // 1 to 20, evenly on a logarithmic scale
const HEIGHT = 300, LEFT = 46, RIGHT = 12, TOP = 14, BOTTOM = 42;

function curve(epsilon, k) {
  const here = sides(epsilon, kappaAt(k)), WIDTH = Math.max(280, at("curve").clientWidth);
  const top = Math.min(2.05, 1.15 * Math.max(sides(epsilon, 20).measured, 4 * epsilon));
  const x = (step) => LEFT + step / 100 * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - Math.min(value, 1.06 * top) / top * (HEIGHT - TOP - BOTTOM);
  const path = (name) => Array.from({ length: 101 }, (_, i) => [i, sides(epsilon, kappaAt(i))[name]])
    .filter(([, value]) => value <= 1.06 * top).map(([i, value]) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
  const ticks = [1, 2, 3, 5, 10, 20].map((tick) => [tick, x(Math.log(tick) / Math.log(20) * 100)]);
  const heights = [0, top / 2 / 1.15, top / 1.15];
  at("curve").innerHTML = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
    aria-label="Difference of the similarities against the condition number, with the printed and the true bound">
    <path class="axis" d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}"/>
    ${ticks.map(([tick, place]) => `<text x="${place}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${tick}</text>`).join("")}
    ${heights.map((value) => `<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${value.toPrecision(2)}</text>`).join("")}
    <text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">condition number κ of the weights</text>
    <path class="where" d="M${x(k)} ${TOP}V${HEIGHT - BOTTOM}"/>
    <path class="sharp" d="M${path("sharp")}"/><path class="printed" d="M${path("printed")}"/>
    <path class="measured" d="M${path("measured")}"/>
    <circle class="dot" cx="${x(k)}" cy="${y(here.measured)}" r="6"/>
    <text class="printed" x="${WIDTH - RIGHT}" y="${y(4 * epsilon) - 7}" text-anchor="end">printed bound</text>
    <text class="sharp" x="${LEFT + 12}" y="${TOP + 14}">true bound</text>
    <text class="measured" x="${LEFT + 12}" y="${TOP + 32}">measured</text></svg>`;
}

function propose() {
  const epsilon = Number(at("epsilon").value) / 1000, k = Number(at("kappa").value), kappa = kappaAt(k);
  const found = sides(epsilon, kappa);
  at("epsilon-value").value = epsilon.toFixed(3);
  at("kappa-value").value = kappa.toFixed(2);
  at("epsilon").setAttribute("aria-valuetext", epsilon.toFixed(3));
  at("kappa").setAttribute("aria-valuetext", kappa.toFixed(2));
  for (const name of ["measured", "printed", "sharp", "finite"]) {
    at(name).value = found[name].toFixed(4);
    at(name).dataset.value = found[name];
  }
  curve(epsilon, k);
  const says = at("false-says"), broken = found.measured > found.printed;
  says.className = `says ${broken ? "bad" : "good"}`;
  const limit = (found.sharp / found.printed).toFixed(2);
  says.textContent = broken
    ? `The printed bound is broken: the two models differ by ${(found.measured / found.printed).toFixed(2)} times what it ` +
      `allows. It is stated up to terms in ε², but a smaller ε does not help: the factor tends to ${limit}.`
    : kappa > 1
      ? `This adapter is so large that the printed bound holds; for small ε it is exceeded by the factor ${limit}.`
      : "These weights stretch all directions equally, so the printed bound holds; increase the condition number.";
}
at("epsilon").addEventListener("input", propose);
at("kappa").addEventListener("input", propose);
window.addEventListener("resize", propose);
propose();
