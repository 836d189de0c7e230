// A TCP proxy that can fall silent: connections stay open and are still accepted, and nothing comes through.
import net from 'node:net';

/** Forwards connections on a free port to `port`, both on loopback. */
export async function startProxy(port) {
  const pairs = new Set();
  let silent = false;
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => near.write(data));
    if (silent) hush(pair);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    silence: () => {
      silent = true;
      pairs.forEach(hush);
    },
    /** Goes on: what was held back comes through late, or, with `cut`, never. */
    resume: ({ cut }) => {
      silent = false;
      for (const pair of pairs)
        for (const socket of pair) {
          if (cut) socket.destroy();
          else socket.resume();
        }
    },
    stop: () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function hush(pair) {
  for (const socket of pair) socket.pause();
}
