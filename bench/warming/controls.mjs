// Traces in which something is wrong on purpose: what warming does there shows whether it knows its limits.
import { seeded } from '../../test/support/random.mjs';
import { InputError } from './trace.mjs';

const SILENT_LIVES = 10;

export const CONTROLS = {
  /** All keys exchange their names anew every ttl: who was asked for says nothing about who will be. */
  permuted: (traces) => traces.map((trace) => named(trace, permuted(trace), 'permuted')),

  /** One trace and then another one, under the settings of the first: nothing that was learned holds any more. */
  joined: ([first, second]) => {
    if (!second) throw new InputError('--control joined: takes two traces with times');
    const both = { ...first, name: `${first.name} + ${second.name}` };
    return [named(both, joined(first, second), 'joined')];
  },

  /** In the middle nobody asks for anything for ten times to live. */
  silent: (traces) => traces.map((trace) => named(trace, silent(trace), 'silent')),
};

const named = (trace, changes, how) => ({ ...trace, ...changes, name: `${trace.name} (${how})` });

function permuted({ keys, settings, times }) {
  const random = seeded(1);
  const names = [...new Set(keys)];
  let renamed = new Map();
  let until = -Infinity;
  const others = keys.map((key, at) => {
    for (; times[at] >= until; until = Math.max(until, times[0]) + settings.ttlMs) {
      const shuffled = shuffle(names, random);
      renamed = new Map(names.map((name, index) => [name, shuffled[index]]));
    }
    return renamed.get(key);
  });
  return { keys: others };
}

/** Fisher and Yates. */
function shuffle(list, random) {
  const shuffled = [...list];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other], shuffled[last]];
  }
  return shuffled;
}

function joined(first, second) {
  const later = first.times.at(-1) + first.settings.tickMs - second.times[0];
  return {
    keys: [...first.keys.map((key) => `a${key}`), ...second.keys.map((key) => `b${key}`)],
    times: Float64Array.from([...first.times, ...second.times.map((time) => time + later)]),
  };
}

function silent({ settings, times }) {
  const middle = times.length >> 1;
  const gap = SILENT_LIVES * settings.ttlMs;
  return { times: times.map((time, at) => (at < middle ? time : time + gap)) };
}
