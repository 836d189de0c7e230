export function arrivals(how: {
  rate: number;
  stretches: readonly number[];
  kind: 'poisson' | 'constant';
  random?: () => number;
}): Float64Array;
export function zipf(how: {
  keys: number;
  count: number;
  exponent?: number;
  random?: () => number;
}): Uint32Array;
