"""Experiments of every kind that there is, as data; tests take them apart and put them together again."""

from typing import Any

from demo.chaos_toolkit.experiment import STRATEGIES

Data = dict[str, Any]

URL = "http://127.0.0.1:1/"


def probe(name: str, tolerance: Any, provider: Data, **more: Any) -> Data:
    return {"type": "probe", "name": name, "tolerance": tolerance, "provider": provider, **more}


def action(name: str, provider: Data, **more: Any) -> Data:
    return {"type": "action", "name": name, "provider": provider, **more}


def http(url: str = URL, **more: Any) -> Data:
    return {"type": "http", "url": url, **more}


def process(path: str, arguments: Any = None, **more: Any) -> Data:
    return {"type": "process", "path": path, **({} if arguments is None else {"arguments": arguments}), **more}


def python(module: str, func: str, **more: Any) -> Data:
    return {"type": "python", "module": module, "func": func, **more}


def experiment(**parts: Any) -> Data:
    """Return an experiment with a fault, its proof and its undo, in which `parts` replace whole keys."""
    return {
        "title": "The database is stopped",
        "description": "Nobody should notice.",
        "steady-state-hypothesis": {"title": "All is well", "probes": [probe("page", 200, http())]},
        "method": [action("stop it", process("true"))],
        "rollbacks": [action("start it", process("true"))],
        **parts,
    }


TOLERANCES: list[Any] = [
    200,
    0.5,
    True,
    "OK",
    [200, 204],
    [1, 2, 3],
    ["a", "b"],
    None,
    {"type": "regex", "pattern": "^a/b #\\d+: 'x'$"},
    {"type": "regex", "pattern": "up", "target": "stdout"},
    {"type": "jsonpath", "path": "$.a[?(@.b == 1)].c", "expect": ["x", 1, None]},
    {"type": "jsonpath", "path": "$.role", "expect": "leader", "target": "body"},
    {"type": "jsonpath", "path": "$[*]", "count": 3},
    {"type": "range", "range": [1, 2.5], "target": "stdout"},
    {"type": "range", "range": [200, 299], "target": "status"},
    {"type": "probe", "name": "ask", "provider": python("math", "isfinite")},
]

PROVIDERS: list[Data] = [
    http(),
    http(method="POST", arguments={"a": "1 & 2", "b": [1, 2]}),
    http(method="PUT", headers={"Content-Type": "application/json"}, arguments={"a": [1, "5", None, True, {"b": 0.5}]}),
    http(method="get", arguments={"q": "a b"}, timeout=[1, 2], headers={"X-A": "a: b #c"}),
    http(method="OPTIONS", verify_tls=False, max_retries=3, expected_status=204),
    http("http://127.0.0.1:1/{a,b}?x=${HOME}#f"),
    process("true"),
    process("kill", '"$(<primary.pid)"'),
    process("pkill", "--echo -F primary.pid"),
    process("~/bin/stop it", ["--name", "a b", 5, "", None, "on", "1:30", "#x", "${HOME}", "multi\nline", "'\"\\"]),
    process("docker", {"stop": "db", "--time": 3}),
    process("sh", "-c 'echo $HOME; ls | wc -l'", timeout=3),
    python("os", "getpid"),
    python("functions", "act", arguments={"${key}": "${HOME}", "text": "ünïcode — 日本 '\" `x` <!-- --> --- \n---\n"}),
]

EXPERIMENTS: dict[str, Data] = {
    **{f"tolerance {number}": experiment(**{"steady-state-hypothesis": {"title": "t", "probes": [
        probe(f"by {one['type']}", tolerance, one) for one in (http(), process("true"), python("os", "getpid"))
    ]}}) for number, tolerance in enumerate(TOLERANCES)},
    **{f"provider {number}": experiment(method=[action("do it", provider)], rollbacks=[action("undo it", provider)])
       for number, provider in enumerate(PROVIDERS)},
    **{f"steps {number}": experiment(method=[action("do it", provider, background=True)], rollbacks=[])
       for number, provider in enumerate(PROVIDERS)},
    **{f"strategy {strategy} {rollbacks}": experiment(
        runtime={"hypothesis": {"strategy": strategy}, "rollbacks": {"strategy": rollbacks}})
       for strategy in STRATEGIES
       for rollbacks in ("default", "never")},
    "no hypothesis": {"title": "t", "description": "", "method": [action("a", process("true"))]},
    "nothing": {"title": "t", "description": "d", "method": []},
    "only rollbacks": {"title": "t", "method": [action("a", http())], "rollbacks": [action("b", process("true"))]},
    "pauses": experiment(
        configuration={"long": 3, "short": 0.5},
        method=[
            probe("p", 1, http(), pauses={"before": "${short}", "after": 0}),
            action("a", process("true"), pauses={"before": 1, "after": "${long}"}, background=True, timeout=5),
            action("b", http(), background=True, timeout=60),
            action("sleep", process("sleep", "2")),
            {"type": "probe", "ref": "page"},
            {"ref": "page", "type": "probe"},
        ],
        rollbacks=[action("r", process("true"), pauses={"after": 3}), {"ref": "a", "type": "action"}],
    ),
    "variables": experiment(
        configuration={
            "host": "127.0.0.1", "port": 80, "list": [1, "2"],
            "user": {"type": "env", "key": "NO_SUCH_USER", "default": "me"},
            "number": {"type": "env", "key": "NO_SUCH_NUMBER", "default": "7", "env_var_type": "int"},
            "token": {"type": "env", "key": "CONFIGURED_TOKEN"},
        },
        secrets={
            "shop": {"key": {"type": "env", "key": "SHOP_KEY"}, "plain": "hunter2"},
            "top": {"type": "env", "key": "TOP"},
        },
        method=[
            action("http", http("http://${host}:${port}/$user", headers={"A": "Bearer ${key} $$5 ${unknown}"})),
            action("body", http(method="POST", arguments={"k": "${key}"})),
            action("argv", process("echo", ["${host}", "${list}", "$${x}", "${plain}"])),
            action("shell", process("echo", "${number} ${HOME} $$ | cat")),
            action("python", python("m", "f", arguments={"t": "${token}"}, secrets=["shop"])),
        ],
    ),
    "twice": experiment(**{"steady-state-hypothesis": {"title": "t", "probes": [probe("a", 200, http())] * 6}}),
    "controls": experiment(
        controls=[{"name": "tracing", "provider": python("m", "f")}], contributions={"reliability": "high"},
        extensions=[{"name": "x"}], tags=["a`b", "c"], unknown=1,
        method=[action("a", process("true"), controls=[{"name": "c"}], why="?", **{"x-y": 1})],
    ),
    "names": experiment(**{"steady-state-hypothesis": {"title": "# t\n--- <b>", "probes": [
        probe(name, 200, http(f"{URL}{number}")) for number, name in enumerate(
            ["all", "p", "Ünï", "日本", "1", "a b", "a-b", "x" * 300, "stop it", "is", "---", "${x}", "a\nb"])
    ]}}, title="---\n# `x` {y}: 'z' #1",
        description="<!-- speaker_note -->\n\n---\n\n```yaml\nx: 1\n```\n\n<<< ./x\n\n![a](b.png)"),
}  # fmt: skip
"""By a name that says what is special about it."""
