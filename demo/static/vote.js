// A vote is sent by itself, again and again until it is answered: with the same id it counts once, however often it comes.
'use strict';
(() => {
  const RETRY_MS = 700;
  const MAX_RETRY_MS = 4000;
  const TIMEOUT_MS = 5000;
  const GIVEN_UP = [403, 409, 413, 422];
  const memory = {};
  let sending = 0;
  let unsent = null;
  let refusal = '';
  let painted = '';

  // A private window may have no storage; then this page remembers, until it is closed.
  function recall(key) {
    try { return localStorage.getItem(key) ?? memory[key] ?? ''; } catch { return memory[key] || ''; }
  }
  function remember(key, value) {
    memory[key] = value;
    try { localStorage.setItem(key, value); } catch { /* kept in memory */ }
  }
  function device() {
    let id = recall('demo-device');
    if (!/^[0-9a-f]{32}$/.test(id)) {
      id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
      remember('demo-device', id);
    }
    return id;
  }
  const ballot = () => document.querySelector('.ballot[data-ballot]');
  const name = (id) => `${document.body.dataset.epoch} ${id}`;
  // Only the newest: what was voted before is nobody's business any more.
  function mine(id) {
    try {
      const kept = JSON.parse(recall('demo-vote') || '{}');
      return kept.of === name(id) ? kept : null;
    } catch { return null; }
  }

  const said = (kept) => demo.text('You said %(answer)s.', { answer: demo.text(kept.answer) });
  function tell(box, strong, text) {
    const line = document.createElement('b');
    line.textContent = strong;
    box.replaceChildren(...(strong ? [line] : []), text);
  }
  function paint() {
    const place = ballot();
    const box = place?.querySelector('[data-mine]');
    if (!box) return;
    const id = Number(place.dataset.ballot);
    if (painted !== place.dataset.ballot) refusal = '';
    painted = place.dataset.ballot;
    const kept = mine(id);
    const wanted = unsent?.body.ballot === id ? unsent.body.choice : kept?.choice;
    for (const button of place.querySelectorAll('button[value]')) {
      button.setAttribute('aria-pressed', String(button.value === String(wanted)));
    }
    if (!place.classList.contains('open')) tell(box, kept ? said(kept) : '', box.dataset.mine);
    else if (refusal) tell(box, refusal, '');
    else if (unsent?.body.ballot === id && !unsent.tried) tell(box, demo.text('Sending …'), '');
    else if (unsent?.body.ballot === id) tell(box, demo.text('Not sent yet.'), demo.text('The connection is bad: trying again.'));
    else if (kept) tell(box, said(kept), demo.text('You can change it until the vote closes.'));
    else tell(box, '', box.dataset.mine);
  }

  async function send(turn) {
    const vote = unsent;
    let status = 0;
    try {
      const answer = await fetch('vote', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify({ ...vote.body, device: device() }),
        signal: AbortSignal.timeout?.(TIMEOUT_MS),
      });
      status = answer.status;
      const told = await answer.json();
      if (turn !== sending) return;
      if (status === 200) {
        remember('demo-vote', JSON.stringify({ of: name(told.ballot), answer: told.answer, choice: vote.body.choice }));
        unsent = null;
      } else if (GIVEN_UP.includes(status)) {
        refusal = demo.text('Not counted: %(reason)s', { reason: demo.reason(told) });
        unsent = null;
      }
    } catch { /* no answer: it is tried again */ }
    if (turn !== sending) return;
    if (unsent) {
      vote.tried += 1;
      const wait = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (vote.tried - 1)) * (0.75 + 0.5 * Math.random());
      setTimeout(() => { if (turn === sending && isOpen(vote.body.ballot)) send(turn); }, wait);
    }
    paint();
  }
  const isOpen = (id) => Boolean(document.querySelector(`.ballot.open[data-ballot="${id}"]`));
  function cast(choice, number) {
    const body = { ballot: Number(ballot().dataset.ballot) };
    if (choice) body.choice = Number(choice);
    else body.number = number;
    refusal = '';
    unsent = { body, tried: 0 };
    sending += 1;
    paint();
    send(sending);
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('[data-vote]')) return;
    event.preventDefault();
    cast(event.submitter?.value, form.elements.number?.value);
  });
  // On a wide screen the answers themselves can be clicked.
  document.addEventListener('click', (event) => {
    const answer = event.target.closest('[data-choice]');
    if (answer && ballot()?.classList.contains('open')) cast(answer.dataset.choice);
  });
  demo.device = device;
  demo.onSwap(paint);
  addEventListener('DOMContentLoaded', paint);
})();
