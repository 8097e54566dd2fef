// Every control answers at once: pressed, on its way, or refused with a reason beside it. Nothing waits for later.
'use strict';
(() => {
  const PRESSED_MS = 180;
  const NOTICE_MS = 4200;
  const OFFER_MS = 10000;
  const DOUBLE_MS = 320;
  const FRESH_MS = 600;
  // Where one button takes the place of another, as Resume that of Halt, whoever presses in haste presses more than twice.
  const FRESH_PLACE_MS = 1200;
  const NO_LINE = demo.text('not sent: no connection');
  const UNREACHED = 503;
  const UNANSWERED = [502, 504];
  const NO_ANSWER = demo.text('no answer: check the show before you press again');
  const notices = new Map();
  const born = new Map();
  let moved = { id: '', at: 0 };

  function press(element) {
    element.setAttribute('data-live-pressed', '');
    setTimeout(() => element.removeAttribute('data-live-pressed'), PRESSED_MS);
  }

  function place(box, element) {
    const at = element.getBoundingClientRect();
    const above = at.top > box.offsetHeight + 20;
    const left = Math.max(8, Math.min(innerWidth - box.offsetWidth - 8, at.left + at.width / 2 - box.offsetWidth / 2));
    box.style.left = `${left}px`;
    box.style.top = `${above ? at.top - box.offsetHeight - 8 : Math.min(innerHeight - box.offsetHeight - 8, at.bottom + 8)}px`;
  }
  function notice(element, text, lastsMs = NOTICE_MS) {
    const host = element.closest('dialog[open]') || document.body;
    const key = element.id || element.dataset.key || 'page';
    notices.get(key)?.remove();
    const box = document.createElement('p');
    box.className = 'notice';
    box.setAttribute('role', 'alert');
    box.textContent = text;
    host.append(box);
    notices.set(key, box);
    place(box, element);
    setTimeout(() => box.classList.add('fading'), lastsMs - 600);
    setTimeout(() => box.remove(), lastsMs);
    return box;
  }

  // A chapter that requires something may still be entered: by a press of its own, never by a second one on Next.
  function offerToGoOn(box, element) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'plain small';
    button.textContent = demo.text('Go on anyway');
    button.setAttribute('hx-post', `${element.getAttribute('hx-post')}?override=true`);
    button.setAttribute('hx-swap', 'none');
    const values = element.getAttribute('hx-vals');
    if (values) button.setAttribute('hx-vals', values);
    box.append(button);
    htmx.process(button);
    place(box, element);
  }

  function reason(ctx) {
    const found = demo.link.problemOf(ctx);
    const status = ctx.response?.status;
    const refused = () => demo.text('refused (%(status)s)', { status: status ?? demo.text('no answer') });
    if (!found) return status === UNREACHED ? NO_LINE : UNANSWERED.includes(status) ? NO_ANSWER : refused();
    const text = String(demo.reason(found));
    return text ? text[0].toUpperCase() + text.slice(1) : refused();
  }
  const isControl = (ctx) => ctx?.request?.method === 'POST' && ctx.sourceElement;

  document.addEventListener('htmx:before:request', (event) => {
    const { ctx } = event.detail;
    if (isControl(ctx)) press(ctx.sourceElement);
  });
  // What it did comes with the stream; where there is none, it is fetched.
  document.addEventListener('htmx:after:request', (event) => {
    const { ctx } = event.detail;
    if (isControl(ctx) && ctx.response?.status < 400) demo.link.refresh();
  });
  document.addEventListener('htmx:response:error', (event) => {
    const { ctx } = event.detail;
    if (!isControl(ctx)) return;
    const isRequired = demo.link.problemOf(ctx)?.code === 'required';
    const box = notice(ctx.sourceElement, reason(ctx), isRequired ? OFFER_MS : NOTICE_MS);
    if (isRequired) offerToGoOn(box, ctx.sourceElement);
  });
  document.addEventListener('htmx:error', (event) => {
    const { ctx } = event.detail;
    if (isControl(ctx)) notice(ctx.sourceElement, ctx.request.signal?.reason === 'timeout' ? NO_ANSWER : NO_LINE);
  });

  // What says that nothing comes from the server lies where the page says what is true now.
  document.querySelector('[data-link-place]').append(document.getElementById('link'));

  // A double click is one press; and a button that has just become another one is not pressed by the old click.
  const placeOf = (button) => button.dataset.place || button.id;
  function guard(event) {
    const button = event.target.closest?.('button');
    if (!button) return;
    const pointed = event.detail > 0;
    if (pointed) button.blur();
    if (!button.hasAttribute('hx-post')) return;
    // Halt is never too early, not even where Resume has just been.
    const guarded = button.dataset.key === 'halt' ? 0 : button.dataset.place ? FRESH_PLACE_MS : FRESH_MS;
    const fresh = performance.now() - (born.get(placeOf(button))?.at ?? -Infinity) < guarded;
    const double = button.hasAttribute('data-move') && pointed && moved.id === button.id && performance.now() - moved.at < DOUBLE_MS;
    if (fresh || double) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (button.hasAttribute('data-move')) moved = { id: button.id, at: performance.now() };
  }
  document.addEventListener('click', guard, true);
  function remember() {
    for (const button of document.querySelectorAll('[data-state], [data-place]')) {
      const known = born.get(placeOf(button));
      const kind = button.getAttribute('hx-post');
      if (known?.kind !== kind) born.set(placeOf(button), { kind, at: known ? performance.now() : -Infinity });
    }
  }
  demo.onSwap(remember);
  remember();

  // Keys press the very buttons that are on the page: one way in, one refusal, one pending state.
  demo.push = (key) => {
    const button = document.querySelector(`[data-key="${key}"]`);
    if (button?.hasAttribute('data-hold')) demo.arms.fire(button);
    else button?.click();
    return Boolean(button);
  };
  demo.notice = notice;
})();
