"""Every cookie of ours: out of scripts' reach, not sent with other sites' forms, and over https bound to this host."""

from fastapi.responses import Response

from medici_platform.settings import Settings


def cookie_name(settings: Settings, name: str, *, path: str = "/") -> str:
    """Browsers take a prefixed name over https from this host alone: no neighbour under the same domain sets it."""
    if not settings.secure_cookies:
        return name
    return f"__Host-{name}" if path == "/" else f"__Secure-{name}"


def set_cookie(response: Response, settings: Settings, name: str, value: str, *, hours: float, path: str = "/") -> None:
    response.set_cookie(
        cookie_name(settings, name, path=path),
        value,
        max_age=int(hours * 3600),
        path=path,
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def delete_cookie(response: Response, settings: Settings, name: str, *, path: str = "/") -> None:
    response.delete_cookie(
        cookie_name(settings, name, path=path), path=path, httponly=True, samesite="lax", secure=settings.secure_cookies
    )
