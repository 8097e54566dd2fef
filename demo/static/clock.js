// The server's clock, and every text that counts: ages, countdowns, elapsed time. Markup holds only moments.
'use strict';
window.demo = (() => {
  const EVERY_MS = 150;
  const CALM_SEC = 2;
  const KEPT = 30;
  const ANOTHER_SEC = 2;
  const SLEPT_MS = 1500;
  const swapped = [];
  const slept = [];
  let offsets = [];
  let behind = 0;
  let unsure = false;
  let rate = 1;
  let pace = '';

  // What a script says, in the language of the page: the page brings the texts of another one than English.
  const texts = JSON.parse(document.body.dataset.texts || '{}');
  const text = (english, values = {}) => (texts[english] ?? english).replace(/%\((\w+)\)s/g, (_, name) => values[name]);
  // Why something was refused. Those documents are English: a page in another language says what kind it is.
  const reason = (problem) => texts[problem.detail] || texts[problem.title] || problem.detail || problem.title || '';

  // No clock of a machine is asked how much time has passed: somebody may set it.
  const ticks = () => performance.now() / 1000;
  // Latency only ever makes the server look behind: the largest offset of the last beats is the best guess, unless it
  // is behind time and again: then the show has another clock now.
  function hear(serverNow) {
    if (!Number.isFinite(serverNow) || (rate === 0 && offsets.length && !unsure)) return;
    const offset = serverNow - rate * ticks();
    behind = !unsure && offset < best() - ANOTHER_SEC ? behind + 1 : 0;
    offsets = unsure ? [offset] : [...offsets, offset].slice(behind > 2 ? -behind : -KEPT);
    unsure = false;
  }
  const best = () => (offsets.length ? Math.max(...offsets) : Date.now() / 1000 - rate * ticks());
  const now = () => rate * ticks() + best();

  // A replay has a clock of its own pace, which stands while the replay waits: its mark says both, and since when.
  function hearPace() {
    const mark = document.querySelector('[data-rate]');
    const said = mark ? `${mark.dataset.rate} ${mark.dataset.from}` : '';
    if (said === pace) return;
    pace = said;
    rate = mark ? Number(mark.dataset.rate) : 1;
    offsets = [];
    if (mark) hear(Number(mark.dataset.from));
  }

  // Some browsers' ticks stand still while the machine sleeps. The wall clock shows it, but may just have been set: until
  // the server says what time it is, nothing is counted.
  let ahead = Date.now() - performance.now();
  function wake() {
    const before = ahead;
    ahead = Date.now() - performance.now();
    if (ahead - before < SLEPT_MS) return;
    unsure = true;
    for (const f of slept) f();
  }
  const onSlept = (f) => slept.push(f);

  function age(seconds) {
    const s = Math.max(0, seconds);
    if (s < 9.95) return `${s.toFixed(1).replace('.', texts['.'] ?? '.')} s`;
    if (s < 99.5) return `${Math.round(s)} s`;
    return s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
  }
  function clock(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const two = (n) => String(n).padStart(2, '0');
    const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
  }
  const span = (seconds) => (seconds < 99.5 ? `${Math.round(seconds)} s` : age(seconds));
  const timeOfDay = (at, seconds) =>
    new Date(at * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: seconds ? '2-digit' : undefined, hour12: false });

  // What the show dates is shown by the clock that stands on this screen too.
  let dates = 0;
  function dateOf(moment) {
    const exact = Date.now() / 1000 - now();
    if (Math.abs(exact - dates) > 0.5) dates = exact;
    return moment + dates;
  }

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  const all = (name, fill) => {
    for (const element of document.querySelectorAll(`[data-${name}]`)) fill(element, Number(element.dataset[name]));
  };

  // The talk's timer stands at what it has banked, or runs on from there.
  function talk(element, at) {
    const { banked, runs, budget } = element.closest('[data-banked]').dataset;
    const elapsed = Math.floor(Number(banked) + (runs ? Math.max(0, at - Number(runs)) : 0));
    if (!element.dataset.pace) {
      put(element, clock(elapsed));
      return void element.toggleAttribute('data-live-over', Number(budget || Infinity) < elapsed);
    }
    const [from, until] = element.dataset.pace.split(' ').map(Number);
    const late = () => text('%(time)s behind', { time: clock(elapsed - until) });
    const early = () => text('%(time)s ahead', { time: clock(from - elapsed) });
    put(element, elapsed > until ? late() : elapsed < from ? early() : text('on time'));
    element.toggleAttribute('data-live-over', elapsed > until);
  }

  // One digit changes ten times a second at most, and nothing that a screen reader speaks.
  function fill() {
    wake();
    for (const element of document.querySelectorAll('[data-clock]')) put(element, timeOfDay(Date.now() / 1000, false));
    if (unsure) return;
    const at = now();
    all('age', (element, since) => {
      // A calm age, one for a room, is said in whole seconds, and only once there is something to say.
      const calm = 'calm' in element.dataset;
      put(element, calm && at - since < CALM_SEC ? '' : calm ? span(at - since) : age(at - since));
    });
    all('left', (element, until) => put(element, until > at ? `${Math.ceil(until - at)} s` : text('a moment')));
    all('count', (element, until) => put(element, until > at ? String(Math.ceil(until - at)) : ''));
    all('since', (element, since) => {
      const passed = Math.min(at - since, Number(element.dataset.most ?? Infinity));
      put(element, clock(passed));
      element.toggleAttribute('data-live-over', Number(element.dataset.budget || Infinity) < passed);
    });
    for (const element of document.querySelectorAll('[data-talk], [data-pace]')) talk(element, at);
    all('stamp', (element, moment) => put(element, timeOfDay(dateOf(moment), true)));
    all('date', (element, date) => put(element, timeOfDay(date, true)));
  }

  // `onSwap(f)`: f runs after each change of the page, before it is painted.
  const onSwap = (f) => swapped.push(f);
  const changed = () => { for (const f of swapped) f(); };
  document.addEventListener('htmx:after:swap', changed);
  document.addEventListener('beat', (event) => {
    try { hear(JSON.parse(event.detail.data).now); } catch { /* a beat without a time is still a beat */ }
  });

  // A measurement is never younger than its arrival, so it bounds the offset like a beat does.
  let measured = 0;
  function hearSample() {
    const at = Math.max(0, ...[...document.querySelectorAll('[data-age]')].map((element) => Number(element.dataset.age)));
    // Pictures that are fetched bring no beat: after a sleep a new measurement is what tells the time.
    if (at > measured && (unsure || at > now())) hear(at);
    measured = at;
  }

  hearPace();
  hear(Number(document.body.dataset.now));
  onSwap(hearPace);
  onSwap(hearSample);
  onSwap(fill);
  setInterval(fill, EVERY_MS);
  fill();
  return { text, reason, now, age, span, onSwap, onSlept, changed };
})();
