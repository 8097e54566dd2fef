// The presenter's keys, also a clicker's and a phone keyboard's. Each presses a button of the page.
'use strict';
(() => {
  const BOUNCE_MS = 120;
  const HALT_MS = 1500;
  const AIM_MS = 6000;
  const ASKED_MS = 3000;
  const TYPED_MS = 4000;
  const root = document.documentElement;
  const help = document.getElementById('help');
  const jump = document.getElementById('jump');
  let last = { key: '', at: 0 };
  let halting = -Infinity;
  let aiming = 0;
  let late = false;
  let asked = null;
  let typed = '';
  let typedTimer = 0;

  const toggle = (dialog) => { if (dialog) { if (dialog.open) dialog.close(); else dialog.showModal(); } };
  const fullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.());

  function halt() {
    const button = document.querySelector('[data-key="halt"]');
    if (!button) return void demo.notice(document.querySelector('[data-place="halt"]') || root, demo.text('halted already'));
    if (performance.now() - halting < HALT_MS) {
      halting = -Infinity;
      return void demo.push('halt');
    }
    halting = performance.now();
    demo.notice(button, demo.text('X again to halt'));
  }

  // Like halt, a reset asks first: the first press arms its button, the second fires it.
  function reset() {
    const button = document.querySelector('[data-key="timer-reset"]');
    if (!button) return;
    if (demo.arms.armed() !== button) demo.notice(button, demo.text('W again to reset the timer'));
    button.click();
  }

  // So does going on from a recording; the way back to live needs no second press. The button may be in a closed dialog.
  function planB() {
    const button = document.querySelector('[data-key="plan-b"]');
    if (!button) return;
    const asks = button.hasAttribute('hx-trigger') && demo.arms.armed() !== button;
    asked?.remove();
    if (asks) {
      asked = demo.notice(button.checkVisibility() ? button : root, demo.text('M again: all screens show the recording'), ASKED_MS);
      demo.arms.arm(button);
    } else demo.push('plan-b');
  }

  // C, a digit, Enter. Where too much time went by, the Enter that comes after all is not taken for "next", however late.
  function aim(on) {
    clearTimeout(aiming);
    aiming = 0;
    root.toggleAttribute('data-live-aiming', on);
    if (on) aiming = setTimeout(runOut, AIM_MS);
    else demo.arms.disarm();
  }
  function runOut() {
    if (demo.arms.armed()) {
      late = true;
      astray(demo.text('too late: nothing was fired; press C to choose a fault'));
    }
    aim(false);
  }
  function pick(digit) {
    const number = digit === '0' ? '10' : digit;
    const button = document.querySelector(`[data-aim="${number}"]`);
    aim(true);
    if (!button) return astray(demo.text('there is no fault %(number)s', { number }));
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

  // What was not understood does nothing, and says so: the Enter that follows must not be taken for "next".
  function astray(text) {
    const host = jump?.open ? jump : document.querySelector('[data-aim]') || document.querySelector('[data-key="halt"]');
    if (host) demo.notice(host, text);
  }

  // O or G, a number, Enter.
  function type(digit) {
    clearTimeout(typedTimer);
    typed = digit === null ? '' : (typed + digit).slice(-3);
    const shown = document.getElementById('jump-typed');
    if (shown) shown.textContent = typed || demo.text('type a number, then Enter');
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
  bind(['m'], planB);

  const isText = (element) => element.matches?.('input, textarea, select, [contenteditable]');
  const prints = (event) => [...event.key].length === 1 || ['Dead', 'Process', 'Unidentified'].includes(event.key);
  const isPressable = (element) => element.matches?.('button, a[href], summary, [role="button"]');

  const isNumber = (name) => /^[0-9]$/.test(name);

  // Both answer whether the key was theirs. One that prints something and means nothing is: it leaves all as it is.
  function whileJumping(name, event) {
    if (isNumber(name)) return type(name), true;
    if (name === 'enter' && typed) return go(), true;
    if (name === 'enter' && !isPressable(event.target)) return true;
    if (table[name] || !prints(event)) return false;
    return astray(demo.text('“%(key)s” is not a digit: type a number, then Enter; Esc closes', { key: event.key })), true;
  }
  function whileAiming(name, event) {
    if (isNumber(name)) return pick(name), true;
    if (name === 'enter') return shoot(), true;
    if (name === 'escape' || name === 'c') return aim(false), true;
    if (table[name] || name === 'tab') return aim(false), false;
    aim(true);
    if (!prints(event)) return false;
    return astray(demo.text('“%(key)s” is not a digit: type a digit, then Enter; Esc cancels', { key: event.key })), true;
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const name = demo.keyName(event, '.?');
    if (name === null || isText(event.target)) return;
    const wasLate = late;
    late = false;
    if (name === 'enter' && wasLate) {
      event.preventDefault();
      return astray(demo.text('Enter came too late: nothing was fired'));
    }
    const modal = (jump?.open && whileJumping) || (aiming && whileAiming);
    if (modal && modal(name, event)) return event.preventDefault();
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
