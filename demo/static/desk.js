// The presenter's page: the size of the notes, the tabs, the way back from a jump, the line the presenter says.
'use strict';
(() => {
  const SIZES = ['24', '28', '34', '40'];
  const USUAL = '34';
  const root = document.documentElement;
  const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private window */ } };

  let size = USUAL;
  function resize(wanted) {
    size = SIZES.includes(wanted) ? wanted : USUAL;
    root.dataset.notes = size;
    document.getElementById('notes-size').textContent = size;
    store('demo-notes', size);
    for (const button of document.querySelectorAll('[data-size]')) button.disabled = !SIZES[SIZES.indexOf(size) + Number(button.dataset.size)];
  }
  resize(stored('demo-notes'));

  function turnTo(tab) {
    for (const button of document.querySelectorAll('[data-tab]')) button.setAttribute('aria-pressed', String(button.dataset.tab === tab));
    for (const part of document.querySelectorAll('[data-tab-of]')) part.hidden = part.dataset.tabOf !== tab;
  }

  const dialogs = ['jump', 'help'].map((name) => document.getElementById(name));
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.dataset.size) resize(SIZES[SIZES.indexOf(size) + Number(button.dataset.size)]);
    if (button.dataset.tab) turnTo(button.dataset.tab);
    if (button.hasAttribute('data-close')) button.closest('dialog')?.close();
    const opened = dialogs.find((dialog) => dialog.id === button.dataset.open);
    if (opened && !opened.open) opened.showModal();
  });

  // Small stages of all chapters, fetched when somebody looks at them; a swap of the overview leaves them in place.
  let shown = '';
  async function drawChapters() {
    try {
      const answer = await fetch('thumbnails');
      const text = answer.ok ? await answer.text() : '';
      if (!text || text === shown) return;
      shown = text;
      for (const drawn of new DOMParser().parseFromString(text, 'text/html').querySelectorAll('[data-number]')) {
        document.querySelector(`[data-thumb="${drawn.dataset.number}"]`)?.replaceChildren(...drawn.childNodes);
      }
    } catch { /* no contact: the words of the overview are there */ }
  }
  new MutationObserver(() => { if (dialogs[0].open) drawChapters(); }).observe(dialogs[0], { attributeFilter: ['open'] });

  // Where the show was before a jump of this page; the server refuses a jump from anywhere else.
  const back = document.getElementById('return');
  let before = '';
  document.addEventListener('htmx:before:request', (event) => {
    const source = event.detail.ctx?.sourceElement;
    if (source?.matches?.('[data-goto]')) before = document.querySelector('[data-goto][aria-current]')?.dataset.goto || '';
  });
  document.addEventListener('htmx:after:request', (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement?.matches?.('[data-goto]') || !(ctx.response?.status < 400) || !before) return;
    back.dataset.to = before === ctx.sourceElement.dataset.goto ? '' : before;
    back.toggleAttribute('data-live-nowhere', !back.dataset.to);
    back.textContent = back.dataset.to ? demo.text('Return to %(number)s', { number: back.dataset.to }) : demo.text('Return');
  });
  back.addEventListener('click', () => document.querySelector(`[data-goto="${back.dataset.to}"]`)?.click());

  // The field is emptied only once the server has taken the line, and only if it still holds that line.
  const form = document.getElementById('say');
  const field = document.getElementById('say-text');
  let sent = '';
  form.addEventListener('htmx:before:request', () => { sent = field.value; });
  form.addEventListener('htmx:after:request', (event) => {
    if (event.detail.ctx.response?.status < 400 && field.value === sent) field.value = '';
  });
  form.addEventListener('submit', (event) => { if (!field.value.trim()) { event.preventDefault(); event.stopImmediatePropagation(); } }, true);
  field.addEventListener('keydown', (event) => { if (event.key === 'Escape') field.blur(); });
})();
