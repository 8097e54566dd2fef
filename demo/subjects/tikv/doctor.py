"""The checks of `demo doctor` for a TiKV cluster known by URL; changes nothing."""

from collections.abc import Sequence

from demo.findings import Finding, maybe, no, ok, together
from demo.probes.pd import NOT_BOOTSTRAPPED, PdProbe
from demo.subjects.tikv.topology import Session

ASK_SEC = 2.0


async def examine_urls(session: Session, urls: Sequence[str]) -> tuple[Finding, ...]:
    return await together({f"PD {url}": _check_pd(session, url) for url in urls})


async def _check_pd(session: Session, url: str) -> Finding:
    reading = await PdProbe(session, url, ASK_SEC).read()
    subject = f"PD {url}"
    if not reading.ok:
        return no(subject, reading.trouble, "check that this is the address of a PD, and that it is running")
    stores = reading.data.get("stores")
    if stores is None and reading.data["troubles"]["stores"] == NOT_BOOTSTRAPPED:
        return maybe(subject, f"is starting: {NOT_BOOTSTRAPPED}", "start the stores of this cluster, or wait for them")
    if stores is None:
        return no(subject, reading.data["troubles"]["stores"], "check that a majority of the PDs is running")
    return ok(subject, f"reports {len(stores)} stores")
