"""Notices by e-mail (RFC 5321, by smtplib)."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from davserver.errors import Unavailable, Unprocessable
from davserver.providers.notices import Notice
from davserver.tidings import name_of, tidings
from davserver.translations import ENGLISH, Language
from davserver.words import say

SILENT_SECONDS = 15
Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server that takes messages from us; ``sender`` is our address.

    ``security`` "starttls" begins with TLS before anything is told, "tls" is TLS from the start.
    ``language_of`` tells in which language a user reads.
    """

    host: str
    port: int
    security: Security
    user: str
    password: str
    sender: str
    ca: Path | None = None
    language_of: Callable[[str], Language] = lambda _: ENGLISH

    @contextmanager
    def open(self) -> Iterator["_Connection"]:
        """A connection, signed in. Raises Unavailable."""
        try:
            with self._connect() as smtp:
                if self.user:
                    smtp.login(self.user, self.password)
                yield _Connection(smtp, self)
        except (OSError, smtplib.SMTPException) as fault:
            raise Unavailable(
                say("The mail server does not take it: {reason}", reason=str(fault))
            ) from fault

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca)
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=SILENT_SECONDS, context=context)
        smtp = smtplib.SMTP(self.host, self.port, timeout=SILENT_SECONDS)
        try:
            if self.security == "starttls":
                smtp.starttls(context=context)
        except BaseException:
            smtp.close()
            raise
        return smtp


class _Connection:
    def __init__(self, smtp: smtplib.SMTP, mail: Mail) -> None:
        self._smtp = smtp
        self._mail = mail

    def send(self, notice: Notice, url: str) -> None:
        """Send one. Raises Unprocessable if the receiver is refused for good."""
        try:
            language = self._mail.language_of(notice.user)
            self._smtp.send_message(message(notice, url, self._mail.sender, language))
        except smtplib.SMTPRecipientsRefused as fault:
            if any(code >= 500 for code, _ in fault.recipients.values()):
                raise Unprocessable(say("The mail server refuses the receiver.")) from fault
            raise


def message(notice: Notice, url: str, sender: str, language: Language = ENGLISH) -> EmailMessage:
    """The message that a notice becomes: plain text, with nothing that loads."""
    told = EmailMessage()
    words = tidings(notice, name_of(notice))
    title, text = language.said(words.title), language.said(words.text)
    told["Subject"] = title
    told["From"] = sender
    told["To"] = notice.email
    told["Date"] = format_datetime(notice.made)
    # The same each time: after a crash it may be sent again.
    identity = f"notice-{notice.number}.{notice.made:%Y%m%d%H%M%S}"
    told["Message-ID"] = f"<{identity}@{sender.rpartition('@')[2]}>"
    # RFC 3834, 5: no answering machine answers it.
    told["Auto-Submitted"] = "auto-generated"
    told.set_content("\n\n".join(filter(None, (title + ".", text, url))) + "\n")
    return told
