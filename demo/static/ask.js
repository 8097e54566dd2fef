// A question is sent by itself, and stays in its field until the server has taken it.
'use strict';
(() => {
  const TIMEOUT_MS = 8000;

  async function send(form) {
    const field = form.elements.text;
    const line = form.querySelector('.answer-line');
    const button = form.querySelector('.send');
    const text = field.value;
    button.disabled = true;
    line.textContent = line.dataset.sending;
    try {
      const answer = await fetch('ask', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify({ text, device: demo.device() }),
        signal: AbortSignal.timeout?.(TIMEOUT_MS),
      });
      const told = await answer.json();
      if (answer.ok) {
        line.textContent = line.dataset.sent;
        if (field.value === text) field.value = '';
      } else line.textContent = told.detail ? told.detail[0].toUpperCase() + told.detail.slice(1) : told.title;
    } catch {
      line.textContent = line.dataset.lost;
    }
    button.disabled = false;
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('[data-ask]')) return;
    event.preventDefault();
    send(form);
  });
})();
