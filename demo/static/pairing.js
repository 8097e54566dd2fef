// "Pair a phone": while it is open it shows the code of now and the devices of now; closed it holds no secret.
'use strict';
(() => {
  const EVERY_MS = 1500;
  const PATIENCE_MS = 3000;
  const dialog = document.getElementById('pairing');
  const body = document.getElementById('pairing-body');
  let shown = '';
  let timer = 0;
  let asking = false;
  let at = '';

  function show(html) {
    if (html === shown) return;
    const focused = body.contains(document.activeElement) ? document.activeElement.id : '';
    shown = html;
    body.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
    htmx.process(body);
    demo.changed();
    if (focused) document.getElementById(focused)?.focus();
  }
  async function look() {
    if (asking || !dialog.open || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch(`pairing${at && `?at=${encodeURIComponent(at)}`}`, { headers: { 'HX-Request': 'true' }, signal: AbortSignal.timeout?.(PATIENCE_MS) });
      if (answer.ok && dialog.open) show(await answer.text());
    } catch { /* the page says itself that the line is lost */ }
    asking = false;
  }

  document.addEventListener('click', (event) => {
    const elsewhere = event.target.closest('#pairing [data-at]');
    if (elsewhere) {
      at = elsewhere.dataset.at;
      look();
    } else if (event.target.closest('[data-open="pairing"]')) {
      dialog.showModal();
      look();
      timer = setInterval(look, EVERY_MS);
    } else if (event.target === dialog || event.target.closest('#pairing [data-close]')) dialog.close();
  });
  dialog.addEventListener('close', () => {
    clearInterval(timer);
    show('');
  });
  body.addEventListener('htmx:after:request', look);
})();
