"""Measuring a form with files before any of it is looked at: how large it is, and how many files are in it."""

from typing import Final

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from agentos.turns.attachments import MOST, TOGETHER

# Bytes of a form beside its files: the longest message, in the longest encoding, and what frames each file.
_FIELDS: Final = 1_500_000

TOO_LARGE: Final = f"The attachments are larger than {TOGETHER // 10**6} MB together. Nothing was sent."
TOO_MANY: Final = f"Too many files are attached; {MOST} can be sent with one message. Nothing was sent."
BROKEN: Final = "The form did not arrive whole, so nothing was sent. Send it again."


def too_much(request: HttpRequest) -> str:
    """Return why a form is not taken, "" if it is. A form that states a larger size than may be is not read at all.

    Files are on disk by then, however large: a few kilobytes of each are in memory at a time.
    """
    stated = request.META.get("CONTENT_LENGTH") or "0"
    if not stated.isdigit() or int(stated) > TOGETHER + _FIELDS:
        return TOO_LARGE
    try:
        return TOO_MANY if len(request.FILES.getlist("files")) > MOST else ""
    except TooManyFilesSent:
        return TOO_MANY
    except (RequestDataTooBig, TooManyFieldsSent):
        return TOO_LARGE
    except MultiPartParserError:
        return BROKEN
