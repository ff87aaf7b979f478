// Where to draw the nodes of a graph: so that how far two are apart on the paper is how many links apart they are (stress
// majorisation: Gansner, Koren and North 2004). Only sums, products and square roots, which every engine computes alike: the
// same graph gives the same drawing everywhere. A library would bring a layout that is no better for graphs of this size.
import type { Graph } from "./graph.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** More change nothing that is seen. */
const roundsMax = 200;
/** Distance of nodes that nothing joins, in links. */
const apart = 4;

/** Beginnings that are tried; of graphs with more nodes than `manyNodes` only the first. */
const startsMax = 8;
const manyNodes = 60;

/** By node: a place in units of one link's length, around no particular middle. */
export function placesFor(graph: Graph): ReadonlyMap<string, Point> {
  const near = neighboursOf(graph.links);
  const names = graph.nodes
    .map(({ name }) => name)
    .toSorted((left, right) => (near.get(right)?.length ?? 0) - (near.get(left)?.length ?? 0));
  const starts = names.slice(0, names.length > manyNodes ? 1 : startsMax);
  let best: Drawing | undefined;
  for (const start of starts) {
    const drawing = drawnFrom(nearOrder([start, ...names], near), near, graph.links);
    // A knot in the beginning stays in the end: another one may have none.
    if (best === undefined || isBetter(drawing, best)) best = drawing;
  }
  return best?.places ?? new Map();
}

type Neighbours = ReadonlyMap<string, readonly string[]>;

interface Drawing {
  readonly places: ReadonlyMap<string, Point>;
  /** How far the distances on paper are from those in links. */
  readonly stress: number;
  /** Pairs of links that cross. */
  readonly crossings: number;
}

const isBetter = (one: Drawing, other: Drawing): boolean =>
  one.crossings < other.crossings || (one.crossings === other.crossings && one.stress < other.stress * 0.999);

function drawnFrom(order: readonly string[], near: Neighbours, links: Graph["links"]): Drawing {
  const distances = distancesOf(order, near);
  const xs = order.map((_, index) => onSquare(index, order.length).x);
  const ys = order.map((_, index) => onSquare(index, order.length).y);
  const rounds = order.length > 300 ? Math.ceil((roundsMax * 90_000) / (order.length * order.length)) : roundsMax;
  for (let round = 0; round < rounds; round++) improve(xs, ys, distances);
  const places = new Map(order.map((name, index) => [name, { x: xs[index] ?? 0, y: ys[index] ?? 0 }]));
  const crossings = order.length > manyNodes ? 0 : crossingsOf(links, places);
  return { places, stress: stressOf(xs, ys, distances), crossings };
}

function crossingsOf(links: Graph["links"], places: ReadonlyMap<string, Point>): number {
  const ends = links.map((link) => link.ends.map((end) => end.node));
  const at = (name = ""): Point => places.get(name) ?? { x: 0, y: 0 };
  let crossings = 0;
  for (const [index, one] of ends.entries()) {
    for (const other of ends.slice(0, index)) {
      if (one.some((name) => other.includes(name))) continue;
      const [from, to, otherFrom, otherTo] = [at(one[0]), at(one[1]), at(other[0]), at(other[1])];
      const apart = side(from, to, otherFrom) * side(from, to, otherTo) < 0;
      if (apart && side(otherFrom, otherTo, from) * side(otherFrom, otherTo, to) < 0) crossings++;
    }
  }
  return crossings;
}

/** Positive where `point` is on one side of the line, negative on the other. */
const side = (from: Point, to: Point, point: Point): number =>
  (to.x - from.x) * (point.y - from.y) - (to.y - from.y) * (point.x - from.x);

function stressOf(xs: readonly number[], ys: readonly number[], distances: readonly (readonly number[])[]): number {
  let stress = 0;
  for (const [index, row] of distances.entries()) {
    for (let other = 0; other < index; other++) {
      const wanted = row[other] ?? 0;
      if (wanted === 0) continue;
      const [dx, dy] = [(xs[index] ?? 0) - (xs[other] ?? 0), (ys[index] ?? 0) - (ys[other] ?? 0)];
      const off = (Math.sqrt(dx * dx + dy * dy) - wanted) / wanted;
      stress += off * off;
    }
  }
  return stress;
}

/** Neighbours follow each other, those with few links last: a start with few knots. */
function nearOrder(starts: readonly string[], near: Neighbours): readonly string[] {
  const degree = (name: string): number => near.get(name)?.length ?? 0;
  const seen = new Set<string>();
  for (const start of starts) {
    const waiting = [start];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(...(near.get(next) ?? []).toSorted((left, right) => degree(left) - degree(right)));
    }
  }
  return [...seen];
}

function neighboursOf(links: Graph["links"]): Neighbours {
  const near = new Map<string, string[]>();
  for (const { ends } of links) {
    const [left, right] = ends;
    near.set(left.node, [...(near.get(left.node) ?? []), right.node]);
    near.set(right.node, [...(near.get(right.node) ?? []), left.node]);
  }
  return near;
}

/** Links on the shortest way, by index; `apart` beyond the farthest where there is none. */
function distancesOf(order: readonly string[], near: Neighbours): readonly (readonly number[])[] {
  const indexes = new Map(order.map((name, index) => [name, index]));
  return order.map((start) => {
    const row = order.map(() => 0);
    let ring = [start];
    const seen = new Set(ring);
    for (let distance = 1; ring.length > 0; distance++) {
      ring = ring.flatMap((name) => near.get(name) ?? []).filter((name) => !seen.has(name) && seen.add(name));
      for (const name of ring) row[indexes.get(name) ?? 0] = distance;
    }
    return row.map((distance, index) => (distance > 0 || order[index] === start ? distance : apart));
  });
}

/** Points on the outline of a square, as a circle would need functions whose last digits differ between engines. */
function onSquare(index: number, count: number): Point {
  const side = Math.max(1, count / 4);
  const way = (4 * side * index) / Math.max(1, count);
  const along = way % side;
  switch (Math.floor(way / side)) {
    case 0:
      return { x: along, y: 0 };
    case 1:
      return { x: side, y: along };
    case 2:
      return { x: side - along, y: side };
    default:
      return { x: 0, y: side - along };
  }
}

/** One round: each node goes where the others, weighted by nearness, would like to have it. */
function improve(xs: number[], ys: number[], distances: readonly (readonly number[])[]): void {
  for (let index = 0; index < xs.length; index++) {
    let [sumX, sumY, weights] = [0, 0, 0];
    const row = distances[index] ?? [];
    const [x, y] = [xs[index] ?? 0, ys[index] ?? 0];
    for (let other = 0; other < xs.length; other++) {
      const wanted = row[other] ?? 0;
      if (other === index || wanted === 0) continue;
      const [otherX, otherY] = [xs[other] ?? 0, ys[other] ?? 0];
      const [dx, dy] = [x - otherX, y - otherY];
      const length = Math.max(Math.sqrt(dx * dx + dy * dy), 0.001);
      const weight = 1 / (wanted * wanted);
      sumX += weight * (otherX + (wanted * dx) / length);
      sumY += weight * (otherY + (wanted * dy) / length);
      weights += weight;
    }
    if (weights === 0) continue;
    xs[index] = sumX / weights;
    ys[index] = sumY / weights;
  }
}
