// What the deck says of the root element: colours to begin with, language, direction. The address /?theme=… goes first.
'use strict';
(() => {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get('theme');
  const has = ['dark', 'light', 'contrast'].includes(asked);
  if (has) root.dataset.theme = asked;
  function apply() {
    const look = document.querySelector('#r-look > i');
    if (!look) return;
    const { base = '', language = 'en', direction = 'ltr' } = look.dataset;
    if (!has && (root.dataset.theme || '') !== base) {
      if (base) root.dataset.theme = base;
      else delete root.dataset.theme;
    }
    if (root.lang !== language) root.lang = language;
    if ((root.dir || 'ltr') !== direction) root.dir = direction;
  }
  demo.onSwap(apply);
  apply();
})();
