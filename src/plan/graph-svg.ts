// A graph as an SVG picture that stands alone: no script, no font, no style sheet from elsewhere.
import type { NodeKind } from "../spec/index.js";
import { type Point, placesFor } from "./graph-layout.js";
import { downColour, type Graph, type GraphLink, type GraphNode, kindColours } from "./graph.js";

/** Length of a link in pixels: the names of its interfaces fit, and what is written in its middle, if anything is. */
const linkPixels = { bare: 170, labelled: 270 } as const;
const margin = 70;
const legendHeight = 34;
const ink = "#374151";
const font = 'font-family="system-ui, sans-serif"';

export function graphSvg(graph: Graph): string {
  const isLabelled = graph.links.some((link) => link.impairments.length > 0 || isBroken(link));
  const places = pixels(placesFor(graph), isLabelled ? linkPixels.labelled : linkPixels.bare);
  const width = Math.max(420, ...[...places.values()].map((at) => at.x + margin));
  const height = Math.max(160, ...[...places.values()].map((at) => at.y + margin)) + legendHeight;
  const placeOf = (name: string): Point => places.get(name) ?? { x: 0, y: 0 };
  const parts = [
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...graph.links.map((link) => lineOf(link, placeOf)),
    ...graph.nodes.map((node) => nodeOf(node, placeOf(node.name))),
    // Above nodes and lines, or a short link would hide what it is.
    ...graph.links.map((link) => labelsOf(link, placeOf)),
    legend(graph, height - 14),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(graph.name)}</title>
${parts.filter((part) => part !== "").join("\n")}
</svg>
`;
}

function pixels(places: ReadonlyMap<string, Point>, length: number): ReadonlyMap<string, Point> {
  const left = Math.min(...[...places.values()].map((at) => at.x));
  const top = Math.min(...[...places.values()].map((at) => at.y));
  return new Map(
    [...places].map(([name, at]) => [
      name,
      { x: Math.round(margin + (at.x - left) * length), y: Math.round(margin + (at.y - top) * length) },
    ]),
  );
}

const isBroken = ({ state, faults }: GraphLink): boolean => state === "down" || faults.length > 0;

function lineOf(link: GraphLink, placeOf: (name: string) => Point): string {
  const [from, to] = link.ends.map((end) => placeOf(end.node));
  if (from === undefined || to === undefined) return "";
  const look = isBroken(link)
    ? `stroke="${downColour}" stroke-width="2" stroke-dasharray="6 4"`
    : `stroke="${ink}" stroke-width="1.5"`;
  return `<line x1="${from.x}" y1="${from.y}" x2="${to.x}" y2="${to.y}" ${look}/>`;
}

/** Interfaces a little off their nodes, what the link is like in the middle. */
function labelsOf(link: GraphLink, placeOf: (name: string) => Point): string {
  const [left, right] = link.ends;
  const [from, to] = [placeOf(left.node), placeOf(right.node)];
  const middle = [...twoALine(link.impairments), ...(link.state === "down" ? ["down"] : []), ...link.faults];
  const colour = isBroken(link) ? downColour : ink;
  return [
    labelAt(between(from, to, offset(from, to)), [left.interface], ink),
    labelAt(between(to, from, offset(from, to)), [right.interface], ink),
    labelAt(between(from, to, 0.5), middle, colour),
  ]
    .filter((label) => label !== "")
    .join("\n");
}

const twoALine = (words: readonly string[]): readonly string[] =>
  [words.slice(0, 2), words.slice(2)].map((each) => each.join(", "));

/** Just outside a node, which is wider than high, as a part of the way. */
function offset(from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.max(1, Math.sqrt(dx * dx + dy * dy));
  return Math.min(0.35, (32 + (30 * Math.abs(dx)) / length) / length);
}

const between = (from: Point, to: Point, part: number): Point => ({
  x: Math.round(from.x + (to.x - from.x) * part),
  y: Math.round(from.y + (to.y - from.y) * part),
});

/** Lines of small text on white, so that the link does not strike them through. */
function labelAt({ x, y }: Point, lines: readonly string[], colour: string): string {
  const shown = lines.filter((line) => line !== "");
  if (shown.length === 0) return "";
  const width = Math.max(...shown.map((line) => line.length)) * 5.4 + 6;
  const height = shown.length * 12 + 2;
  const top = y - height / 2;
  const rows = shown.map(
    (line, index) =>
      `<text x="${x}" y="${top + 10 + index * 12}" font-size="10" ${font} text-anchor="middle" fill="${colour}">${escaped(line)}</text>`,
  );
  const paper = `<rect x="${Math.round(x - width / 2)}" y="${top}" width="${Math.round(width)}" height="${height}" fill="#ffffff" opacity="0.85"/>`;
  return [paper, ...rows].join("\n");
}

function nodeOf({ name, kind, faults }: GraphNode, { x, y }: Point): string {
  const look = `fill="${kindColours[kind]}" stroke="${faults.length > 0 ? downColour : ink}" stroke-width="${faults.length > 0 ? 2.5 : 1.2}"`;
  const text = `<text x="${x}" y="${y + 4}" font-size="12" ${font} text-anchor="middle" fill="#111827">${escaped(name)}</text>`;
  const marks = labelAt({ x, y: y + 28 }, faults, downColour);
  return [shapeOf(kind, { x, y }, { look, width: Math.max(44, name.length * 7 + 16) }), text, marks]
    .filter((part) => part !== "")
    .join("\n");
}

function shapeOf(
  kind: NodeKind,
  { x, y }: Point,
  { look, width }: { readonly look: string; readonly width: number },
): string {
  const box = (round: number): string =>
    `<rect x="${x - width / 2}" y="${y - 15}" width="${width}" height="30" rx="${round}" ${look}/>`;
  switch (kind) {
    case "router":
      return `<ellipse cx="${x}" cy="${y}" rx="${width / 2}" ry="19" ${look}/>`;
    case "switch":
      return `<polygon points="${hexagon({ x, y }, width)}" ${look}/>`;
    case "orderer":
    case "peer":
      return box(4);
    case "client":
    case "host":
      return box(15);
  }
}

function hexagon({ x, y }: Point, width: number): string {
  const half = width / 2;
  return [
    [x - half - 6, y],
    [x - half + 6, y - 16],
    [x + half - 6, y - 16],
    [x + half + 6, y],
    [x + half - 6, y + 16],
    [x - half + 6, y + 16],
  ]
    .map((point) => point.join(","))
    .join(" ");
}

function legend({ nodes }: Graph, y: number): string {
  const kinds = [...new Set(nodes.map((node) => node.kind))];
  return kinds
    .map((kind, index) => {
      const x = 12 + index * 80;
      return `<rect x="${x}" y="${y - 9}" width="12" height="12" fill="${kindColours[kind]}" stroke="${ink}"/><text x="${x + 17}" y="${y + 1}" font-size="11" ${font} fill="${ink}">${kind}</text>`;
    })
    .join("\n");
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
