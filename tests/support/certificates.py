"""Certificates made on the spot, so that TLS can be right or wrong on loopback."""

from __future__ import annotations

import ssl

import trustme


class Certificates:
    """An authority that is trusted only if a test asks for `client()`."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server(self, host: str = "127.0.0.1") -> ssl.SSLContext:
        """Return the context of a server that proves itself as `host`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._authority.issue_cert(host)
        # trustme's own annotation names pyOpenSSL, which is not here.
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        return context

    def client(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority, and checks host names."""
        # Named here, it is trusted alone: reading what this machine trusts takes 20 times as long.
        return ssl.create_default_context(cadata=self._authority.cert_pem.bytes().decode())
