// Many callers, few questions: what is asked in one tick goes out together; while `ways` questions are under way the rest gathers.

/** @param send - gets `[{ ask, resolve, reject }]`; resolves when the answers are given out */
export function gather(ways, send) {
  let waiting = [];
  let busy = 0;
  let due = false;
  const go = () => {
    due = false;
    while (waiting.length > 0 && busy < ways) {
      const batch = waiting;
      waiting = [];
      busy++;
      void send(batch)
        .catch((error) => batch.forEach(({ reject }) => reject(error)))
        .finally(() => {
          busy--;
          go();
        });
    }
  };
  return (ask) =>
    new Promise((resolve, reject) => {
      waiting.push({ ask, resolve, reject });
      if (due || busy === ways) return;
      due = true;
      process.nextTick(go);
    });
}
