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

  // The edges belong to the browser's own gestures, the sheet to scrolling.
  document.addEventListener('touchstart', (event) => {
    const touch = event.touches[0];
    const edge = touch.clientX < EDGE_PX || touch.clientX > innerWidth - EDGE_PX;
    start = event.touches.length > 1 || edge || sheet.open ? null : { x: touch.clientX, y: touch.clientY };
  }, { passive: true });
  document.addEventListener('touchend', (event) => {
    if (!start) return;
    const touch = event.changedTouches[0];
    const [dx, dy] = [touch.clientX - start.x, touch.clientY - start.y];
    start = null;
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
    awake.textContent = 'wakeLock' in navigator ? 'This screen may lock.' : 'This screen may lock: to keep it on, the page needs HTTPS or localhost.';
  }
  document.addEventListener('visibilitychange', stayAwake);
  document.addEventListener('pointerdown', stayAwake);
  stayAwake();
})();
