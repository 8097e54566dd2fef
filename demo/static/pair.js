// Pairing: the link's secret is taken out of the address before anything else, and sent once.
'use strict';
(() => {
  // In the language of the page, as in clock.js, which this page does without.
  const texts = JSON.parse(document.body.dataset.texts || '{}');
  const say = (english) => texts[english] ?? english;
  const NO_LINE = say('The server does not answer. Is this device on the same network? Then try again.');
  const PATIENCE_MS = 8000;
  const ask = document.getElementById('ask');
  const done = document.getElementById('done');
  const form = document.getElementById('form');
  const field = document.getElementById('code');
  const button = form.querySelector('button');
  const head = document.getElementById('head');
  const why = document.getElementById('why');
  let kept = '';

  // Where a browser refuses to rewrite the address, the secret still pairs only once.
  function takeSecret() {
    const secret = location.hash.slice(1);
    if (secret) {
      try { history.replaceState(null, '', location.pathname); } catch { /* locked down */ }
    }
    return secret;
  }
  function refuse(text) {
    why.textContent = text;
    why.hidden = false;
    head.textContent = say('Pair this device');
    button.textContent = kept ? say('Try again') : say('Pair');
  }
  function show(paired) {
    done.hidden = !paired;
    ask.hidden = paired;
  }
  function words(problem) {
    const text = String(texts[problem.detail] || texts[problem.title] || problem.detail || problem.title || say('This did not work'));
    return `${text[0].toUpperCase()}${text.slice(1)}.`;
  }

  async function send(what) {
    button.disabled = true;
    why.hidden = true;
    try {
      const answer = await fetch('pair', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(what),
        signal: AbortSignal.timeout?.(PATIENCE_MS),
      });
      kept = '';
      if (answer.ok) show(true);
      else refuse(words(await answer.json().catch(() => ({}))));
    } catch {
      kept = what.secret || '';
      refuse(NO_LINE);
    } finally {
      button.disabled = false;
      field.required = !kept;
    }
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(field.value.trim() ? { code: field.value } : { secret: kept });
  });
  function begin() {
    const secret = takeSecret();
    if (!secret) return;
    show(false);
    head.textContent = say('Pairing…');
    send({ secret });
  }
  function unpaired() {
    try {
      if (!sessionStorage.getItem('demo-unpaired')) return;
      sessionStorage.removeItem('demo-unpaired');
    } catch { return; }
    if (done.hidden && why.hidden) refuse(say('This device is no longer paired. Pair it again to control the show.'));
  }
  addEventListener('hashchange', begin);
  unpaired();
  begin();
})();
