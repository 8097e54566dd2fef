// Images of the deck: a projector asks for them at once, the phones of a hall not all in one moment.
'use strict';
(() => {
  const SPREAD_MS = 2000;
  const RETRY_MS = 2000;
  const TRIES = 5;
  const phone = matchMedia('(max-aspect-ratio: 1/1), (max-width: 1000px) and (max-height: 480px)');
  const isPhone = () => document.body.dataset.view === 'stage' && phone.matches;
  const wanted = new WeakMap();
  const tries = new WeakMap();

  // The address goes into srcset, which a swap leaves as it is; src is an empty image of the same size.
  function load(image) {
    if (!image.isConnected) return;
    image.srcset = image.dataset.image;
  }
  // A network that is full, or a server that has not got it yet.
  function failed({ target: image }) {
    const tried = tries.get(image) || 0;
    if (!image.dataset?.image || tried >= TRIES) return;
    tries.set(image, tried + 1);
    setTimeout(() => { image.removeAttribute('srcset'); load(image); }, RETRY_MS * (0.5 + Math.random()) * (tried + 1));
  }
  function look() {
    for (const image of document.querySelectorAll('img[data-image]')) {
      const address = image.dataset.image;
      if (image.getAttribute('srcset') === address || wanted.get(image) === address) continue;
      wanted.set(image, address);
      tries.delete(image);
      image.removeAttribute('srcset'); // not the picture of before, while this one is awaited
      if (isPhone()) setTimeout(load, Math.random() * SPREAD_MS, image);
      else load(image);
    }
  }
  addEventListener('error', failed, true);
  demo.onSwap(look);
  look();
})();
