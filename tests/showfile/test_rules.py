"""Each rule that a show file can break, with the sentence that says so."""

import pytest

from tests.showfile.checked_shows import FAULT, LOAD, PROBES, messages, said

WEB = "processes:\n  web: {run: [python3, -m, http.server], port: 8080}\n"
PROXY = "proxies:\n  to-db: {listen: '127.0.0.1:15432', to: '127.0.0.1:5432'}\n"


def probe(text: str) -> str:
    return f"probes:\n  x: {{{text}}}\n"


def fault(text: str) -> str:
    return f"faults:\n  x: {{{text}}}\n"


FRONT = [
    ("subject: etdc\n", 'there is no subject "etdc": did you mean etcd?'),
    ("system: {compose: a.yaml, project: b, attach: c}\n", "either compose (a file) or attach (a project)"),
    ("system: {attach: a, project: b}\n", "attach names the project already"),
    (
        "theme: {logo: 'https://x.example/a.png'}\n",
        "theme.logo: https://x.example/a.png is an address: copy the file into the show's folder",
    ),
    ("theme: {logo: 'data:image/png;base64,AA'}\n", "is an address: copy the file into the show's folder"),
    ("processes:\n  9lives: {run: [x]}\n", '"9lives" cannot be a name'),
    ("processes:\n  a: {run: []}\n", "processes.a.run is empty"),
    ("processes:\n  a: {run: }\n", "processes.a.run is empty: write what belongs there"),
    ("processes:\n  a: {run: [x], port: 70000}\n", '"70000" is too large: the most is 65535'),
    ("processes:\n  a: {run: [x], port: http}\n", "write a whole number, not 'http'"),
    (WEB + "proxies:\n  p: {listen: '127.0.0.1:8080', to: 'h:1'}\n", "by the process web and by the proxy p"),
    (
        "proxies:\n  p: {listen: '5432', to: 'h:1'}\n",
        "'5432' is not a valid address: write host and port, like 127.0.0.1:5432",
    ),
    ("proxies:\n  p: {listen: 'h:1', to: 'h:1'}\n", "proxy 'p' would connect to itself"),
    ("proxies:\n  p: {listen: 'h:1', to: 'h:99999'}\n", "the port must be a number from 1 to 65535"),
    ("load:\n  c: {http: 'h/', rate: 1/s}\n", "must begin with http:// or https://"),
    ("load:\n  c: {redis: 'redis://h', rate: 1/s, read: 'http://h/'}\n", "read is for http"),
    ("load:\n  c: {http: 'http://h/', rate: 1/s, book: true}\n", "a book over http needs read"),
    ("load:\n  c: {redis: 'redis://h', rate: 1/s, body: x}\n", "body is for http"),
    (
        "load:\n  c: {http: 'http://h/', rate: 1/s, book: true, read: 'ftp://h/'}\n",
        "must begin with http:// or https://",
    ),
    ("load:\n  c: {http: 'http://h/', rate: 1/s, book: true, read: 'http://h/${from}'}\n", "one of them is missing"),
    ("load:\n  c: {http: 'http://h/${n}', rate: 1/s}\n", 'there is no secret "n"'),
    ("load:\n  c: {http: 'http://h/', rate: 1/s, book: true, read: 'http://h/', method: GET}\n", "POST"),
    ("load:\n  c: {postgres: 'postgresql://a,b:x/d', rate: 1/s}\n", "is not a valid address"),
    ("load:\n  c: {http: 'http://h/', rate: fast}\n", "'fast' is not a valid rate: write it like 50/s or 600/m"),
    ("panels:\n  p: {lines: 3}\n", "exactly one of run, log, process"),
    ("panels:\n  p: {process: web}\n", 'there is no process "web": none is declared'),
    ("panels:\n  p: {run: [x], match: abc}\n", "must stand between slashes"),
    ("panels:\n  p: {run: [x], match: '/(/'}\n", "is not a valid regular expression"),
    ("panels:\n  p: {log: db}\n", "db is a service of which system?"),
    ("panels:\n  p: {run: [x], lines: 0}\n", '"0" is too small: the least is 1'),
    ("events:\n  e: {run: [x], match: abc}\n", "must stand between slashes"),
    ("events:\n  e: {match: /x/}\n", "an event has exactly one of run, log, process"),
    ("events:\n  e: {run: [x]}\n", "match"),
    ("events:\n  e: {process: web, match: /x/}\n", 'there is no process "web"'),
    ("events:\n  e: {log: db, match: /x/}\n", "db is a service of which system?"),
    ("events:\n  e: {run: [x], match: '/(?<who>x)/', text: '${hwo}'}\n", 'there is no name that match captures "hwo"'),
    ("secrets: {T: {env: X}}\nevents:\n  e: {run: [x, '${T}'], match: /x/}\n", "secret"),
    ("events:\n" + "".join(f"  e{n}: {{run: [x], match: /x/}}\n" for n in range(13)), "a show has 12 events at most"),
    (PROBES + "groups: {g: [api, bd]}\n", 'there is no probe or node "bd": did you mean db?'),
    (PROBES + "groups: {g: []}\n", "the group g is empty"),
    (PROBES + "groups: {g: [api], h: [g]}\n", "g is a group: groups hold probes and nodes alone"),
    (PROBES + "groups: {api: [db]}\n", "api is the name of a probe and of a group"),
    (PROBES + "links: [api]\n", '"api" is not a valid link'),
    (PROBES + "links: [api -> bd]\n", 'there is no node "bd": did you mean db?'),
    (PROBES + "links: ['api -> db: traffic']\n", '"traffic" is not a valid flow'),
    (PROBES + "load:\n  count: {http: 'http://h/', rate: 1/s}\n", "a load cannot be called count"),
    (FAULT.replace("gone", "all") + PROBES, "a fault cannot be called all"),
    ("secrets:\n  T: {env: my token}\n", "is not the name of an environment variable"),
    (WEB + probe("log: {process: web}"), "must say what up means, like up: rate > 0/s"),
    (probe("http: 'http://h/', headers: {A: '${T}'}"), 'there is no secret "T": none is declared'),
]

