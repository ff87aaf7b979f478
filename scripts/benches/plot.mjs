// Lines on logarithmic axes as SVG. Colours and dashes tell them apart, on light and on dark ground.
const size = { width: 640, height: 400, left: 60, right: 230, top: 40, bottom: 50 };
const styles = [
  { colour: "#1f77b4", dash: "" },
  { colour: "#d9730d", dash: "8 4" },
  { colour: "#2a9d5c", dash: "2 4" },
];

/** `lines`: `{ label, points: [[x, y], …], exponent }`. */
export function plotOf(lines, { x: xLabel, title }) {
  const all = lines.flatMap(({ points }) => points);
  const range = (index) => {
    const logs = all.map((point) => Math.log10(point[index]));
    return [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  };
  const [xs, ys] = [range(0), range(1)];
  const inner = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
  const x = (value) => size.left + ((Math.log10(value) - xs[0]) / (xs[1] - xs[0])) * inner.width;
  const y = (value) => size.height - size.bottom - ((Math.log10(value) - ys[0]) / (ys[1] - ys[0])) * inner.height;
  const decades = ([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
  const grid = [
    ...decades(xs).map((value) => gridLine({ x1: x(value), x2: x(value), y1: size.top, y2: size.height - size.bottom }) +
      text(x(value), size.height - size.bottom + 18, String(value), "middle")),
    ...decades(ys).map((value) => gridLine({ x1: size.left, x2: size.width - size.right, y1: y(value), y2: y(value) }) +
      text(size.left - 8, y(value) + 4, String(Number(value.toPrecision(1))), "end")),
  ];
  const drawn = lines.map(({ label, points, exponent }, index) => {
    const { colour, dash } = styles[index % styles.length];
    const path = points.map((point) => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`).join(" ");
    const last = points.at(-1);
    const stroke = `stroke="${colour}" stroke-width="2"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}`;
    return `<polyline fill="none" ${stroke} points="${path}"/>` + text(x(last[0]) + 8, y(last[1]) + 4, `${label} (n^${exponent.toFixed(2)})`, "start", colour);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    text(size.left, 20, title, "start"),
    ...grid,
    text(size.left + inner.width / 2, size.height - 8, xLabel, "middle"),
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

const gridLine = ({ x1, x2, y1, y2 }) =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#888" stroke-opacity="0.3"/>`;
const text = (x, y, words, anchor, colour = "#888") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${words}</text>`;
