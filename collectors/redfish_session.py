"""Talking to a management controller by Redfish: a session that is closed, documents that are bounded.

DMTF DSP0266: `POST .../SessionService/Sessions` gives `X-Auth-Token`, and the session's address, which is
deleted at the end; controllers without sessions take Basic authentication.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perfwatch_collectors.fetching import (
    HOW_TO_TRUST,
    cause_of,
    hurry,
    is_about_a_certificate,
    trusting,
    what_of_a_certificate,
)

from perfwatch.errors import TryAgain
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.credentials import Credentials

DOCUMENT_BYTES = 4 * 2**20
CONNECT_S, ANSWER_S = 3.0, 8.0
"""Controllers are slow: an answer of some seconds is usual."""
WHOLE_S = 15.0
"""How long a whole answer is waited for, however it comes."""
AT_EXIT_S = 2.0
"""How long the end of a program waits for its sessions to be deleted, all of them together."""
LEAST_S = 0.05
"""So long each is given whatever the others took: the request is sent, if not answered."""
BUSY_S = 10.0
"""Pause after a controller that says that it is busy, or that refuses."""
SESSIONS = "/redfish/v1/SessionService/Sessions"
_NO_SESSIONS = (404, 405, 501)


class Refused(TryAgain):
    """The controller answers, and does not give that document."""


class Session:
    """One controller.

    Args:
        url: `https://HOST`.
        who: user and password.
        verify: whether its certificate is checked.
        ca: a file of certificates that are trusted, in place of the usual ones.

    Raises:
        ConfigError: the file of certificates is none.
    """

    def __init__(self, url: str, who: Credentials, *, verify: bool, ca: str = "") -> None:
        import httpx

        self._httpx: Any = httpx
        self._who = who
        self.shown = clean(f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}", 100)
        self._url, self._trusts = url, trusting(ca) if ca and verify else verify
        self._client = self._new_client(ANSWER_S)
        self._location = ""
        self._has_logged_in = False
        self._until_s = 0.0
        self._closing = threading.Lock()

    def get(self, path: str) -> dict[str, Any]:
        """A document.

        Raises:
            TryAgain: it cannot be had now; says why.
        """
        if not self._has_logged_in:
            self._log_in()
        response = self._ask("GET", path)
        if response.status_code == 401 and self._location:  # the session ran out
            self._log_in()
            response = self._ask("GET", path)
        return self._document(response, path)

    def close(self) -> None:
        """End the session: a controller has room for few."""
        with self._closing:
            location, self._location = self._location, ""
            self._has_logged_in = False
            if location:
                with contextlib.suppress(TryAgain):
                    self._ask("DELETE", location)
            self._client.close()
        _open.discard(self)

    def close_at_exit(self, patience_s: float) -> None:
        """The same for a program that ends, whose thread may be in a call that does not return."""
        if not self._closing.acquire(timeout=patience_s):
            return  # it is being deleted, and the controller takes its time
        location, self._location = self._location, ""
        try:
            if location:
                with self._new_client(patience_s) as client, contextlib.suppress(self._httpx.HTTPError):
                    client.headers.update(self._client.headers)
                    client.delete(location)
        finally:
            self._closing.release()

    def _new_client(self, answer_s: float) -> Any:
        return self._httpx.Client(
            base_url=self._url,
            verify=self._trusts,
            timeout=self._httpx.Timeout(answer_s, connect=min(answer_s, CONNECT_S)),
            trust_env=False,
            headers={"Accept": "application/json", "OData-Version": "4.0"},
        )

    def _log_in(self) -> None:
        self._client.headers.pop("X-Auth-Token", None)
        response = self._ask(
            "POST", SESSIONS, json={"UserName": self._who.user, "Password": self._who.password}
        )
        self._has_logged_in = True
        token = response.headers.get("X-Auth-Token")
        if response.status_code in (200, 201) and token:
            self._client.headers["X-Auth-Token"] = token
            place = response.headers.get("Location", "")
            self._location = urlsplit(place).path or str(self._json(response).get("@odata.id", ""))
            _open.add(self)
        elif response.status_code in _NO_SESSIONS:
            self._client.auth = (self._who.user, self._who.password)
        else:
            self._has_logged_in = False
            raise self._refused(response.status_code, "to log in")

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        httpx = self._httpx
        self._until_s = time.monotonic() + WHOLE_S
        try:
            return self._client.request(
                method, path, follow_redirects=False, extensions={"trace": self._hurry}, **more
            )
        except httpx.ConnectTimeout as error:
            raise TryAgain(
                f"{self.shown} took no connection within {CONNECT_S:g} s; is it on, and the right address?",
                BUSY_S,
            ) from error
        except httpx.TimeoutException as error:
            raise TryAgain(f"{self.shown} gave no answer within {ANSWER_S:g} s", BUSY_S) from error
        except httpx.ConnectError as error:
            raise TryAgain(f"{self.shown} {_why_unreached(error)}", BUSY_S) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise TryAgain(f"{self.shown} broke off ({type(error).__name__})", BUSY_S) from error

    def _hurry(self, event: str, info: Mapping[str, Any]) -> None:
        late = f"{self.shown} takes longer than {WHOLE_S:g} s for an answer"
        hurry(event, info, lambda: self._until_s, lambda: TryAgain(late, BUSY_S))

    def _document(self, response: Any, path: str) -> dict[str, Any]:
        if response.status_code == 404:
            return {}
        if response.status_code != 200:
            raise self._refused(response.status_code, f"to tell {clean(path, 80)}")
        return self._json(response)

    def _json(self, response: Any) -> dict[str, Any]:
        if len(response.content) > DOCUMENT_BYTES:
            raise TryAgain(f"{self.shown} sends more than {DOCUMENT_BYTES // 2**20} MB", BUSY_S)
        try:
            found = json.loads(response.content)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}

    def _refused(self, status: int, what: str) -> Refused:
        hint = {401: ": wrong user or password", 403: ": the user may not", 503: ": it is busy"}.get(
            status, ""
        )
        return Refused(f"{self.shown} refuses {what} (status {status}{hint})", BUSY_S)


def _why_unreached(error: Exception) -> str:
    """What keeps a connection from coming about, and what can be done about it."""
    if is_about_a_certificate(error):
        return f"has a certificate that is not trusted here ({what_of_a_certificate(error)}); {HOW_TO_TRUST}"
    if isinstance(cause_of(error, ssl.SSLError), ssl.SSLError):
        return "speaks no TLS that is understood here; is it http://, or another port?"
    return "cannot be reached; is it on, and the right address?"


_open: set[Session] = set()
"""Sessions that were not deleted yet: who leaves does not wait for the threads that would."""


@atexit.register
def _close_all() -> None:
    until_s = time.monotonic() + AT_EXIT_S
    for session in tuple(_open):
        session.close_at_exit(max(LEAST_S, until_s - time.monotonic()))
