"use strict";
/* global Plot, d3 */

// Anything that goes wrong is written where a test, and a reader of the source, can see it.
window.addEventListener("error", (event) => {
  document.documentElement.dataset.scriptError = event.message;
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
  const STYLE = { fontFamily: "inherit", fontSize: "13px", background: "none", color: INK };
  const NARROW = 560;
  const TIP = { fontSize: 12, lineHeight: 1.35, textPadding: 10, stroke: RULE };

  const ruler = document.createElement("canvas").getContext("2d");

  function textWidth(text, weight = 400) {
    ruler.font = `${weight} 13px ${getComputedStyle(document.body).fontFamily}`;
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

  function padded(values, share) {
    const [low, high] = d3.extent(values);
    const pad = (high - low || Math.abs(low) || 1) * share;
    return [low - pad, high + pad];
  }

  function referenceMarks(reference, room) {
    if (!reference) return [];
    const line = Plot.ruleX([reference.value], { stroke: MUTED, strokeWidth: 1 });
    const label = Plot.text([reference], {
      x: "value", text: "label", frameAnchor: "top", dy: -room, fill: MUTED, fontSize: 12, clip: false,
    });
    return [line, label];
  }

  function intervalChart(spec, width) {
    const narrow = width < NARROW;
    const rows = spec.rows.map((row, at) => ({ ...row, at }));
    const known = rows.filter((row) => row.grade);
    const reference = spec.reference;
    const values = known.flatMap((row) => [row.low, row.high]).concat(reference ? [reference.value] : []);
    const left = narrow ? 4 : Math.min(d3.max(rows, (row) => textWidth(row.label, 600)) + 24, width * 0.36);
    const right = narrow ? 4 : d3.max(known, (row) => textWidth(row.text, 600) + textWidth(row.interval) + 44) || 4;
    const pitch = narrow ? 50 : 38;
    const top = reference ? 26 : 8;
    const labelled = (emphasis) => rows.filter((row) => row.emphasis === emphasis);
    const labels = [false, true].map((emphasis) =>
      Plot.text(labelled(emphasis), {
        y: "at", text: "label", frameAnchor: "left", textAnchor: "start", fill: INK, clip: false,
        dx: narrow ? -4 : -left, dy: narrow ? -17 : 0, fontWeight: emphasis ? 700 : 400,
        lineWidth: (narrow ? width * 0.6 : left - 12) / 13,
      }));
    const figures = [["text", 600, INK, narrow ? -d3.max(known, (row) => textWidth(row.interval) + 12) || 0 : d3.max(known, (row) => textWidth(row.text, 600)) + 24 || 0],
      ["interval", 400, MUTED, narrow ? 0 : right]].map(([text, fontWeight, fill, dx]) =>
      Plot.text(known, {
        y: "at", text, frameAnchor: "right", textAnchor: "end", fill, fontWeight, clip: false,
        dx: narrow ? dx + 4 : dx, dy: narrow ? -17 : 0,
      }));
    const marks = Object.entries(SHAPES).flatMap(([grade, shape]) => {
      const those = known.filter((row) => row.grade === grade);
      const colour = `var(--${grade})`;
      return [
        Plot.ruleY(those, {
          y: "at", x1: "low", x2: "high", stroke: colour, strokeWidth: 2.5, strokeLinecap: "round",
          strokeDasharray: shape.dashed ? "2 5" : undefined,
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
      x: { domain: padded(values.length ? values : [0, 1], 0.04) },
      y: { type: "band", domain: rows.map((row) => row.at), axis: null, padding: 0 },
      marks: [
        Plot.gridX({ stroke: RULE, strokeOpacity: 1, ticks: Math.max(3, (width - left - right) / 90) }),
        Plot.axisX({ tickFormat: ticks(spec.format), tickSize: 0, color: MUTED, label: null, ticks: Math.max(3, (width - left - right) / 90) }),
        ...referenceMarks(reference, 20),
        ...marks,
        ...labels,
        ...figures,
        Plot.text(rows.filter((row) => row.reason), {
          y: "at", text: "reason", frameAnchor: "left", textAnchor: "start", dx: 6, fill: MUTED, fontStyle: "italic",
          lineWidth: (width - left) / 13 * 1.6, clip: false,
        }),
        Plot.tip(known, Plot.pointerY({ y: "at", x: "value", title: "tip", ...TIP })),
      ],
    });
  }

  function distributionChart(spec, width) {
    const bars = spec.bars.map((bar, at) => ({ ...bar, at }));
    const left = Math.min(d3.max(bars, (bar) => textWidth(bar.label, 600)) + 16, width * 0.4);
    const right = d3.max(bars, (bar) => textWidth(bar.text)) + 16;
    return Plot.plot({
      width,
      height: bars.length * 38 + 8,
      marginTop: 4, marginBottom: 4, marginLeft: left, marginRight: right,
      style: STYLE,
      x: { axis: null, domain: [0, d3.max(bars, (bar) => bar.amount)] },
      y: { type: "band", domain: bars.map((bar) => bar.at), axis: null, padding: 0.42 },
      marks: [
        Plot.barX(bars, {
          y: "at", x: "amount", rx2: 2,
          fill: (bar) => (bar.emphasis ? ACCENT : "var(--accent-soft)"),
        }),
        Plot.text(bars, {
          y: "at", text: "label", frameAnchor: "left", textAnchor: "start", dx: -left, fill: INK, clip: false,
          lineWidth: (left - 12) / 13,
        }),
        Plot.text(bars, { y: "at", x: "amount", text: "text", textAnchor: "start", dx: 8, fill: INK, clip: false }),
        Plot.ruleX([0], { stroke: MUTED }),
        Plot.tip(bars, Plot.pointerY({ y: "at", x: "amount", title: "tip", ...TIP })),
      ],
    });
  }

  function histogramChart(spec, width) {
    const counts = d3.format(",");
    const left = d3.max(spec.bins, (bin) => textWidth(counts(bin.count))) + 14;
    return Plot.plot({
      width,
      height: 240,
      marginTop: spec.reference ? 26 : 10, marginBottom: 30, marginLeft: left, marginRight: 12,
      style: STYLE,
      x: { type: "linear", domain: [spec.bins[0].low, spec.bins.at(-1).high] },
      y: { domain: [0, d3.max(spec.bins, (bin) => bin.count)], nice: 4 },
      marks: [
        Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: 4 }),
        Plot.axisY({ tickFormat: counts, tickSize: 0, color: MUTED, label: null, ticks: 4 }),
        Plot.rectY(spec.bins, { x1: "low", x2: "high", y: "count", fill: ACCENT, inset: 0.5 }),
        Plot.ruleY([0], { stroke: MUTED }),
        Plot.axisX({ tickFormat: ticks(spec.format), tickSize: 0, color: MUTED, label: null, ticks: Math.max(3, width / 90) }),
        ...referenceMarks(spec.reference, 20),
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
    const yDomain = spec.diagonal ? both : padded(ys, 0.06);
    const left = d3.max(d3.ticks(...yDomain, 5), (tick) => textWidth(yTicks(tick))) + 14;
    const shapes = ["circle", "diamond", "square", "triangle"];
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
      Plot.link([both], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: MUTED, strokeDasharray: "4 4" }),
      Plot.text([both], {
        x: 1, y: 1, text: () => spec.diagonal, textAnchor: "end", dx: -14, dy: 2, fill: MUTED, fontSize: 12,
      }),
    ];
    return Plot.plot({
      width,
      height: Math.round(Math.min(420, Math.max(280, width * 0.5))),
      marginTop: 30, marginBottom: 46, marginLeft: left, marginRight: 14,
      style: STYLE,
      x: { type: "linear", domain: spec.diagonal ? both : padded(xs, 0.02) },
      y: { domain: yDomain },
      marks: [
        Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: 5 }),
        Plot.axisY({ tickFormat: yTicks, tickSize: 0, color: MUTED, label: spec.yAxis, labelArrow: "none", ticks: 5 }),
        Plot.axisX({
          tickFormat: ticks(spec.xFormat), tickSize: 0, color: MUTED, label: spec.xAxis, labelArrow: "none",
          labelAnchor: "center", ticks: Math.max(3, width / 100),
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

  const drawAll = () => charts.forEach((chart) => draw(chart, chart.place.clientWidth));
  drawAll();
  new ResizeObserver(drawAll).observe(document.querySelector("main"));
  window.addEventListener("beforeprint", drawAll);
})();