OF_PROBES = [
    ("title: x", "a probe has exactly one of http, tcp"),
    ("http: 'http://h/', tcp: 'h:1'", "this one has http and tcp"),
    ("http: 'ftp://h/'", "must begin with http:// or https://"),
    ("http: 'http:///x'", "names no host"),
    ("http: 'http://h:port/'", "is not a valid address"),
    ("http: []", "is empty: name an address"),
    ("tcp: 'h'", "must be host:port"),
    ("redis: 'h:6379'", "must begin with redis:// or rediss:// or unix://"),
    ("http: 'http://h/', any: true", "any needs several addresses"),
    ("tcp: 'h:1', query: x", "query means nothing for a probe by tcp: it is for postgres and prometheus"),
    ("tcp: 'h:1', headers: {A: b}", "headers means nothing for a probe by tcp: it is for http and prometheus"),
    ("redis: 'redis://h', write: true", "write means nothing for a probe by redis: it is for postgres"),
    ("http: 'http://h/', expect_nodes: [a]", "expect_nodes needs each"),
    ("http: 'http://h/', each: members", 'each: "members" says nothing about how to find nodes'),
    ("http: 'http://h/', each: '$['", "is not a valid JSONPath"),
    ("run: [x], each: 'lines: /a/'", "needs a named group"),
    ("run: [x], each: 'lines: /(?<name>a)/', id: nam", 'no group in the pattern of each "nam": did you mean name?'),
    ("prometheus: 'http://h/', query: up", "must say what up means, like up: value > 0"),
    ("prometheus: 'http://h/', up: value > 0", "a probe by prometheus needs query"),
    ("log: {match: /x/}, up: rate > 1/s", "log needs either process or service"),
    ("log: {process: web}, up: rate > 1/s", 'there is no process "web"'),
    ("exec: {command: [x]}", "exec needs either service or container"),
    ("process: web", 'there is no process "web"'),
    ("http: 'http://h/', behind: web", 'there is no process "web"'),
    ("http: 'http://h/', retries: many", "write a whole number, not 'many'"),
    ("http: 'http://h/', any: yes", "write true or false, not 'yes'"),
    ("http: {url: 'http://h/'}", "probes.x.http must be text, not a mapping"),
    ("http: 'http://h/', main: latncy ms", 'there is no field of a probe by http "latncy": did you mean latency?'),
    ("tcp: 'h:1', show: [latency, status]", 'there is no field of a probe by tcp "status"'),
    ("http: 'http://{a}/'", "is not a list: write {a,b,c} or {8080..8084}"),
    ("http: 'http://h:{9..1}/'", "counts backwards"),
    ("run: redis-cli ping", "write [redis-cli, ping]; no shell is involved"),
    ("http: 'http://h/', method: get", "did you mean GET? Write one of GET, POST, HEAD"),
]

