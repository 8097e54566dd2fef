// The phone in the hand: swipe, the sheet of faults, and a screen that stays awake.
'use strict';
(() => {
  const SWIPE_PX = 60;
  const EDGE_PX = 22;
  const sheet = document.getElementById('sheet');
  const awake = document.getElementById('awake');
  let start = null;
  let lock = null;

  document.addEventListener('click', (event) => {
    if (event.target.closest('[data-open="sheet"]')) sheet.showModal();
    else if (event.target === sheet || event.target.closest('[data-close]')) sheet.close();
  });

  // On a page that is zoomed in, a finger moves what is seen of it: that is no swipe.
  const view = () => ({ scale: visualViewport?.scale ?? 1, left: visualViewport?.pageLeft ?? 0, top: visualViewport?.offsetTop ?? 0 });
  const isZoomed = () => view().scale > 1.01;
  const isPanned = (from) => view().left !== from.left || view().top !== from.top;

  // The edges belong to the browser's own gestures, the sheet to scrolling; one finger alone swipes.
  document.addEventListener('touchstart', (event) => {
    const touch = event.touches[0];
    const edge = touch.clientX < EDGE_PX || touch.clientX > innerWidth - EDGE_PX;
    const other = event.touches.length > 1 || edge || sheet.open || isZoomed();
    start = other ? null : { x: touch.clientX, y: touch.clientY, from: view() };
  }, { passive: true });
  document.addEventListener('touchcancel', () => { start = null; }, { passive: true });
  document.addEventListener('touchend', (event) => {
    if (!start) return;
    const touch = event.changedTouches[0];
    const [dx, dy] = [touch.clientX - start.x, touch.clientY - start.y];
    const other = event.touches.length > 0 || isZoomed() || isPanned(start.from);
    start = null;
    if (other) return;
    if (Math.abs(dx) < SWIPE_PX || Math.abs(dx) < 2 * Math.abs(dy)) return;
    if (event.cancelable) event.preventDefault();
    demo.push(dx < 0 ? 'next' : 'back');
  }, { passive: false });

  async function stayAwake() {
    if (document.hidden || lock) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      lock.addEventListener('release', () => { lock = null; say(); });
    } catch { lock = null; }
    say();
  }
  function say() {
    awake.hidden = lock !== null;
    awake.textContent = 'wakeLock' in navigator
      ? demo.text('This screen may lock.')
      : demo.text('This screen may lock: to keep it on, the page needs HTTPS or localhost.');
  }
  document.addEventListener('visibilitychange', stayAwake);
  document.addEventListener('pointerdown', stayAwake);
  stayAwake();
})();
