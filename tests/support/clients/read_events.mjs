// Reads an event stream with one of npm's clients, and prints a line of JSON for each event that it delivers:
// node read_events.mjs CLIENT URL
const [client, url] = process.argv.slice(2);
const tell = (id, event, data) => process.stdout.write(`${JSON.stringify({ id, event, data })}\n`);

function listen(source) {
  for (const kind of ['message', 'snapshot', 'entry']) {
    source.addEventListener(kind, (event) => tell(event.lastEventId, event.type, event.data));
  }
}

const readers = {
  async eventsource() {
    const { EventSource } = await import('eventsource');
    listen(new EventSource(url));
  },
  async undici() {
    const { EventSource } = await import('undici');
    listen(new EventSource(url));
  },
  async 'eventsource-client'() {
    const { createEventSource } = await import('eventsource-client');
    createEventSource({ url, onMessage: ({ id, event, data }) => tell(id, event, data) });
  },
  async '@microsoft/fetch-event-source'() {
    globalThis.window = globalThis; // It is for browsers; of theirs it needs the timers.
    globalThis.document = { addEventListener() {}, removeEventListener() {} };
    const { fetchEventSource } = await import('@microsoft/fetch-event-source');
    await fetchEventSource(url, {
      openWhenHidden: true,
      onmessage: ({ id, event, data }) => tell(id, event, data),
      onclose() { throw new Error('the stream has ended: try again'); },
    });
  },
};

setInterval(() => {}, 1000); // Some wait for their next try in a timer that keeps no process alive.
await readers[client]();
