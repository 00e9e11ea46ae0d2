"use strict";
// One explorer per problem: the JSON beside it holds every number; here they are only shown.
for (const root of document.querySelectorAll("[data-explorer]")) {
  const data = JSON.parse(document.getElementById(root.dataset.explorer).textContent);
  const stepChoice = root.querySelector("[data-choose=step]");
  const elementChoice = root.querySelector("[data-choose=element]");
  const place = root.querySelector("[data-show]");
  const KINDS = { "disagrees": "wrong", "carries float32": "carries", "not told": "blind", "not compared": "blind", "agrees": "agrees" };

  const node = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children); // text stays text
    return made;
  };
  const name = (quantity) => {
    const [group, of] = quantity.split(".");
    return group === "gradient" ? `∂L/∂${of}` : group === "parameter" ? `new ${of}` : group;
  };
  const brief = (value) => (!isFinite(value) ? String(value)
    : Math.abs(value) >= 1e6 ? Number(value).toExponential(3) : String(Number(Number(value).toPrecision(4))));
  const scrolling = (label, table) => {
    const box = node("div", { className: "scroll", tabIndex: 0 }, table);
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
    return box;
  };
  const table = (className, heads, rows) =>
    node("table", { className },
      node("thead", {}, node("tr", {}, ...heads.map((head) => node("th", { scope: "col" }, head)))),
      node("tbody", {}, ...rows));
  const statusOf = ([found, , , bound, ratio], walk) =>
    walk === "not compared" ? walk : ratio === "inf" || ratio > 1 || !isFinite(found) ? (walk === "carries float32" ? walk : "disagrees")
      : bound === "inf" || walk === "not told" ? "not told" : "agrees";

  // found, expected, exact, bound, ratio of one quantity in every implementation
  function numbersTable(step, element, part, quantity) {
    const rows = data.names.filter((one) => step.by[one]).map((one) => {
      const seen = step.by[one], numbers = seen[element][part];
      const status = statusOf(numbers, seen.walk[quantity]);
      const first = [seen[element].formula[1] ?? ""];
      if (part === "parameter") first[0] = `${seen[element].before} - ${data.rate} · ${seen[element].gradient[0]}`;
      const values = numbers.slice(0, 3).map((value) => (value === null ? "not computed" : String(value)));
      const cells = [...first, ...values, ...numbers.slice(3).map(brief)];
      return node("tr", {}, node("th", { scope: "row" }, one), node("td", { className: KINDS[status] }, status),
        ...cells.map((text) => node("td", { className: "value" }, text)));
    });
    const numbersHead = part === "parameter" ? "before - rate · its own derivative" : "the factors, its own numbers";
    return scrolling(`${name(quantity)} in every implementation`, table(`numbers ${part}`,
      ["implementation", "status", numbersHead, "found", "expected", "exact", "bound", "ratio"], rows));
  }

  function walkTable(step) {
    const rows = data.names.filter((one) => step.by[one]).map((one) =>
      node("tr", {}, node("th", { scope: "row" }, one), ...data.order.map((quantity) => {
        const words = step.by[one].walk[quantity];
        return node("td", { className: KINDS[words] }, words);
      })));
    return scrolling("The chain walked backward", table("walk", ["implementation", ...data.order.map(name)], rows));
  }

  function firstToDisagree(step) {
    const told = data.names.filter((one) => step.by[one] && step.by[one].first).map((one) => {
      const first = step.by[one].first;
      const before = data.order.indexOf(first) ? "inputs agree, output disagrees" : "the very first number of the chain";
      return node("li", {}, node("b", {}, one), `: the first to disagree is ${name(first)} (${before})`);
    });
    return told.length ? node("ul", { className: "first" }, ...told)
      : node("p", { className: "first" }, "Nothing disagrees in this step.");
  }

  function show() {
    const step = data.steps[stepChoice.selectedIndex], element = elementChoice.value;
    const some = step.by[data.names.find((one) => step.by[one])];
    const of = element.split("[")[0];
    const parts = element === "loss" ? [["loss", "loss"]] : [["gradient", `gradient.${of}`], ["parameter", `parameter.${of}`]];
    place.replaceChildren(
      node("p", { className: "soft" }, `Step ${step.step}, epoch ${step.epoch}, data row${some.rows.length > 1 ? "s" : ""} ${some.rows.map((row) => row + 1).join(", ")}. ` +
        "Each implementation is judged from its own state just before the step."),
      node("pre", { className: "formula", tabIndex: 0 }, some[element].formula[0]),
      ...parts.flatMap(([part, quantity]) => [
        node("h4", {}, part === "loss" ? "The loss" : part === "gradient" ? "The derivative" : "The parameter after the update"),
        numbersTable(step, element, part, quantity)]),
      node("h4", {}, "The chain walked backward: which number is the first to disagree"),
      firstToDisagree(step), walkTable(step));
    for (const button of root.querySelectorAll("[data-move]")) {
      const target = stepChoice.selectedIndex + Number(button.dataset.move);
      button.disabled = target < 0 || target >= data.steps.length;
    }
  }

  stepChoice.append(...data.steps.map((step) => {
    const bad = Object.values(step.by).filter((seen) => seen.first).length;
    return node("option", {}, `${step.step}${bad ? ` (${bad} disagree${bad === 1 ? "s" : ""})` : ""}`);
  }));
  elementChoice.append(...data.elements.map((element) => node("option", { value: element }, element === "loss" ? "loss" : element)));
  stepChoice.selectedIndex = data.steps.findIndex((step) => step.step === data.open.step);
  elementChoice.value = data.open.element;
  for (const choice of [stepChoice, elementChoice]) choice.addEventListener("change", show);
  for (const button of root.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => { stepChoice.selectedIndex += Number(button.dataset.move); show(); });
  }
  show();
}