OF_FAULTS = [
    ("title: x", "a fault has exactly one of container, process"),
    ("run: [x], healed: api is up", "needs undo: nobody but this file knows"),
    ("run: [x], undo: [y]", "needs healed: nobody but this file knows"),
    ("container: {do: kill}", "exactly one of service, name, group and where"),
    ("container: {name: a, group: b, do: kill}", "exactly one of service, name, group and where"),
    ("container: {group: g, do: kill}", 'there is no group "g"'),
    ("container: {name: a, do: kil}", "did you mean kill? Write one of kill, stop, pause, disconnect"),
    ("container: {name: a, do: kill, pick: all}", "pick means nothing with name"),
    ("process: {do: kill}", "exactly one of name, port, pidfile and where"),
    ("process: {name: web, do: kill}", 'there is no process "web"'),
    ("process: {port: 5432, do: kill}", "is killed only with undo and healed"),
    ("process: {pidfile: /run/x.pid, do: kill}", "is killed only with undo and healed"),
    ("tcp: {proxy: to-bd, latency: 1s}", 'there is no proxy "to-bd": did you mean to-db?'),
    ("tcp: {proxy: to-db}", "a tcp fault needs at least one of latency"),
    ("tcp: {proxy: to-db, jitter: 1s}", "jitter makes latency vary: give latency too"),
    ("tcp: {proxy: to-db, bandwidth: 10}", "'10' has no unit: write 10KB/s"),
    ("tcp: {proxy: to-db, limit_data: 10KB/s}", "'10KB/s' is not a valid size: write it like 500B, 10KB or 1MiB"),
    ("tcp: {proxy: to-db, down: true, latency: 1s}", "down closes every connection, so latency would have no effect"),
    ("tcp: {proxy: to-db, latency: 2h}", "latency must be 0 to 3600 (seconds), not 7200"),
    ("tcp: {proxy: to-db, latency: 1s, toxicity: 2}", '"2" is too large: the most is 1'),
    ("tcp: {proxy: to-db, latency: 1s}, undo: [x]", "a fault by tcp undoes itself"),
    ("redis: {url: 'h', do: pause}", "must begin with redis://"),
    ("traffic: {load: c}", 'there is no load "c"'),
    ("json: {url: 'h', path: '$.a', value: 1}", "must begin with http://"),
    ("json: {url: 'http://h/', path: '$[', value: 1}", "is not a valid JSONPath"),
    ("http: {url: 'h'}, undo: [x], healed: api is up", "must begin with http://"),
    ("exec: {command: [x]}, undo: [x], healed: api is up", "exec needs either service or container"),
    ("run: [x], undo: [], healed: api is up", "undo is empty"),
    ("run: [x], undo: [a, {run: [b]}], healed: api is up", "must be a list, not"),
    ("run: [x], undo: [{wait: 5s}], healed: api is up", 'there is no key "wait"'),
    ("run: [x], undo: ['${y}'], healed: api is up", "nothing fills ${y}: add before: {y: [command]}"),
    ("run: [x], ends: 5s, duration: 9s", "ends and duration exclude each other"),
    ("run: [x], undo: [y], healed: api is up, duration: 0s", "too small: it must be more than 0"),
]

STEPS = [
    ("heal: gome", 'there is no fault "gome": did you mean gone?'),
    ("load: {clint: stop}", 'there is no load "clint": did you mean client?'),
    ("load: {client: faster}", "'faster' is not a valid rate: write it like 50/s or 600/m; or start, or stop"),
    ("load: {client: 200}", "write 200/s for so many a second; or start, or stop"),
    ("python: thing", '"thing" must name a function as package.module:function'),
    ("http: {url: h}", "must begin with http://"),
    ("exec: {command: [x]}", "exec needs either service or container"),
    ("countdown: 0", "too small: it must be more than 0"),
    ("countdown: 3600", "too large: the most is 60"),
    (f"say: {'x' * 281}", "281 characters, 280 fit on a screen"),
    ("say: ", "a step is exactly one of countdown"),
    ("run: [x, '${T}']", "T is a secret: everyone here can see the arguments"),
]

CHAPTERS = [
    ("panel: p\n", 'there is no panel "p"'),
    ("layout: panel\n", "layout: panel needs panel"),
    ("layout: fokus\n", "did you mean focus?"),
    ("highlight: [client.answered, client.rate, client.rate]\n", "highlight has 3 numbers: a room takes in 2"),
    ("highlight: [api, db, client, api, db, client, api]\n", "highlight has 7 nodes: a room takes in 6"),
    ("highlight: client.latency\n", 'there is no curve "client.latency"'),
    ("highlight: client.rote\n", "did you mean client.rate?"),
    ("highlight: api.latency\n", "no number of api is drawn: give its probe a main"),
    ("highlight: apj.latency\n", 'there is no probe or load "apj": did you mean api?'),
    ("check: before\n", "check needs expect"),
    ("expect: api is up\n", "expect needs a hypothesis"),
    ("require: [{condition: api is up}]\n", "require item 1 needs msg"),
    ("on_enter: [nothing]\n", 'on_enter step 1: "nothing" is not known here; write heal'),
    ("on_enter: {fault: gone}\n", "on_enter must be a list, not a mapping"),
]

