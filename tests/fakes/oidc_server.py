"""An OpenID Connect provider that signs in whoever `name` says, without asking: discovery, keys, code and token.

It checks what a provider checks (client, secret, redirect address, code used once) and signs with a key of its own.
`forged` has it sign with a key that it does not publish.
"""

import base64
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "vistill", "not-a-secret"


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Provider:
    """Serves until left; `claims` are what it says of the person."""

    def __init__(self, redirect: str) -> None:
        self.redirect = redirect
        self.claims: dict[str, Any] = {}
        self.forged = False
        self.codes: dict[str, str] = {}
        self.key, self.other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Provider":
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }  # fmt: skip

    def keys(self) -> dict[str, Any]:
        public = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": number(public.n), "e": number(public.e)}
        return {"keys": [key]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent, with a code that is good once."""
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, self.redirect)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked.get("nonce", "")
        return f"{self.redirect}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str], authorization: str) -> dict[str, Any]:
        """An id token for the code; KeyError when the code was used."""
        assert authorization == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": self.codes.pop(asked["code"])}
        head = {"alg": "RS256", "kid": "1", "typ": "JWT"}
        signed = ".".join(b64(json.dumps(part).encode()) for part in (head, claims | self.claims))
        key = self.other if self.forged else self.key
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "access_token": "a",
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": f"{signed}.{b64(signature)}",
        }


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            at = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(at.query).items()}
            match at.path:
                case "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(asked))
                    self.end_headers()
                case "/keys":
                    self.say(provider.keys())
                case _:
                    self.say(provider.metadata())

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked = {name: values[0] for name, values in parse_qs(sent).items()}
            self.say(provider.token(asked, self.headers.get("Authorization", "")))

        def say(self, found: dict[str, Any]) -> None:
            content = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
