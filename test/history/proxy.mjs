// A TCP proxy that can fall silent, for all connections or for those that follow the stream: they stay open, new ones are
// accepted, and nothing comes through.
import net from 'node:net';

/** What the connection that follows the stream calls itself. */
const TAIL = 'mlc-tail';

/** Forwards connections on a free port to `port`, both on loopback. */
export async function startProxy(port) {
  const pairs = new Set();
  /** Which pairs are held back. */
  let silent = () => false;
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    const pair = { sockets: [near, far], tail: false };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair.sockets) socket.setNoDelay(true).on('error', end).on('close', end);
    near.on('data', (data) => {
      far.write(data);
      if (pair.tail || !data.includes(TAIL)) return;
      pair.tail = true;
      if (silent(pair)) hush(pair);
    });
    far.on('data', (data) => near.write(data));
    if (silent(pair)) hush(pair);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    silence: ({ tail }) => {
      silent = (pair) => pair.tail || !tail;
      for (const pair of pairs) if (silent(pair)) hush(pair);
    },
    /** Goes on: what was held back comes through late, or, with `cut`, never. */
    resume: ({ cut }) => {
      const held = [...pairs].filter(silent);
      silent = () => false;
      for (const { sockets } of held)
        for (const socket of sockets) {
          if (cut) socket.destroy();
          else socket.resume();
        }
    },
    stop: () => {
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function hush({ sockets }) {
  for (const socket of sockets) socket.pause();
}