ALL = PROBES + FAULT + LOAD + "secrets:\n  T: {env: T}\n"


@pytest.mark.parametrize(("front", "sentence"), FRONT)
def test_the_front_matter(front: str, sentence: str) -> None:
    assert [sentence in message for message in messages(front)] == [True], messages(front)


@pytest.mark.parametrize(("text", "sentence"), OF_PROBES)
def test_a_probe(text: str, sentence: str) -> None:
    assert [sentence in message for message in messages(probe(text))] == [True], messages(probe(text))


@pytest.mark.parametrize(("text", "sentence"), OF_FAULTS)
def test_a_fault(text: str, sentence: str) -> None:
    front = PROBES + PROXY + fault(text)
    assert [sentence in message for message in messages(front)] == [True], messages(front)


@pytest.mark.parametrize(("step", "sentence"), STEPS)
def test_a_step(step: str, sentence: str) -> None:
    found = messages(ALL, f"on_enter:\n  - {step}\n")
    assert [sentence in message for message in found] == [True], found


@pytest.mark.parametrize(("settings", "sentence"), CHAPTERS)
def test_a_chapter(settings: str, sentence: str) -> None:
    assert [sentence in message for message in messages(ALL, settings)] == [True], messages(ALL, settings)


def test_two_chapters_of_one_id() -> None:
    second = "id: a\n```\n\n# One\n\n---\n\n```yaml\nid: a\n"
    assert messages("", second) == ['the id "a" is that of chapter 1 already: an edit could not tell them apart']


def test_a_subject_brings_faults_and_nodes_of_its_own() -> None:
    settings = (
        "hypothesis: h\nexpect: redis is up and node-1.p99_ms < 300 during kill-node\n"
        "on_enter:\n  - fault: pause-redis\n  - heal: burst\n  - heal\n"
    )
    assert said("subject: ratelimiter\n", settings) == []


@pytest.mark.parametrize(
    ("front", "settings", "sentence"),
    [
        ("", "on_enter:\n  - fault: kill-nod\n", "did you mean kill-node? Declared: kill-node, burst, pause-redis"),
        ("", "on_enter:\n  - heal: brst\n", "did you mean burst?"),
        ("", "hypothesis: h\nexpect: redis is up during kill-nod\n", "did you mean kill-node?"),
        ("options: {lod: '2'}\n", "", 'ratelimiter takes no option "lod": did you mean load?'),
        ("options: {load: many}\n", "", "ratelimiter: load must be a number, not 'many'"),
        ("options: {load: '99'}\n", "", "load must be between 0.1 and 10 times the steady rate"),
        ("options: {allow-unlabelled: 'true'}\n", "", "for the presenter to say: give --allow-unlabelled"),
        (PROBES + "faults:\n  burst: {run: [x], undo: [y], healed: api is up}\n", "", "has a fault burst already"),
        (PROBES + "faults:\n  x: {run: [x], undo: [y], healed: redis is up}\n", "", 'probe, group or node "redis"'),
    ],
)
def test_a_subject_takes_its_own_options_and_has_its_own_faults_alone(front: str, settings: str, sentence: str) -> None:
    found = said(f"subject: ratelimiter\n{front}", settings)
    assert len(found) == 1
    assert sentence in found[0]


def test_a_class_of_ones_own_is_not_run_by_a_check() -> None:
    settings = "on_enter:\n  - fault: whatever-it-has\n"
    assert said("subject: no_such_module:Mine\noptions: {anything: goes}\n", settings) == []
    assert said("options: {load: '2'}\n") == [
        "2:1: options are those of a subject: name it with subject, like subject: ratelimiter"
    ]


def test_shapes_that_are_allowed() -> None:
    front = (
        PROBES
        + PROXY
        + WEB
        + "links: {api -> db: api.latency}\ntheme: {accent: '#e85d04'}\n"
        + "faults:\n  a: {process: {port: 8080, do: kill}}\n  b: {tcp: {proxy: to-db, reset_peer: now}}\n"
        + "  c: {run: [x], undo: [[a], {run: [b]}], healed: api is up, duration: }\n"
    )
    assert said(front, "on_enter:\n  - countdown: 3\n  - heal\n  - {fault: a, timeout: 5s}\n") == []


def test_a_heal_timeout_that_is_longer_than_an_attempt_is_warned_of() -> None:
    (warning,) = said(PROBES + FAULT + "    heal_timeout: 2min\n")
    assert warning.endswith("warning: heal_timeout is 40s at most: after that the fault is shown as not healed")
    assert not said(PROBES + FAULT + "    heal_timeout: 40s\n")
