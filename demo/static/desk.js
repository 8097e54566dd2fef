// The console: the line the presenter says.
'use strict';
(() => {
  const form = document.getElementById('say');
  const field = document.getElementById('say-text');

  // The field is emptied only once the server has taken the line, and only if it still holds that line.
  let sent = '';
  form.addEventListener('htmx:before:request', () => { sent = field.value; });
  form.addEventListener('htmx:after:request', (event) => {
    if (event.detail.ctx.response?.status < 400 && field.value === sent) field.value = '';
  });
  form.addEventListener('submit', (event) => { if (!field.value.trim()) { event.preventDefault(); event.stopImmediatePropagation(); } }, true);
  field.addEventListener('keydown', (event) => { if (event.key === 'Escape') field.blur(); });
})();
