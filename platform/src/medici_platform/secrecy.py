"""With what the platform does not start in production: secrets that others know, or that all can read. Pure."""

from urllib.parse import unquote, urlsplit

SHORTEST_SECRET = 32
FEWEST_DIFFERENT = 8
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
KNOWN_PASSWORDS = frozenset(
    {"", "admin", "change-me", "change_me", "changeme", "example", "guest", "medici", "password", "postgres", "redis"}
    | {"root", "secret", "test", "user", "user:password", "your-password"}
)
"""Of examples and defaults."""


def secret_fault(name: str, secret: str, default: str) -> str | None:
    how = "set one of your own (for example `openssl rand -hex 32`)"
    if secret == default or len(secret) < SHORTEST_SECRET:
        return f"{name} is the development default or shorter than {SHORTEST_SECRET} characters: {how}"
    if len(set(secret)) < FEWEST_DIFFERENT:
        return f"{name} holds fewer than {FEWEST_DIFFERENT} different characters: {how}"
    return None


def password_fault(name: str, address: str) -> str | None:
    """Of an address such as `scheme://user:password@host`. One without any password is the operator's choice."""
    password = password_of(address)
    if password is None or unquote(password).lower() not in KNOWN_PASSWORDS:
        return None
    return f"The password in {name} is that of an example: set one of your own"


def password_of(address: str) -> str | None:
    _, colon, password = address.partition("://")[2].rpartition("@")[0].partition(":")
    return password if colon else None


def public_url_fault(public_url: str, *, allow_http: bool) -> str | None:
    parts = urlsplit(public_url)
    if parts.scheme == "https" or allow_http or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return None
    return (
        f"MEDICI_PUBLIC_URL is {public_url}, over which passwords and test data travel in clear: put a proxy with TLS "
        "before the platform and give its https:// address, or set MEDICI_ALLOW_HTTP=true"
    )
