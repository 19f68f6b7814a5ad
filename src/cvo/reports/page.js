"use strict";
/* global Plot, d3 */

// Anything that goes wrong is written where a test, and a reader of the source, can see it.
window.addEventListener("error", (event) => {
  document.documentElement.dataset.scriptError = event.message;
});
window.addEventListener("securitypolicyviolation", (event) => {
  document.documentElement.dataset.scriptError = `refused by ${event.violatedDirective}`;
});

(() => {
  const INK = "var(--ink)";
  const MUTED = "var(--muted)";
  const RULE = "var(--rule)";
  const ACCENT = "var(--accent)";
  const SHAPES = {
    measured: { symbol: "circle", filled: true },
    pooled: { symbol: "diamond", filled: true },
    observational: { symbol: "square", filled: false },
    assumed: { symbol: "circle", filled: false, dashed: true },
  };
  const EM = 13;
  const STYLE = { fontFamily: "inherit", fontSize: `${EM}px`, background: "none", color: INK };
  const NARROW = 560;
  const HALO = { stroke: "var(--paper)", strokeWidth: 5 };
  const TIP = { fontSize: 12, lineHeight: 1.35, textPadding: 10, stroke: RULE };

  const ruler = document.createElement("canvas").getContext("2d");

  function textWidth(text, weight = 400) {
    ruler.font = `${weight} ${EM}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  }

  function ticks(format) {
    const digits = d3.format(",.12~g");
    return (value) => {
      const text = digits(Math.abs(value) * format.factor);
      const sign = value < 0 ? "\u2212" : format.signed && value > 0 ? "+" : "";
      return sign + format.prefix + text + format.suffix;
    };
  }

  function lines(texts, room) {
    return Math.max(1, ...texts.map((text) => Math.ceil(textWidth(text, 600) / room)));
  }

  // As many ticks as stand apart from each other.
  function steps(domain, format, room) {
    const widest = d3.max(d3.ticks(...domain, 5), (tick) => textWidth(ticks(format)(tick)));
    return Math.max(2, Math.min(8, room / Math.max(70, widest + 28)));
  }

  function bottomAxis(domain, format, room, options = {}) {
    return Plot.axisX({
      tickFormat: ticks(format), ticks: steps(domain, format, room), tickSize: 0, color: MUTED, label: null, ...options,
    });
  }

  function padded(values, share) {
    const [low, high] = d3.extent(values);
    const pad = (high - low || Math.abs(low) || 1) * share;
    return [low - pad, high + pad];
  }

  function referenceMarks(reference, domain) {
    if (!reference) return [];
    const share = (reference.value - domain[0]) / (domain[1] - domain[0]);
    const textAnchor = share < 0.15 ? "start" : share > 0.85 ? "end" : "middle";
    return [
      Plot.ruleX([reference.value], { stroke: "var(--paper)", strokeWidth: 3 }),
      Plot.ruleX([reference.value], { stroke: MUTED, insetTop: -6 }),
      Plot.text([reference], {
        x: "value", text: "label", frameAnchor: "top", dy: -22, textAnchor, fill: MUTED, fontSize: 12, clip: false,
      }),
    ];
  }

  // Wide: label, picture, figures in three columns. Narrow: label and figures stand above the picture of their row.
  function intervalLayout(rows, known, width, hasReference) {
    const narrow = width < NARROW;
    const intervals = d3.max(known, (row) => textWidth(row.interval)) || 0;
    const values = d3.max(known, (row) => textWidth(row.text, 600)) || 0;
    const labels = d3.max(rows, (row) => textWidth(row.label, 600));
    const left = narrow ? 6 : Math.min(labels + 24, width * 0.36);
    const room = narrow ? width - intervals - values - 28 : left - 12;
    const labelLines = lines(rows.map((row) => row.label), room);
    const reasonLines = lines(rows.map((row) => row.reason || ""), width - left - 8);
    return {
      left,
      right: narrow ? 6 : intervals + values + 44,
      top: hasReference ? 30 : 8,
      pitch: narrow ? 24 + 32 * Math.max(labelLines, reasonLines) : 21 + 17 * Math.max(labelLines, reasonLines),
      lift: narrow ? -11 : 0,
      lineAnchor: narrow ? "bottom" : "middle",
      valueAt: narrow ? -intervals - 8 : values + 24,
      intervalAt: narrow ? 6 : intervals + values + 44,
      labelWidth: room / EM,
    };
  }

  function intervalChart(spec, width) {
    const rows = spec.rows.map((row, at) => ({ ...row, at }));
    const known = rows.filter((row) => row.grade);
    const reference = spec.reference;
    const layout = intervalLayout(rows, known, width, reference !== null);
    const { left, right, top, pitch, lift, lineAnchor } = layout;
    const ends = known.flatMap((row) => [row.low, row.high]).concat(reference ? [reference.value] : []);
    const domain = padded(ends.length ? ends : [0, 1], 0.04);
    const room = width - left - right;
    const beside = { y: "at", dy: lift, lineAnchor, lineHeight: 1.2, clip: false, ...HALO };
    const labels = [false, true].map((emphasis) =>
      Plot.text(rows.filter((row) => row.emphasis === emphasis), {
        ...beside, text: "label", frameAnchor: "left", textAnchor: "start", dx: -left, fill: INK,
        fontWeight: emphasis ? 700 : 400, lineWidth: layout.labelWidth,
      }));
    const figure = (text, fontWeight, fill, dx) =>
      Plot.text(known, { ...beside, text, frameAnchor: "right", textAnchor: "end", fill, fontWeight, dx });
    const pictures = Object.entries(SHAPES).flatMap(([grade, shape]) => {
      const those = known.filter((row) => row.grade === grade);
      const colour = `var(--${grade})`;
      return [
        Plot.ruleY(those, {
          y: "at", x1: "low", x2: "high", stroke: colour, strokeWidth: 2.5, strokeLinecap: "round",
          strokeDasharray: shape.dashed ? "1 6" : undefined,
        }),
        Plot.dot(those, {
          y: "at", x: "value", symbol: shape.symbol, r: 5.5, strokeWidth: shape.filled ? 1.5 : 2.25,
          fill: shape.filled ? colour : "var(--paper)", stroke: shape.filled ? "var(--paper)" : colour,
        }),
      ];
    });
    return Plot.plot({
      width,
      height: top + rows.length * pitch + 30,
      marginTop: top, marginBottom: 30, marginLeft: left, marginRight: right,
      style: STYLE,
      x: { type: "linear", domain },
      y: { type: "band", domain: rows.map((row) => row.at), axis: null, padding: 0 },
      marks: [
        Plot.gridX({ stroke: RULE, strokeOpacity: 1, ticks: steps(domain, spec.format, room) }),
        bottomAxis(domain, spec.format, room),
        ...referenceMarks(reference, domain),
        ...pictures,
        ...labels,
        figure("text", 600, INK, layout.valueAt),
        figure("interval", 400, MUTED, layout.intervalAt),
        Plot.text(rows.filter((row) => row.reason), {
          ...beside, dy: lift && -3, lineAnchor: lift ? "top" : "middle", text: "reason", frameAnchor: "left", textAnchor: "start",
          dx: 4, fill: MUTED, fontStyle: "italic", lineWidth: (width - left - 8) / EM,
        }),
        Plot.tip(known, Plot.pointerY({ y: "at", x: "value", title: "tip", ...TIP })),
      ],
    });
  }

  function distributionChart(spec, width) {
    const bars = spec.bars.map((bar, at) => ({ ...bar, at }));
    const left = Math.min(d3.max(bars, (bar) => textWidth(bar.label, 600)) + 16, width * 0.4);
    const right = d3.max(bars, (bar) => textWidth(bar.text)) + 16;
    const pitch = 21 + 17 * lines(bars.map((bar) => bar.label), left - 12);
    return Plot.plot({
      width,
      height: bars.length * pitch + 8,
      marginTop: 4, marginBottom: 4, marginLeft: left, marginRight: right,
      style: STYLE,
      x: { axis: null, domain: [0, d3.max(bars, (bar) => bar.amount)] },
      y: { type: "band", domain: bars.map((bar) => bar.at), axis: null, padding: 0 },
      marks: [
        Plot.barX(bars, {
          y: "at", x: "amount", rx2: 2, insetTop: pitch / 2 - 11, insetBottom: pitch / 2 - 11,
          fill: (bar) => (bar.emphasis ? ACCENT : "var(--accent-soft)"),
        }),
        Plot.text(bars, {
          y: "at", text: "label", frameAnchor: "left", textAnchor: "start", dx: -left, fill: INK, clip: false,
          lineWidth: (left - 12) / EM, lineHeight: 1.2,
        }),
        Plot.text(bars, { y: "at", x: "amount", text: "text", textAnchor: "start", dx: 8, fill: INK, clip: false }),
        Plot.ruleX([0], { stroke: MUTED }),
        Plot.tip(bars, Plot.pointerY({ y: "at", x: "amount", title: "tip", ...TIP })),
      ],
    });
  }

  function histogramChart(spec, width) {
    const counts = d3.format(",");
    const domain = d3.extent([spec.bins[0].low, spec.bins.at(-1).high, ...(spec.reference ? [spec.reference.value] : [])]);
    const most = d3.max(spec.bins, (bin) => bin.count);
    const left = d3.max(spec.bins, (bin) => textWidth(counts(bin.count))) + 14;
    return Plot.plot({
      width,
      height: 240,
      marginTop: spec.reference ? 30 : 10, marginBottom: 30, marginLeft: left, marginRight: 12,
      style: STYLE,
      x: { type: "linear", domain },
      y: { domain: [0, most], nice: Math.min(4, most) },
      marks: [
        Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: Math.min(4, most) }),
        Plot.axisY({ tickFormat: counts, tickSize: 0, color: MUTED, label: null, ticks: Math.min(4, most) }),
        Plot.rectY(spec.bins, { x1: "low", x2: "high", y: "count", fill: ACCENT, inset: 0.5 }),
        Plot.ruleY([0], { stroke: MUTED }),
        bottomAxis(domain, spec.format, width - left),
        ...referenceMarks(spec.reference, domain),
        Plot.tip(spec.bins, Plot.pointerX({
          x: (bin) => (bin.low + bin.high) / 2, y: "count", title: "tip", ...TIP,
        })),
      ],
    });
  }

  function curveChart(spec, width) {
    const points = spec.series.flatMap((series) => series.points);
    const ys = points.flatMap((point) => [point.y, point.low, point.high].filter((y) => y !== undefined));
    const xs = points.map((point) => point.x);
    const both = padded(xs.concat(ys), 0.03);
    const yTicks = ticks(spec.yFormat);
    const xDomain = spec.diagonal ? both : padded(xs, 0.02);
    const yDomain = spec.diagonal ? both : padded(ys, 0.06);
    const left = d3.max(d3.ticks(...yDomain, 5), (tick) => textWidth(yTicks(tick))) + 14;
    const shapes = ["circle", "diamond", "square", "triangle"];
    // Between one week and the next there is nothing to be labelled.
    const xTicks = d3.ticks(...xDomain, steps(xDomain, spec.xFormat, width - left));
    const counted = spec.xFormat.factor === 1 && xs.every(Number.isInteger);
    const drawn = spec.series.flatMap((series, at) => {
      const colour = `var(--series-${at + 1})`;
      const banded = series.points.filter((point) => point.low !== undefined);
      return [
        Plot.areaY(banded, { x: "x", y1: "low", y2: "high", fill: colour, fillOpacity: 0.14 }),
        Plot.lineY(series.points, { x: "x", y: "y", stroke: colour, strokeWidth: 2 }),
        Plot.dot(series.points, { x: "x", y: "y", fill: colour, stroke: "var(--paper)", r: 4, symbol: shapes[at] }),
      ];
    });
    const diagonal = !spec.diagonal ? [] : [
      Plot.line(both, { x: (end) => end, y: (end) => end, stroke: MUTED, strokeDasharray: "4 4" }),
      Plot.text([both[1]], {
        x: (end) => end, y: (end) => end, text: () => spec.diagonal, textAnchor: "end", dx: -18, dy: 4, fill: MUTED,
        fontSize: 12, ...HALO,
      }),
    ];
    return Plot.plot({
      width,
      height: Math.round(Math.min(420, Math.max(280, width * 0.5))),
      marginTop: 30, marginBottom: 46, marginLeft: left, marginRight: 14,
      style: STYLE,
      x: { type: "linear", domain: xDomain },
      y: { domain: yDomain },
      marks: [
        Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: 5 }),
        Plot.axisY({ tickFormat: yTicks, tickSize: 0, color: MUTED, label: spec.yAxis, labelArrow: "none", ticks: 5 }),
        bottomAxis(xDomain, spec.xFormat, width - left, {
          label: spec.xAxis, labelArrow: "none", labelAnchor: "center",
          ticks: counted ? xTicks.filter(Number.isInteger) : xTicks,
        }),
        ...diagonal,
        ...drawn,
        Plot.tip(points, Plot.pointer({ x: "x", y: "y", title: "tip", ...TIP })),
      ],
    });
  }

  const DRAW = {
    interval: intervalChart,
    distribution: distributionChart,
    histogram: histogramChart,
    curve: curveChart,
  };

  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => ({
    place: figure.querySelector(".plot"),
    details: figure.querySelector("details"),
    spec: JSON.parse(figure.querySelector("script.drawing").textContent),
    half: figure.classList.contains("half"),
    width: 0,
  }));

  function draw(chart, width) {
    if (Math.abs(width - chart.width) < 1 || width < 1) return;
    chart.width = width;
    try {
      chart.place.replaceChildren(DRAW[chart.spec.kind](chart.spec, width));
    } catch (error) {
      const message = document.createElement("p");
      message.className = "failed";
      message.textContent = "This chart could not be drawn; its figures are below.";
      chart.place.replaceChildren(message);
      chart.details.open = true;
      reportError(error);
    }
  }

  // Paper has no layout to measure before it is printed: these are the widths that page.css gives on A4.
  const A4 = { full: (178 / 25.4) * 96, half: (85 / 25.4) * 96 };
  let printing = false;

  function drawAll() {
    for (const chart of charts) {
      draw(chart, printing ? (chart.half ? A4.half : A4.full) : chart.place.clientWidth);
    }
  }

  function print(now) {
    printing = now;
    drawAll();
  }

  drawAll();
  new ResizeObserver(drawAll).observe(document.querySelector("main"));
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
})();
