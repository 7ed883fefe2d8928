"""Certificates of servers: what the system trusts. Importing this imports requests."""

import ssl
from typing import Any

from requests.adapters import HTTPAdapter


class SystemTrust(HTTPAdapter):
    """Trusts what the system does, as SSL_CERT_FILE and SSL_CERT_DIR have it, besides what requests brings.

    ``context``, where it is given, decides instead of the system.
    """

    def __init__(self, context: ssl.SSLContext | None = None, **options: Any) -> None:
        self._context = context
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._decides(), **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._decides(), **options)

    def _decides(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()
