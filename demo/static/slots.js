// A browser opens six connections to a host, all its tabs together, and Halt needs one of them. So a stream is only
// held by a page that is seen (or by the only stage), and by four pages of a browser at most.
'use strict';
demo.slots = (() => {
  const MOST = 4;
  const NAME = 'demo-stream-';
  const HERE = 'demo-stage-page';
  const locks = navigator.locks;
  const isStage = document.body.dataset.view === 'stage';
  let free = null;
  let taking = null;

  if (locks && isStage) locks.request(HERE, { mode: 'shared' }, () => new Promise(() => {}));

  async function onlyStage() {
    if (!locks) return false;
    const { held } = await locks.query();
    return held.filter((lock) => lock.name === HERE).length <= 1;
  }
  const wanted = async () => !document.hidden || (isStage && (await onlyStage()));

  // In which order the slots were taken, for all tabs to see; without storage any slot may be the one to give way.
  const all = [...Array(MOST).keys()];
  function stamp(slot) {
    try { localStorage.setItem(NAME + slot, String(Math.max(...all.map(since)) + 1)); } catch { /* private window */ }
  }
  function since(slot) {
    try { return Number(localStorage.getItem(NAME + slot)) || 0; } catch { return 0; }
  }

  function ask(slot, options) {
    return new Promise((answer) => {
      locks.request(NAME + slot, options, (lock) => {
        if (!lock) return answer(false);
        stamp(slot);
        return new Promise((resolve) => {
          free = resolve;
          answer(true);
        });
      }).catch(() => { free = null; demo.slots.robbed(); answer(false); });
    });
  }

  // Without Web Locks (plain http beyond loopback) there is nobody to ask.
  function take(steal) {
    taking ??= find(steal).finally(() => { taking = null; });
    return taking;
  }
  async function find(steal) {
    if (!locks || free) return true;
    for (let slot = 0; slot < MOST; slot += 1) if (await ask(slot, { ifAvailable: true })) return true;
    if (!steal) return false;
    const oldest = [...all].sort((a, b) => since(a) - since(b))[0];
    return ask(oldest, { steal: true });
  }
  function leave() {
    free?.();
    free = null;
  }
  return { wanted, take, leave, robbed: () => {} };
})();
