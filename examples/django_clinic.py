"""A clinic's Django application that reminds people, by way of a tidings that runs elsewhere.

    pip install tidings django
    CLINIC_TIDINGS=http://localhost:3000 CLINIC_KEY=... python django_clinic.py runserver

Django's views wait for their answers, so this uses `tidings.blocking`; an API key with the scopes
`contacts:write` and `messages:send` is enough.
"""

import atexit
import os
import sys
from contextlib import ExitStack
from functools import cache
from typing import Any

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tidings.application.contacts.people import NewContact
from tidings.blocking import Tidings
from tidings.domain.contacts.people import PhoneTaken
from tidings.domain.errors import Refused

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["localhost", "127.0.0.1", "testserver"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only-for-this-example"),
)
django.setup()


@cache
def tidings() -> Any:
    """One connection to the platform for this process, opened when it is first needed."""
    opened = ExitStack()
    atexit.register(opened.close)
    return opened.enter_context(Tidings.remote(os.environ["CLINIC_TIDINGS"], os.environ["CLINIC_KEY"]))


@csrf_exempt
@require_POST
def register(request: HttpRequest) -> JsonResponse:
    """Take a person in; somebody who is known already is no mistake."""
    t = tidings()
    new = NewContact(
        phone=request.POST.get("phone", ""),
        country_code="+44",
        first_name=request.POST.get("name", ""),
    )
    try:
        contact = t.contacts.add(t.operator(), new)
    except PhoneTaken:
        return JsonResponse({"known": True})
    except Refused as refused:
        faults = {fault.field: fault.message for fault in refused.faults}
        return JsonResponse({"code": refused.code, "faults": faults}, status=400)
    return JsonResponse({"id": str(contact.id)}, status=201)


urlpatterns = [path("people", register)]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
