// A fault is never one stray press away: click twice (arm, then fire), or hold; running ones end with one press.
'use strict';
(() => {
  const ARMED_MS = 3000;
  const HOLD_MS = 600;
  // The click of a finger that is lifted at last is no tap.
  const HELD_MS = 3000;
  let armed = null;
  let holding = null;
  let heldAt = -Infinity;

  // What the button does, and to what: when either changes, an armed button is none any more.
  const stands = (button) => `${button.getAttribute('hx-post')} ${button.querySelector('.again')?.textContent ?? ''}`;
  const byId = (id) => (id ? document.getElementById(id) : null);
  const mark = () => {
    for (const button of document.querySelectorAll('[data-live-armed]')) if (button.id !== armed?.id) button.removeAttribute('data-live-armed');
    const button = byId(armed?.id);
    if (!button || stands(button) !== armed.stands) armed = null;
    else button.setAttribute('data-live-armed', '');
  };
  function disarm() {
    clearTimeout(armed?.timer);
    armed = null;
    mark();
  }
  function arm(button, lasts = ARMED_MS) {
    disarm();
    armed = { id: button.id, stands: stands(button), timer: setTimeout(disarm, lasts) };
    mark();
  }
  function fire(button) {
    disarm();
    htmx.trigger(button, 'fire');
  }
  const isArmed = (button) => armed !== null && armed.id === button.id && armed.stands === stands(button);

  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-arm], [data-hold]');
    if (!button) return disarm();
    // On the phone a finger holds; only a keyboard (detail 0) arms there.
    if (button.hasAttribute('data-hold') && event.detail > 0) {
      if (performance.now() - heldAt > HELD_MS) demo.notice(button, demo.text('hold it for a moment'));
      return;
    }
    if (isArmed(button)) fire(button);
    else arm(button);
  });

  function release() {
    clearTimeout(holding?.timer);
    byId(holding?.id)?.removeAttribute('data-live-holding');
    holding = null;
  }
  document.addEventListener('pointerdown', (event) => {
    const button = event.target.closest?.('[data-hold]');
    if (!button || event.button !== 0) return;
    release();
    button.setAttribute('data-live-holding', '');
    holding = { id: button.id, x: event.clientX, y: event.clientY };
    holding.timer = setTimeout(() => {
      const held = byId(holding?.id);
      release();
      if (held?.hasAttribute('data-hold')) {
        navigator.vibrate?.(40);
        heldAt = performance.now();
        fire(held);
      }
    }, HOLD_MS);
  });
  document.addEventListener('pointermove', (event) => {
    if (holding && Math.hypot(event.clientX - holding.x, event.clientY - holding.y) > 24) release();
  });
  for (const kind of ['pointerup', 'pointercancel', 'scroll']) document.addEventListener(kind, release, true);
  document.addEventListener('contextmenu', (event) => { if (event.target.closest?.('button')) event.preventDefault(); });

  demo.onSwap(() => {
    mark();
    if (holding && !byId(holding.id)?.hasAttribute('data-hold')) release();
  });
  demo.arms = { arm, fire, disarm, armed: () => byId(armed?.id) };
})();
