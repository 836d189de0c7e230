/** How one caller waits for a load: not past its own `hardTimeout`, its soft `timeout` or its signal. The load goes on. */
import type { Clock, Timer } from '../core/clock.js';
import type { EntryLife } from '../core/entry-options.js';
import { lateError, type Answer, type Flight } from './single-flight.js';

/** The flight's answer, or what stands in when this caller's patience ends first. */
export function waitFor(
  flight: Flight,
  life: EntryLife,
  clock: Clock,
  standInFor: (flight: Flight) => Answer | undefined,
): Promise<Answer> {
  flight.join();
  const { hardTimeout, signal, timeout } = life;
  const inHurry = clock.now() + hardTimeout < flight.until;
  if (!inHurry && !signal && timeout === undefined) return flight.promise;
  if (signal?.aborted) {
    flight.leave(signal.reason);
    // Nobody else may wait for it.
    flight.promise.catch(() => undefined);
    return Promise.reject(signal.reason as Error);
  }
  return new Promise<Answer>((resolve, reject) => {
    const timers: Timer[] = [];
    const end = (): void => {
      for (const timer of timers) timer.cancel();
      signal?.removeEventListener('abort', leave);
    };
    const leave = (): void => {
      end();
      flight.leave(signal!.reason);
      reject(signal!.reason as Error);
    };
    const stale = (): void => {
      const answer = standInFor(flight);
      if (answer) {
        end();
        resolve(answer);
      } else flight.whenStale(stale);
    };
    if (timeout !== undefined) timers.push(clock.after(timeout, stale));
    if (inHurry)
      timers.push(
        clock.after(hardTimeout, () => {
          end();
          const answer = standInFor(flight);
          if (answer) resolve(answer);
          else reject(lateError(life));
        }),
      );
    signal?.addEventListener('abort', leave, { once: true });
    flight.promise.then(resolve, reject).finally(end);
  });
}
