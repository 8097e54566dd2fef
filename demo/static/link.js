// The stream's life: connect, notice silence, reconnect, say so; let go of it while nobody looks. Where nothing but whole
// answers comes through, the page asks for pictures instead.
'use strict';
demo.link = (() => {
  const SILENT_MS = 2400; // more than twice HEARTBEAT_AFTER_SEC in demo/hub/hub.py
  const ANSWER_MS = 4000;
  const DROPPED_MS = 500;
  const CLOSED_MS = 150;
  const RETRY_MS = 250;
  const MAX_RETRY_MS = 800;
  const FULL_MS = 5000;
  const PROVEN_MS = 5000;
  const RELOAD_MS = 5000;
  const SPREAD_MS = 2000;
  const TICK_MS = 250;
  // How long a page whose stream was held may live on a picture, until the next stream is there or given up.
  const TRYING_MS = 5000;
  const show = document.getElementById('show');
  const address = show.getAttribute('hx-sse:connect');
  const path = address.replace(/\?.*/, '');
  const badge = document.getElementById('link');
  const words = document.getElementById('link-text');
  // Which page this is: the server ends an older stream of it, which something on the way may have kept.
  const page = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  // A browser, or a box on the way, may hold streams back: then each hangs. On a bad network they hang now and then, and a
  // plain one is heavier. So two packed ones must hang, each with a picture behind it that came, until a plain one is tried.
  const WAYS = address.includes('packed=1') ? ['packed', 'packed', 'plain'] : ['plain', 'plain'];
  const now = () => performance.now();
  let connection = null;
  let request = null;
  let asking = false;
  let superseded = false;
  let asked = '';
  let askedAt = 0;
  let askAt = 0;
  let timer = 0;
  let failures = 0;
  let hangs = 0;
  let suspect = false;
  let wantsPicture = false;
  let heard = now();
  let opened = 0;
  let away = false;
  let robbed = false;
  let ready = false;
  let placed = false;
  let alive = false;
  let fullUntil = 0;
  let pollMs = 0;
  let messages = 0;
  let past = 0;
  let newest = '';
  let foreign = false;
  let ticked = 0;

  const isLost = () => robbed || (!away && now() - heard > SILENT_MS + pollMs);
  const isHeld = () => hangs >= WAYS.length;
  const way = () => (wantsPicture || isHeld() ? 'picture' : WAYS[hangs]);
  const isStreaming = () => Boolean(connection) && asked !== 'picture' && messages > 0 && now() - heard < SILENT_MS;

  // One request at a time, and none while a stream stands.
  function ask() {
    clearTimeout(timer);
    if (away || robbed || asking || connection) return;
    const wait = Math.max(askAt, fullUntil) - now();
    if (wait > 0) return void (timer = setTimeout(ask, wait));
    // htmx starts in a timer: where its extension arrived after that, the page has to be shown to it again.
    if (!show._htmx) htmx.process(show);
    htmx.trigger(show, 'reopen');
  }
  function askAfter(ms) {
    askAt = Math.max(askAt, now() + ms);
    ask();
  }
  // Nobody there, or somebody else's answer. Not all in one moment, when the server is back.
  function failed() {
    if (asked === 'picture') wantsPicture = suspect = false;
    failures += 1;
    askAfter(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (failures - 1)) * (0.75 + 0.5 * Math.random()));
  }
  // Nothing came. A picture will tell whether that was the network, or whether only streams are held back.
  function hung() {
    if (asked === 'picture') return;
    suspect = wantsPicture = true;
  }
  function pictureCame(everyMs) {
    if (suspect) hangs += 1;
    suspect = wantsPicture = false;
    failures = 0;
    pollMs = isHeld() ? everyMs : TRYING_MS;
    askAt = isHeld() ? now() + everyMs : 0;
    if (isHeld()) demo.trial.start(`${path}?trial=1`, headers(), comesThrough);
  }
  // After a trial: the plain stream, which is given up at its first silence.
  function comesThrough() {
    hangs = WAYS.length - 1;
    askAt = 0;
    ask();
  }
  // Something was done that this page should show: without a stream, now and not with the next picture.
  function refresh() {
    if (isStreaming() || away || robbed) return;
    wantsPicture = true;
    askAt = 0;
    if (connection) letGo();
    else if (asking) {
      superseded = true;
      giveUp();
    } else ask();
  }

  const headers = () => ({ 'X-Demo-Page': page });
  // Past the cache: there Firefox lets the same page in another tab wait for the first one's stream to end.
  function aim() {
    asked = way();
    const query = { packed: '?packed=1', plain: '', picture: '?picture=1' }[asked];
    Object.assign(request, { action: path + query, cache: 'no-store' });
    Object.assign(request.headers, headers());
    // A relay that is a little behind then waits with its picture, so that no page steps back.
    if (newest) request.headers['Last-Event-ID'] = newest;
  }
  // An abort without a reason: nobody has to be told in the browser's console.
  const giveUp = () => request.abort();
  function letGo() {
    if (connection?.reader) connection.reader.cancel();
    else connection?.abortController?.abort();
  }
  async function open(steal) {
    if (!(await demo.slots.take(steal))) return;
    robbed = away = false;
    placed = true;
    heard = now();
    askAt = 0;
    ask();
  }
  async function attend() {
    const wanted = await demo.slots.wanted();
    if (wanted && !robbed && (away || !ready)) {
      ready = true;
      await open(true);
    } else if (!wanted && !away && ready) {
      away = true;
      placed = false;
      letGo();
      demo.slots.leave();
    }
  }

  const isOurs = (event) => event.detail.ctx?.sourceElement === show;
  show.addEventListener('htmx:config:request', (event) => {
    if (!isOurs(event)) return;
    ({ request } = event.detail.ctx);
    asking = true;
    askedAt = now();
    aim();
  });
  show.addEventListener('htmx:sse:before:connection', (event) => {
    if (away || robbed) return event.preventDefault();
    connection = event.detail.connection;
  });
  show.addEventListener('htmx:sse:after:connection', () => { opened = now(); messages = past = 0; });
  show.addEventListener('htmx:response:error', (event) => { if (isOurs(event)) refused(event.detail.ctx); });
  show.addEventListener('htmx:finally:request', (event) => {
    if (!isOurs(event)) return;
    asking = false;
    if (superseded) {
      superseded = false;
      ask();
    } else if (!connection) failed();
  });
  show.addEventListener('htmx:sse:close', () => {
    if (!connection) return;
    connection = null;
    if (messages || wantsPicture) askAfter(CLOSED_MS);
    else failed();
  });
  // A refusal of our own server; null for anybody else's, as a proxy's page.
  function problemOf(ctx) {
    if (!/^application\/problem\+json/.test(ctx.response?.headers?.get('content-type') || '')) return null;
    try { return JSON.parse(ctx.text); } catch { return null; }
  }
  // Only what our own server says counts: a proxy's 503 is nobody's word but its own.
  // `unpaired`: this device was revoked, or the show is another one; its notes leave the screen. `full`: no place, so wait.
  function refused(ctx) {
    const code = problemOf(ctx)?.code;
    if (code === 'unpaired') {
      try { sessionStorage.setItem('demo-unpaired', '1'); } catch { /* private window */ }
      location.replace('pair');
    } else if (code === 'full') fullUntil = now() + FULL_MS * (1 + Math.random());
  }
  // One picture instead of a stream, and when to ask for the next: what was asked for, or there is no place for a stream.
  document.addEventListener('poll', (event) => {
    let everyMs = FULL_MS;
    try { everyMs = 1000 * JSON.parse(event.detail.data).every_sec; } catch { /* a picture without a word is still one */ }
    if (asked === 'picture') pictureCame(everyMs);
    else {
      pollMs = everyMs;
      askAt = now() + everyMs;
    }
    tell();
  });

  // Pictures are fetched one by one, perhaps from a relay that is behind the one before: a page never steps back.
  function isOlder(ident) {
    const [epoch, seq] = ident.split('-');
    const [known, least] = newest.split('-');
    return asked === 'picture' && epoch === known && Number(seq) < Number(least);
  }
  show.addEventListener('htmx:sse:before:message', (event) => {
    const message = event.detail.message;
    heard = now();
    alive = true;
    failures = 0;
    messages += 1;
    if (asked !== 'picture') {
      // The second message of a stream: a picture has its word there, and ends.
      if (messages > 1 && message.event !== 'poll') {
        pollMs = 0;
        demo.trial.stop();
      }
      // A plain one that has stood long: perhaps the network changes. Behind it one packed one may hang, no more.
      if (heard - opened > PROVEN_MS) hangs = asked === 'packed' || WAYS[0] === 'plain' ? 0 : 1;
    }
    // Behind the whole view come the last messages that everyone has, older than it: the next ones build on them.
    if (message.event === 'past') past = Number(message.data);
    else if (past > 0) {
      past -= 1;
      return event.preventDefault();
    }
    const epoch = (message.id || '').replace(/-[^-]*$/, '');
    // A page that waited for its show turns into it.
    if (epoch && !document.body.dataset.epoch) begin(epoch);
    if (message.event !== 'poll') foreign = Boolean(epoch) && epoch !== document.body.dataset.epoch;
    if (foreign) {
      event.preventDefault();
      reloadOnce(epoch);
    } else if (message.id && isOlder(message.id)) event.preventDefault();
    else newest = message.id || newest;
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
    const at = Date.now();
    try {
      const [before, then] = (sessionStorage.getItem('demo-reload') || ' 0').split(' ');
      if (before === cause && Math.abs(at - then) < RELOAD_MS) return;
      sessionStorage.setItem('demo-reload', `${cause} ${at}`);
    } catch {
      if (now() < RELOAD_MS) return; // nothing can be remembered
    }
    // The hall's phones learn of it in the same moment: they come one after the other. Projector and presenter do at once.
    const isPhone = matchMedia('(max-width: 699px), (max-width: 1000px) and (max-height: 480px)').matches;
    const isOneOfMany = isPhone && document.body.dataset.view === 'stage';
    setTimeout(() => location.reload(), isOneOfMany ? SPREAD_MS * Math.random() : 0);
  }

  // A relay that is without the show itself says since when.
  const cutOff = () => Number(document.querySelector('[data-lost]')?.dataset.lost) || 0;

  function lostWords(afar) {
    if (afar) return demo.text('not live: no contact with the show · for %(time)s', { time: demo.span(Math.max(0, demo.now() - afar)) });
    if (foreign && !isLost()) return demo.text('not live: another show has begun · loading it');
    if (robbed) return demo.text('not live: other tabs use the connections · click to go live here');
    if (fullUntil > heard + pollMs) return demo.text('not live: all connections are taken · trying again');
    return demo.text('connection lost · %(time)s ago', { time: demo.span((now() - heard) / 1000) });
  }
  function pollWords() {
    const values = { seconds: Math.max(1, Math.round(pollMs / 1000)) };
    if (hangs) return demo.text('the network holds updates back: refreshed every %(seconds)s s', values);
    return demo.text('too many viewers: refreshed every %(seconds)s s', values);
  }
  function tell() {
    const afar = isLost() ? 0 : cutOff();
    const lost = isLost() || afar > 0 || foreign;
    document.documentElement.classList.toggle('lost', lost);
    document.body.dataset.link = lost ? 'lost' : pollMs ? 'polling' : alive ? 'up' : 'connecting';
    badge.hidden = !lost && !pollMs;
    const text = lost ? lostWords(afar) : pollMs ? pollWords() : words.textContent;
    if (words.textContent !== text) words.textContent = text;
    const state = document.getElementById('conn');
    const word = lost ? demo.text('lost') : pollMs ? demo.text('polling') : demo.text('live');
    if (state && (alive || lost) && state.textContent !== word) {
      state.textContent = word;
      state.className = lost ? 'conn down' : 'conn up';
    }
  }
  function tick() {
    const awake = Math.abs(Date.now() - ticked) < 4 * TICK_MS;
    ticked = Date.now();
    attend();
    if (away) return connection && letGo();
    // A hung stream never ends by itself. A new one has its time too, or a slow server would never get to speak.
    if (connection && now() - Math.max(heard, opened) > SILENT_MS) {
      if (awake) hung();
      letGo();
    } else if (asking && !connection && now() - askedAt > ANSWER_MS) {
      if (awake) hung();
      giveUp();
      // What was dropped before it was sent cannot be given up: nothing tells its end, and nothing may wait for it.
      if (now() - askedAt > ANSWER_MS + DROPPED_MS) {
        asking = superseded = false;
        ask();
      }
    } else if (placed || isLost()) ask();
    tell();
  }
  // The machine may have slept: what is not heard from soon is lost.
  demo.onSlept(() => { heard = Math.min(heard, now() - SILENT_MS / 2); });
  demo.slots.robbed = () => {
    if (away) return;
    robbed = true;
    letGo();
    tell();
  };

  // Whoever looks at the page again wants to see it now: what was silent meanwhile is probably dead.
  function back() {
    if (document.hidden) return;
    if (connection && now() - heard > SILENT_MS / 2 && now() - opened > SILENT_MS / 2) letGo();
    attend();
  }
  function again() {
    askAt = 0;
    ask();
  }
  document.addEventListener('visibilitychange', () => (document.hidden ? attend() : back()));
  addEventListener('pageshow', back);
  addEventListener('online', again);
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, () => { if (robbed) open(true); }, true);
  // htmx starts in a timer of its own, set before this one.
  addEventListener('DOMContentLoaded', () => setTimeout(() => { attend(); setInterval(tick, TICK_MS); }));
  return { isLost, refresh, problemOf, messages: () => messages };
})();
