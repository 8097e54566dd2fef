// Images of the deck: a projector asks for them at once, the phones of a hall not all in one moment.
'use strict';
(() => {
  const SPREAD_MS = 2000;
  const phone = matchMedia('(max-aspect-ratio: 1/1), (max-width: 1000px) and (max-height: 480px)');
  const isPhone = () => document.body.dataset.view === 'stage' && phone.matches;
  const wanted = new WeakMap();

  // The address goes into srcset, which a swap leaves as it is; src is an empty image of the same size.
  function load(image) {
    if (!image.isConnected) return;
    image.srcset = image.dataset.image;
  }
  function look() {
    for (const image of document.querySelectorAll('img[data-image]')) {
      const address = image.dataset.image;
      if (image.getAttribute('srcset') === address || wanted.get(image) === address) continue;
      wanted.set(image, address);
      image.removeAttribute('srcset'); // not the picture of before, while this one is awaited
      if (isPhone()) setTimeout(load, Math.random() * SPREAD_MS, image);
      else load(image);
    }
  }
  demo.onSwap(look);
  look();
})();
