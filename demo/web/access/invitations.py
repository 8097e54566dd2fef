"""What the terminal says of pairing: the link for this machine's browser, and the codes that are valid now."""

from demo.web.access.policy import AccessPolicy


def own_link_of(access: AccessPolicy) -> str:
    """Return the link that pairs this machine's browser; empty where no pairing is needed, or once it was used."""
    secret = access.pairing.local_secret if access.pairing else ""
    return f"{access.addresses.local_url}/pair#{secret}" if secret else ""


def describe_new_codes(
    access: AccessPolicy, with_symbol: bool, why: str = "new codes  the codes shown before are no longer valid"
) -> list[str]:
    """Return the lines that tell which codes are valid now, after `why`."""
    invitation, own_link = access.invitation(), own_link_of(access)
    lines = [why, f"presenter  {own_link}" if own_link else ""]
    return [line for line in lines if line] + (invitation.lines(with_symbol) if invitation else [])
