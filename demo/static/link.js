// The stream's life: connect, notice silence, reconnect, say so; let go of it while nobody looks.
'use strict';
demo.link = (() => {
  const SILENT_MS = 2400;
  const RETRY_MS = 1200;
  const CLOSED_MS = 150;
  const FULL_MS = 5000;
  const PROVEN_MS = 5000;
  const RELOAD_MS = 5000;
  const SPREAD_MS = 2000;
  const TICK_MS = 250;
  const show = document.getElementById('show');
  const address = show.getAttribute('hx-sse:connect');
  const badge = document.getElementById('link');
  const words = document.getElementById('link-text');
  let connection = null;
  let heard = performance.now();
  let tried = -Infinity;
  let opened = -Infinity;
  let away = false;
  let robbed = false;
  let ready = false;
  let alive = false;
  let fullUntil = 0;
  let pollMs = 0;
  let messages = 0;
  let past = 0;
  let newest = '';
  let foreign = false;
  let request = null;
  let ticked = 0;
  let doubts = 0;
  let plain = false;
  let proven = false;

  const isLost = () => robbed || (!away && performance.now() - heard > SILENT_MS + pollMs);

  // A hung stream never ends by itself: end it here. Without one, ask for one; a second request is dropped.
  // A new one has its time too, or a slow server would never get to speak.
  function revive(grace = SILENT_MS) {
    if (performance.now() < fullUntil) return;
    tried = performance.now();
    // htmx starts in a timer: where its extension arrived after that, the page has to be shown to it again.
    if (!show._htmx) htmx.process(show);
    if (!connection) return void htmx.trigger(show, 'reopen');
    connection.delayCanceller?.();
    if (performance.now() - opened > grace) connection.reader?.cancel();
  }

  // A browser, or a box on the way, may hold packed streams back: they hang each time. On a bad network they hang now and
  // then, and a plain one is heavier. So before any has come through for a while, two must hang until a plain one is
  // tried; where that hangs too, it was not the packing.
  function doubt() {
    if (proven) return;
    doubts += 1;
    plain = doubts % 3 === 2;
  }
  // A plain stream that has stood long, and ended: perhaps the network has changed. One packed one may hang, no more.
  function retract() {
    if (!plain || !proven) return;
    plain = proven = false;
    doubts = 1;
  }
  // Past the cache: there Firefox lets the same page in another tab wait for the first one's stream to end.
  function aim() {
    if (!request) return;
    Object.assign(request, { action: plain ? address.replace('?packed=1', '') : address, cache: 'no-store' });
    // A relay that is a little behind then waits with its picture, so that no page steps back.
    if (newest && request.headers) request.headers['Last-Event-ID'] = newest;
  }
  function letGo() {
    connection?.delayCanceller?.();
    if (connection?.reader) connection.reader.cancel();
    else connection?.abortController?.abort();
  }
  async function open(steal) {
    if (!(await demo.slots.take(steal))) return;
    robbed = false;
    away = false;
    heard = performance.now();
    if (!connection) revive();
  }
  async function attend() {
    const wanted = await demo.slots.wanted();
    if (wanted && !robbed && (away || !ready)) {
      ready = true;
      await open(true);
    } else if (!wanted && !away && ready) {
      away = true;
      letGo();
      demo.slots.leave();
    }
  }

  show.addEventListener('htmx:sse:before:connection', (event) => {
    if (away || robbed || performance.now() < fullUntil) return event.preventDefault();
    connection = event.detail.connection;
    retract();
    aim();
  });
  show.addEventListener('htmx:config:request', (event) => {
    if (event.detail.ctx.sourceElement !== show) return;
    ({ request } = event.detail.ctx);
    aim();
  });
  show.addEventListener('htmx:sse:after:connection', () => { opened = performance.now(); messages = past = 0; });
  // No place for a stream: one picture, and when to ask for the next.
  document.addEventListener('poll', (event) => {
    try { pollMs = 1000 * JSON.parse(event.detail.data).every_sec; } catch { pollMs = FULL_MS; }
    fullUntil = performance.now() + pollMs;
    tell();
  });
  // 401: this device was revoked, or the show is another one; its notes leave the screen. 503: no place, so wait.
  function refused(status) {
    if (status === 401) {
      try { sessionStorage.setItem('demo-unpaired', '1'); } catch { /* private window */ }
      location.replace('/pair');
    } else if (status === 503) fullUntil = performance.now() + FULL_MS * (1 + Math.random());
  }
  show.addEventListener('htmx:sse:error', (event) => {
    refused(event.detail.status);
    if (event.detail.error?.name === 'AbortError') doubt();
  });
  show.addEventListener('htmx:error', (event) => {
    const { ctx } = event.detail;
    if (ctx?.sourceElement === show && ctx.request.signal.reason === 'timeout') doubt();
  });
  show.addEventListener('htmx:response:error', (event) => {
    if (event.detail.ctx?.sourceElement === show) refused(event.detail.ctx.response?.status);
  });
  show.addEventListener('htmx:sse:close', () => {
    connection = null;
    setTimeout(() => { if (!connection && !away && !robbed) revive(); }, CLOSED_MS);
  });
  show.addEventListener('htmx:sse:before:message', (event) => {
    heard = performance.now();
    alive = true;
    proven ||= heard - opened > PROVEN_MS;
    // A stream that goes on behind a picture and its word is a real one.
    if (++messages > 2) pollMs = 0;
    const message = event.detail.message;
    // Behind the whole view come the last messages that everyone has, older than it: the next ones build on them.
    if (message.event === 'past') past = Number(message.data);
    else if (past > 0) {
      past -= 1;
      return event.preventDefault();
    }
    const epoch = (message.id || '').replace(/-[^-]*$/, '');
    // A page that waited for its show turns into it.
    if (epoch && !document.body.dataset.epoch) begin(epoch);
    foreign = Boolean(epoch) && epoch !== document.body.dataset.epoch;
    if (foreign) {
      event.preventDefault();
      reloadOnce(epoch);
    } else newest = message.id || newest;
    if (foreign || document.body.dataset.link !== 'up') tell();
  });
  demo.onSwap(() => {
    const build = document.querySelector('[data-build]:not(body)')?.dataset.build;
    if (build && build !== document.body.dataset.build) reloadOnce(build);
  });

  function begin(epoch) {
    document.body.dataset.epoch = epoch;
    demo.onSwap(() => { document.title = document.querySelector('.name')?.textContent || document.title; });
  }

  // Another show or another version of the pages: take it whole, but never in a loop. What is reloaded may be the old one
  // again, from a relay that does not know the new one yet: then once more after a while.
  function reloadOnce(cause) {
    const now = `${cause} ${Date.now()}`;
    try {
      const [before, at] = (sessionStorage.getItem('demo-reload') || ' 0').split(' ');
      if (before === cause && Math.abs(Date.now() - at) < RELOAD_MS) return;
      sessionStorage.setItem('demo-reload', now);
    } catch {
      if (performance.now() < RELOAD_MS) return; // nothing can be remembered
    }
    // The hall's phones learn of it in the same moment: they come one after the other. Projector and presenter do at once.
    const isPhone = matchMedia('(max-width: 699px), (max-width: 1000px) and (max-height: 480px)').matches;
    const isOneOfMany = isPhone && document.body.dataset.view === 'stage';
    setTimeout(() => location.reload(), isOneOfMany ? SPREAD_MS * Math.random() : 0);
  }

  // A relay that is without the show itself says since when.
  const cutOff = () => Number(document.querySelector('[data-lost]')?.dataset.lost) || 0;

  function tell() {
    const afar = isLost() ? 0 : cutOff();
    const lost = isLost() || afar > 0 || foreign;
    document.documentElement.classList.toggle('lost', lost);
    document.body.dataset.link = lost ? 'lost' : pollMs ? 'polling' : alive ? 'up' : 'connecting';
    badge.hidden = !lost && !pollMs;
    const full = fullUntil > heard + pollMs;
    const polling = `hall full: a new picture every ${Math.round(pollMs / 1000)} s`;
    if (pollMs && !lost && words.textContent !== polling) words.textContent = polling;
    const text = afar ? `not live: the relay has lost the show · since ${demo.span(Math.max(0, demo.now() - afar))}` : foreign && !isLost() ? 'not live: another show has begun · loading it' : robbed ? 'not live: other tabs have the connections · click to show it here' : full ? 'not live: every place is taken · trying again' : `connection lost · since ${demo.span((performance.now() - heard) / 1000)}`;
    if (lost && words.textContent !== text) words.textContent = text;
    const state = document.getElementById('conn');
    if (state && (alive || lost) && state.textContent !== (lost ? 'lost' : 'live')) {
      state.textContent = lost ? 'lost' : 'live';
      state.className = lost ? 'conn down' : 'conn up';
    }
  }
  function tick() {
    const awake = Math.abs(Date.now() - ticked) < 4 * TICK_MS;
    ticked = Date.now();
    attend();
    if (away) return connection && letGo();
    if ((isLost() || (pollMs && !connection)) && !robbed && performance.now() - tried > RETRY_MS) {
      if (awake && connection?.reader && performance.now() - opened > SILENT_MS) doubt();
      revive();
    }
    tell();
  }
  // The machine may have slept: what is not heard from soon is lost.
  demo.onSlept(() => { heard = Math.min(heard, performance.now() - SILENT_MS + RETRY_MS); });
  demo.slots.robbed = () => {
    if (away) return;
    robbed = true;
    letGo();
    tell();
  };

  function back() {
    if (document.hidden) return;
    if (performance.now() - heard > RETRY_MS && !away && !robbed && connection) revive(RETRY_MS);
    attend();
  }
  document.addEventListener('visibilitychange', () => (document.hidden ? attend() : back()));
  addEventListener('pageshow', back);
  addEventListener('online', () => { if (isLost()) revive(); });
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, () => { if (robbed) open(true); }, true);
  // htmx starts in a timer of its own, set before this one.
  addEventListener('DOMContentLoaded', () => setTimeout(() => { attend(); setInterval(tick, TICK_MS); }));
  return { isLost };
})();
