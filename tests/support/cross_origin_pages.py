"""Pages of other origins, and everything that they can send or try to read from inside a browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import BrowserContext, Page, Request

from demo.web.access.rules import RULES, Rule
from tests.web.access.test_rules import filled

POSTS = sorted(
    filled(path)
    for (_, path), rule in RULES.items()
    if rule is Rule.CONTROL and path not in ("/say", "/sessions/revoke-all")
)
GETS = ["/state", "/presenter", "/remote", "/sessions", "/pairing", "/pair"]
STREAMS = ["/events", "/stream/presenter", "/stream/remote", "/stream/stage"]

ATTACK = """async ({base, posts, gets, streams}) => {
  const read = [];
  const soon = (made) => Promise.race([made, new Promise((done) => setTimeout(done, 3000))]).catch(() => {});
  const keep = async (answer) => read.push(await answer.text());
  const post = {method: 'POST', credentials: 'include'};
  const cookies = {credentials: 'include'};
  const element = (name, attributes) => new Promise((done) => {
    const made = document.createElement(name);
    made.onload = () => done(made);
    made.onerror = () => done(made);
    Object.assign(made, attributes);
    document.body.append(made);
  });
  const form = async (by, enctype, target) => {
    const frame = await element('iframe', {name: 'f' + Math.random()});
    const made = document.createElement('form');
    Object.assign(made, {method: 'POST', action: base + '/say', enctype, target: target || frame.name});
    const field = document.createElement('input');
    Object.assign(field, {name: 'text', value: 'by ' + by});
    made.append(field);
    document.body.append(made);
    const loaded = new Promise((done) => { frame.onload = done; });
    made.submit();
    if (!target) await loaded;
    read.push(frame.contentDocument ? frame.contentDocument.body.textContent : '');
  };
  const say = (by, more) => fetch(base + '/say', {...post, body: 'by ' + by, ...more}).then(keep);
  const json = {'content-type': 'application/json'};
  const xhr = (method, path, body) => new Promise((done) => {
    const made = new XMLHttpRequest();
    made.open(method, base + path);
    made.withCredentials = true;
    made.onloadend = () => { read.push(made.responseText); done(); };
    made.send(body);
  });
  await soon(Promise.all([
    soon(say('fetch')),
    soon(say('no-cors', {mode: 'no-cors'})),
    soon(say('json', {headers: json, body: JSON.stringify({text: 'by json'})})),
    soon(say('htmx', {headers: {'hx-request': 'true', 'x-demo-client': 'presenter'}})),
    soon(say('keepalive', {keepalive: true})),
    soon(say('no referrer', {referrerPolicy: 'no-referrer'})),
    soon(xhr('POST', '/say', 'by xhr')),
  ]));
  navigator.sendBeacon(base + '/say', 'by beacon');
  await soon(form('form', 'application/x-www-form-urlencoded'));
  await soon(form('multipart', 'multipart/form-data'));
  await soon(form('plain', 'text/plain'));
  await soon(form('blank form', 'application/x-www-form-urlencoded', '_blank'));
  await soon(form('blank multipart', 'multipart/form-data', '_blank'));
  await soon(form('blank plain', 'text/plain', '_blank'));
  for (const path of posts) {
    await soon(fetch(base + path, {...post, mode: 'no-cors'}).then(keep));
    navigator.sendBeacon(base + path);
  }
  for (const path of gets) {
    await soon(fetch(base + path, cookies).then(keep));
    await soon(fetch(base + path, {...cookies, mode: 'no-cors'}).then(keep));
    await soon(fetch(base + path, {...cookies, headers: {'hx-request': 'true'}}).then(keep));
    await soon(xhr('GET', path));
    const frame = await soon(element('iframe', {src: base + path}));
    try { read.push(frame.contentDocument.documentElement.textContent); } catch (error) { /* not ours */ }
    await soon(element('script', {src: base + path}));
    const sheet = await soon(element('link', {rel: 'stylesheet', href: base + path}));
    try { for (const rule of sheet.sheet.cssRules) read.push(rule.cssText); } catch (error) { /* not ours */ }
    const image = await soon(element('img', {src: base + path}));
    if (image && image.naturalWidth) read.push('an image of ' + path);
  }
  for (const path of streams) {
    await soon(new Promise((done) => {
      const made = new EventSource(base + path, {withCredentials: true});
      const heard = (event) => { read.push(event.data); made.close(); done(); };
      for (const name of ['message', 'snapshot', 'entry', 'beat']) made.addEventListener(name, heard);
      made.onerror = () => { made.close(); done(); };
    }));
  }
  for (const path of [...streams, '/say', '/']) {
    await soon(new Promise((done) => {
      const made = new WebSocket(base.replace('http', 'ws') + path);
      made.onopen = () => { read.push('a socket to ' + path); made.send('by socket'); };
      made.onmessage = (event) => read.push(String(event.data));
      made.onclose = done;
    }));
  }
  const other = open(base + '/presenter');
  if (other) {
    await new Promise((done) => setTimeout(done, 500));
    for (const message of ['advance', {text: 'by message'}, '{"type": "advance"}']) other.postMessage(message, '*');
    try { read.push(other.document.documentElement.textContent); } catch (error) { /* not ours */ }
    other.close();
  }
  return read.filter(Boolean);
}"""
"""Sends `by …` to `/say` in each of `WAYS`, presses every control, and returns all that it could read."""

WAYS = [
    "fetch",
    "no-cors",
    "json",
    "htmx",
    "keepalive",
    "no referrer",
    "xhr",
    "beacon",
    "blank form",
    "blank multipart",
]
"""Those that a page of our own may use: its policy allows no frame. (A plain form's text begins with its name.)"""


class _Page(BaseHTTPRequestHandler):
    """An empty page; below /sandboxed one whose origin is `null`."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        if self.path == "/sandboxed":
            self.send_header("content-security-policy", "sandbox allow-scripts allow-forms allow-popups")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another</title><body>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        pass


@contextmanager
def another_site() -> Iterator[int]:
    """A web server that is not ours; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


class Traffic:
    """What a browser has asked for, until nothing is under way any more."""

    def __init__(self, context: BrowserContext) -> None:
        self.sent: list[tuple[str, str]] = []
        self._open: set[Request] = set()
        context.on("request", self._begun)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)

    def _begun(self, request: Request) -> None:
        self.sent.append((request.method, request.url))
        self._open.add(request)

    def _ended(self, request: Request) -> None:
        self._open.discard(request)

    def wait_until_idle(self, page: Page) -> None:
        for _ in range(100):
            page.wait_for_timeout(50)
            if not any(request.method == "POST" for request in self._open):
                return
        raise AssertionError(f"still under way: {[request.url for request in self._open]}")


def attack(page: Page, base: str) -> str:
    """Everything, from this page; what it could read."""
    found: list[str] = page.evaluate(ATTACK, {"base": base, "posts": POSTS, "gets": GETS, "streams": STREAMS})
    return "\n".join(found)
