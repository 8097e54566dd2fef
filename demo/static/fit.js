// Nothing is clipped: a part marked data-fit gets smaller type, step by step, until it fits its place.
'use strict';
(() => {
  const STEPS = [1, 0.95, 0.9, 0.85, 0.8, 0.76, 0.72, 0.67, 0.6, 0.54, 0.48, 0.42];
  const stacked = matchMedia('(max-aspect-ratio: 1/1), (max-width: 1000px) and (max-height: 480px)');
  const seen = new WeakMap();

  // data-fit may name the parts that have to fit: a huge number's line box is larger than what is seen of it.
  function overflows(element) {
    if (!element.dataset.fit) return element.scrollHeight > element.clientHeight + 1;
    const place = element.getBoundingClientRect();
    return [...element.querySelectorAll(element.dataset.fit)].some((part) => {
      const box = part.getBoundingClientRect();
      return box.top < place.top - 1 || box.bottom > place.bottom + 1 || box.right > place.right + 1 || part.scrollWidth > part.clientWidth + 1;
    });
  }

  function fit(element) {
    for (const step of stacked.matches ? [1] : STEPS) {
      element.style.setProperty('--fit', String(step));
      if (!overflows(element)) return;
    }
  }
  // A part is measured again only when its words, or the room left for it, have changed.
  function look() {
    for (const element of document.querySelectorAll('[data-fit]')) {
      const key = `${element.clientWidth}x${element.clientHeight} ${demo.scale || 1} ${element.querySelectorAll('.picture, .column').length} ${element.textContent}`;
      if (seen.get(element) === key) continue;
      seen.set(element, key);
      fit(element);
    }
  }
  demo.refit = look;
  demo.onSwap(look);
  new ResizeObserver(look).observe(document.body);
  document.fonts?.ready.then(look);
  look();
})();
