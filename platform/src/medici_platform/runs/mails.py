"""Alerts as mail to the organizers, sent outside of every transaction and every request."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import groupby
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy import select, update

from medici_platform.accounts.models import User
from medici_platform.context import Context
from medici_platform.runs.alerts import CANARY_FOUND, REFUNDS_USED_UP
from medici_platform.runs.models import Alert

log = structlog.get_logger()

TIMEOUT_S = 10
RETRY_AFTER = timedelta(minutes=5)
ALERTS_AT_ONCE = 50
LONGEST_PART = 2000
TLS_PORT = 465
PLAIN_PORT = 25
REFUSED_FOR_GOOD = 500
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/^_`{|}~-]+@[A-Za-z0-9.-]+")


class NoEncryption(smtplib.SMTPException):
    """A password is not sent in clear."""


@dataclass(frozen=True)
class Letter:
    """All new alerts of one challenge."""

    alert_ids: list[int]
    recipients: list[str]
    subject: str
    text: str


@dataclass
class AlertMails:
    """Keeps in mind when a server that failed may be asked again."""

    context: Context
    _wait_until: datetime | None = field(default=None, init=False)

    def send(self) -> int:
        """Returns how many alerts were mailed."""
        now = self.context.now()
        if self._wait_until is not None and now < self._wait_until:
            return 0
        self._wait_until = None
        try:
            return send_alert_mails(self.context)
        except (OSError, smtplib.SMTPException) as error:
            self._wait_until = now + RETRY_AFTER
            log.warning("mail_not_sent", error=str(error))
            return 0


def send_alert_mails(context: Context) -> int:
    """Mail every alert that has not been mailed to the challenge's owner and collaborators with an address.

    Raises OSError or SMTPException when the server fails: what it took before stays marked, the rest is sent later.
    """
    if not context.settings.smtp_url:
        return 0
    letters = _letters(context)
    wanted = [letter for letter in letters if letter.recipients]
    for letter in letters:
        if not letter.recipients:
            _mark(context, letter)  # nobody has an address: the alert stands on its page
    if wanted:
        with _server(context.settings.smtp_url) as server:
            put_off = [letter for letter in wanted if not _is_done_with(server, context, letter)]
        if put_off:
            raise smtplib.SMTPException(f"{len(put_off)} of {len(wanted)} letters were put off by the mail server")
    return sum(len(letter.alert_ids) for letter in wanted)


def _is_done_with(server: smtplib.SMTP, context: Context, letter: Letter) -> bool:
    """False for one that the server does not take at the moment: it comes again, and keeps back none of the others."""
    try:
        _send(server, context.settings.mail_from, letter)
    except smtplib.SMTPDataError as later:
        log.warning("mail_put_off", alerts=letter.alert_ids, code=later.smtp_code)
        return False
    _mark(context, letter)
    return True


def _letters(context: Context) -> list[Letter]:
    with context.database.read() as session:
        alerts = session.scalars(
            select(Alert)
            .where(Alert.mailed_at.is_(None), Alert.resolved_at.is_(None))
            .order_by(Alert.challenge_id, Alert.id)
            .limit(ALERTS_AT_ONCE)
        ).all()
        address = context.settings.public_url.rstrip("/")
        grouped = groupby(alerts, key=lambda alert: alert.challenge_id)
        return [_letter(list(members), address) for _, members in grouped]


def _letter(alerts: list[Alert], address: str) -> Letter:
    challenge = alerts[0].challenge
    people = {person.id: person for person in (challenge.owner, *challenge.collaborators)}
    title = " ".join(challenge.title.split())
    parts = [f"{alert.message[:LONGEST_PART]}\n{_link(alert, address)}" for alert in alerts]
    parts.append(f"{_advice(alerts)}All alerts of this challenge: {address}/challenges/{challenge.slug}/alerts\n")
    return Letter(
        [alert.id for alert in alerts],
        [email for person in people.values() if (email := _address_of(person))],
        f"{title}: {_summed_up(alerts)}",
        "\n\n".join(parts),
    )


def _summed_up(alerts: list[Alert]) -> str:
    """`the scoring program failed 2 times, a canary was found`."""
    found = sum(alert.kind == CANARY_FOUND for alert in alerts)
    used_up = sum(alert.kind == REFUNDS_USED_UP for alert in alerts)
    told = (
        (len(alerts) - found - used_up, "the scoring program failed"),
        (found, "a canary was found"),
        (used_up, "a failure was free no more"),
    )
    return ", ".join(what + (f" {count} times" if count > 1 else "") for count, what in told if count)


def _advice(alerts: list[Alert]) -> str:
    kinds = {alert.kind for alert in alerts}
    if kinds <= {CANARY_FOUND, REFUNDS_USED_UP}:
        return ""
    free = "" if REFUNDS_USED_UP in kinds else "No failure of a scoring program costs quota. "
    return f"{free}When its cause is mended, run the submission again.\n"


def _address_of(person: User) -> str | None:
    """Addresses that not every server takes, or that a letter's head can't hold, would keep back everybody's mail."""
    address = person.email or ""
    return address if person.disabled_at is None and _ADDRESS.fullmatch(address) else None


def _link(alert: Alert, address: str) -> str:
    return f"{address}/submissions/{alert.run.submission_id}" if alert.run else ""


@contextmanager
def _server(url: str) -> Iterator[smtplib.SMTP]:
    """`smtps://` for TLS from the start; with `smtp://` TLS begins when the server offers it."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "localhost", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or TLS_PORT, timeout=TIMEOUT_S, context=tls)
    else:
        server = smtplib.SMTP(host, parts.port or PLAIN_PORT, timeout=TIMEOUT_S)
    with server:
        server.ehlo()
        encrypted = parts.scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=tls)
            server.ehlo()
            encrypted = True
        if parts.username:
            if not encrypted:
                raise NoEncryption(f"{host} offers no TLS, so the password of MEDICI_SMTP_URL is not sent to it")
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server


def _send(server: smtplib.SMTP, sender: str, letter: Letter) -> None:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(letter.recipients)
    message["Subject"] = letter.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    try:
        server.send_message(message)
    except smtplib.SMTPDataError as refused:
        if int(refused.smtp_code) < REFUSED_FOR_GOOD:
            raise
        log.warning("mail_refused", alerts=letter.alert_ids, code=refused.smtp_code)
    except smtplib.SMTPRecipientsRefused as refused:
        log.warning("mail_refused", alerts=letter.alert_ids, recipients=len(refused.recipients))


def _mark(context: Context, letter: Letter) -> None:
    with context.database.write() as session:
        session.execute(update(Alert).where(Alert.id.in_(letter.alert_ids)).values(mailed_at=context.now()))
