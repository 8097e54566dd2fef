"""Write one key to etcd: `write.py URL…` asks the members in turn until one confirms, and prints the revision."""

import base64
import json
import sys
import time
import urllib.request

KEY, TIMEOUT_SEC = base64.b64encode(b"demo/now").decode(), 1.5


def write(url: str) -> int:
    """Return the revision of the confirmed write. Raises `OSError` when this member does not confirm it."""
    value = base64.b64encode(str(time.time()).encode()).decode()
    body = json.dumps({"key": KEY, "value": value}).encode()
    with urllib.request.urlopen(f"{url}/v3/kv/put", body, timeout=TIMEOUT_SEC) as answer:
        return int(json.load(answer)["header"]["revision"])


for url in sys.argv[1:]:
    began = time.monotonic()
    try:
        revision = write(url)
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)
    else:
        print(json.dumps({"revision": revision, "took": round((time.monotonic() - began) * 1000, 1)}))
        sys.exit(0)
sys.exit("no member confirms a write")
