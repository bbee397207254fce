"""The settings service that ``biocolabsdk`` asks for hosts and keys: one address."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import ErrorTable, Services, status_of
from cytosol.asgi.errors import HTTP_STATUS
from cytosol.asgi.requests import request_id
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError, ForbiddenError, NotSignedInError

PREFIX = "/studio"
_BBROWSERX = "/t2d_index_tool/"


class StudioDialect:
    """EConnector with ``use_token_from_api=True``."""

    name: str = "studio"
    prefixes: tuple[str, ...] = (PREFIX,)
    conforms_to: tuple[str, ...] = ("biocolabsdk 1.0.8", "biocolabsdk 1.0.2")
    errors: ErrorTable = HTTP_STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """The one call."""

        async def get_setting(request: Request) -> Response:
            try:
                message = await _settings(services, request)
            except CytosolError as error:
                body = {"status": 1, "message": error.sentence, "code": error.code}
                return json_response(body, status=status_of(HTTP_STATUS, error))
            return json_response({"status": 0, "message": message})

        return [Route(f"{PREFIX}/pyapi/private/get_setting", get_setting, methods=["GET"])]


async def _settings(services: Services, request: Request) -> dict[str, str]:
    """Host and keys for the holder of a token: the same token opens every service.

    Raises
    ------
    NotSignedInError
        Without a token, which is what the client sends where it was given only one of token and e-mail.
    ForbiddenError
        Where the e-mail is another one's.
    """
    token = request.headers.get("x-user-token", "").strip()
    if not token:
        raise NotSignedInError("The request has no token", do="Give EConnector both studio_token and studio_email")
    actor = await services.catalog.accounts.resolve_token(token, request_id=request_id(request))
    user = await services.catalog.accounts.me(actor)
    if request.headers.get("x-email-id", "").strip().lower() != user.email.lower():
        raise ForbiddenError("The token is not of this e-mail address", do="Give the address that the token belongs to")
    address = services.settings.public_url or str(request.base_url)
    return {
        "bio_bbx_private_domain": address.rstrip("/") + _BBROWSERX,
        "bio_bbx_private_key": token,
        "bio_bbx_t2d_key": token,
        "bio_bioflex_public_key": token,
    }
