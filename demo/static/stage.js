// The projector's own keys: fullscreen, help, larger, smaller. Nothing here can change the show.
'use strict';
(() => {
  const SCALES = [0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5];
  const IDLE_MS = 2500;
  const show = document.getElementById('show');
  const help = document.getElementById('help');
  let timer = 0;

  const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private window */ } };

  function scaleTo(scale) {
    demo.scale = SCALES.includes(scale) ? scale : 1;
    document.documentElement.style.setProperty('--scale', String(demo.scale));
    store('demo-scale', String(demo.scale));
    demo.refit();
  }
  const step = (by) => scaleTo(SCALES[Math.min(SCALES.length - 1, Math.max(0, SCALES.indexOf(demo.scale) + by))]);

  const keys = {
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.()),
    '?': () => (help.open ? help.close() : help.showModal()),
    '+': () => step(1),
    '=': () => step(1),
    '-': () => step(-1),
    '−': () => step(-1),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const act = keys[demo.keyName(event, '?+=-−')];
    if (!act) return;
    event.preventDefault();
    Promise.resolve(act()).catch(() => {});
  });
  help.addEventListener('click', (event) => { if (event.target === help) help.close(); });

  function wake() {
    show.classList.remove('idle');
    clearTimeout(timer);
    timer = setTimeout(() => show.classList.add('idle'), IDLE_MS);
  }
  addEventListener('pointermove', wake);
  wake();
  scaleTo(Number(stored('demo-scale')) || 1);
})();
