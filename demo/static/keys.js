// The presenter's keys, also a clicker's and a phone keyboard's. Each presses a button of the page.
'use strict';
(() => {
  const BOUNCE_MS = 120;
  const HALT_MS = 1500;
  const AIM_MS = 6000;
  const TYPED_MS = 4000;
  const root = document.documentElement;
  const help = document.getElementById('help');
  const jump = document.getElementById('jump');
  let last = { key: '', at: 0 };
  let halting = -Infinity;
  let aiming = 0;
  let typed = '';
  let typedTimer = 0;

  const toggle = (dialog) => { if (dialog) { if (dialog.open) dialog.close(); else dialog.showModal(); } };
  const fullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.());

  function halt() {
    const button = document.querySelector('[data-key="halt"]');
    if (performance.now() - halting < HALT_MS) {
      halting = -Infinity;
      return void button?.click();
    }
    halting = performance.now();
    if (button) demo.notice(button, 'X again to halt');
  }

  // Like halt, a reset asks first: the first press arms its button, the second fires it.
  function reset() {
    const button = document.querySelector('[data-key="timer-reset"]');
    if (!button) return;
    if (demo.arms.armed() !== button) demo.notice(button, 'W again to reset the timer');
    button.click();
  }

  // C, a digit, Enter.
  function aim(on) {
    clearTimeout(aiming);
    aiming = 0;
    root.toggleAttribute('data-live-aiming', on);
    if (on) aiming = setTimeout(() => aim(false), AIM_MS);
    else demo.arms.disarm();
  }
  function pick(digit) {
    const button = document.querySelector(`[data-aim="${digit === '0' ? '10' : digit}"]`);
    if (!button) return;
    aim(true);
    button.scrollIntoView({ block: 'nearest' });
    demo.arms.arm(button, AIM_MS);
  }
  function shoot() {
    const button = demo.arms.armed();
    aim(false);
    if (!button) return;
    if (button.hasAttribute('data-arm') || button.hasAttribute('data-hold')) demo.arms.fire(button);
    else button.click();
  }

  // O or G, a number, Enter.
  function type(digit) {
    clearTimeout(typedTimer);
    typed = digit === null ? '' : (typed + digit).slice(-3);
    const shown = document.getElementById('jump-typed');
    if (shown) shown.textContent = typed || 'type a number, then Enter';
    if (typed) typedTimer = setTimeout(() => type(null), TYPED_MS);
  }
  function go() {
    const button = document.querySelector(`[data-goto="${Number(typed)}"]`);
    type(null);
    jump.close();
    button?.click();
  }
  if (jump) {
    jump.addEventListener('close', () => type(null));
    jump.addEventListener('click', (event) => { if (event.target === jump || event.target.closest('[data-goto]')) jump.close(); });
  }
  help?.addEventListener('click', (event) => { if (event.target === help) help.close(); });

  const table = {};
  const bind = (names, act) => { for (const name of names) table[name] = act; };
  const next = () => demo.push('next');
  const previous = () => demo.push('back');
  const moves = new Set([next, previous]);
  bind([' ', 'enter', 'arrowright', 'arrowdown', 'pagedown', 'n', 'j', 'l'], next);
  bind(['arrowleft', 'arrowup', 'pageup', 'p', 'k', 'h', 'shift+ ', 'backspace'], previous);
  bind(['home'], () => demo.push('first'));
  bind(['end'], () => demo.push('last'));
  bind(['b', '.'], () => demo.push('blackout'));
  // Enter right after G would press the focused entry: that is the chapter on screen, so nothing happens.
  bind(['o', 'g'], () => { toggle(jump); jump?.querySelector('[aria-current]')?.focus(); });
  bind(['f'], () => Promise.resolve(fullscreen()).catch(() => {}));
  bind(['?'], () => toggle(help));
  bind(['c'], () => { if (!document.getElementById('sheet')?.open) document.getElementById('sheet')?.showModal(); aim(!aiming); });
  bind(['u'], () => demo.push('heal'));
  bind(['x'], halt);
  bind(['z'], () => demo.push('freeze'));
  bind(['s'], () => demo.push('timer'));
  bind(['w'], reset);

  const isText = (element) => element.matches?.('input, textarea, select, [contenteditable]');
  const isPressable = (element) => element.matches?.('button, a[href], summary, [role="button"]');

  function whileJumping(name) {
    if (/^[0-9]$/.test(name)) return type(name), true;
    if (name === 'enter' && typed) return go(), true;
    return false;
  }
  function whileAiming(name) {
    if (/^[0-9]$/.test(name)) return pick(name), true;
    if (name === 'enter') return shoot(), true;
    if (name === 'escape' || name === 'c') return aim(false), true;
    aim(false);
    return false;
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const name = (event.shiftKey && event.key === ' ' ? 'shift+' : '') + event.key.toLowerCase();
    if (isText(event.target)) return;
    const modal = (jump?.open && whileJumping) || (aiming && whileAiming);
    if (modal && modal(name)) return event.preventDefault();
    // A focused button keeps its own Enter and Space.
    if (isPressable(event.target) && (name === 'enter' || name.endsWith(' '))) return;
    const act = table[name];
    if (!act) return;
    event.preventDefault();
    const bounced = last.key === name && event.timeStamp - last.at < BOUNCE_MS;
    last = { key: name, at: event.timeStamp };
    if (event.repeat || (bounced && moves.has(act))) return;
    if (name !== 'x') halting = -Infinity;
    act();
  });
})();
