"""Talking to a management controller by Redfish: a session that is closed, documents that are bounded.

DMTF DSP0266: `POST .../SessionService/Sessions` gives `X-Auth-Token`, and the session's address, which is
deleted at the end; controllers without sessions take Basic authentication.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perfwatch_collectors.fetching import is_about_a_certificate

from perfwatch.errors import TryAgain
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.credentials import Credentials

DOCUMENT_BYTES = 4 * 2**20
CONNECT_S, ANSWER_S = 3.0, 8.0
"""Controllers are slow: an answer of some seconds is usual."""
BUSY_S = 10.0
"""Pause after a controller that says that it is busy, or that refuses."""
SESSIONS = "/redfish/v1/SessionService/Sessions"
_NO_SESSIONS = (404, 405, 501)


class Session:
    """One controller.

    Args:
        url: `https://HOST`.
        who: user and password.
        verify: whether its certificate is checked.
    """

    def __init__(self, url: str, who: Credentials, *, verify: bool) -> None:
        import httpx

        self._httpx: Any = httpx
        self._who = who
        self.shown = clean(f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}", 100)
        self._client = httpx.Client(
            base_url=url,
            verify=verify,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            trust_env=False,
            headers={"Accept": "application/json", "OData-Version": "4.0"},
        )
        self._location = ""
        self._has_logged_in = False

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
        if self._location:
            with contextlib.suppress(TryAgain):
                self._ask("DELETE", self._location)
        self._location, self._has_logged_in = "", False
        self._client.close()

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
        elif response.status_code in _NO_SESSIONS:
            self._client.auth = (self._who.user, self._who.password)
        else:
            self._has_logged_in = False
            raise self._refused(response.status_code, "to log in")

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        httpx = self._httpx
        try:
            return self._client.request(method, path, follow_redirects=False, **more)
        except httpx.TimeoutException as error:
            raise TryAgain(f"{self.shown} gave no answer within {ANSWER_S:g} s", BUSY_S) from error
        except httpx.ConnectError as error:
            said = "has a certificate that is not trusted here (verify=false takes it as it is)"
            reason = said if is_about_a_certificate(error) else "cannot be reached"
            raise TryAgain(f"{self.shown} {reason}", BUSY_S) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise TryAgain(f"{self.shown} broke off ({type(error).__name__})", BUSY_S) from error

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

    def _refused(self, status: int, what: str) -> TryAgain:
        hint = {401: ": wrong user or password", 403: ": the user may not", 503: ": it is busy"}.get(
            status, ""
        )
        return TryAgain(f"{self.shown} refuses {what} (status {status}{hint})", BUSY_S)
