"""Report the end of a run to a webhook, if one is set; never fail the run.

This is the exit handler: it has neither volume nor run folder, because it also runs when the
volume could not be had.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pipeline.core.addresses import basic_auth
from pipeline.core.errors import SlipwayError
from pipeline.core.settings import load_settings

TIMEOUT_S = 5
# A receiver that restarts is back within these; the run's end waits for them.
PAUSES_S = (1, 3, 9, 20)
_LATER = (408, 425, 429)  # too early or too much; other refusals are for good
_MARKS = {"Succeeded": "✓", "Failed": "✕", "Error": "✕"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step; the exit code is 0 whatever the webhook says."""
    parser = argparse.ArgumentParser(prog="notify", description="Report the end of a run.")
    parser.add_argument("--status", required=True, help="the workflow's status")
    parser.add_argument("--launch", default="", help="launch id; empty for an uploaded pipeline")
    parser.add_argument("--run-uid", required=True, help="uid of the workflow")
    args = parser.parse_args(argv)
    try:
        url = load_settings().webhook_url
        if not url:
            print(f"run {args.launch or args.run_uid} ended: {args.status}; no webhook is set")
            return 0
        name = args.launch or args.run_uid
        text = f"{_MARKS.get(args.status, '•')} {name}: {args.status.lower()}"
        # `text` is what Slack and those that copy it show; the rest is for programs.
        ids = {"launch": args.launch, "run_uid": args.run_uid, "status": args.status}
        status = post_patiently(url, {"text": text, **ids})
        print(f"run {args.launch or args.run_uid} ended: {args.status}; webhook says {status}")
    except (SlipwayError, OSError, HTTPException, ValueError) as reason:
        # Not the URL: the addresses of webhooks carry a token.
        print(f"the webhook was not reached: {_named(reason)}. The run is not affected.")
    return 0


def post_patiently(url: str, document: dict[str, str]) -> int:
    """Send a document like `post`, again after a while where that may help.

    Raises
    ------
    ValueError, OSError, HTTPException
        It was refused, or the last attempt failed, too.
    """
    for pause_s in PAUSES_S:
        try:
            return post(url, document)
        except (OSError, HTTPException) as reason:
            if isinstance(reason, HTTPError) and reason.code < 500 and reason.code not in _LATER:
                raise
            print(
                f"the webhook was not reached: {_named(reason)}; again in {pause_s} s", flush=True
            )
        time.sleep(pause_s)
    return post(url, document)


def post(url: str, document: dict[str, str]) -> int:
    """Send a JSON document and give the HTTP status.

    Raises
    ------
    ValueError
        The address is not http(s).
    OSError, HTTPException
        It was not reached, or refused.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("a webhook's address starts with http:// or https://")
    body = json.dumps(document).encode()
    url, login = basic_auth(url)
    request = Request(url, data=body, headers={"Content-Type": "application/json"})
    if login:  # not for whatever server a redirect names
        request.add_unredirected_header("Authorization", login)
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        status: int = answer.status
        return status


def _named(reason: Exception) -> str:
    """Name a failure without its text, which may have the address."""
    return f"HTTP {reason.code}" if isinstance(reason, HTTPError) else type(reason).__name__


if __name__ == "__main__":
    sys.exit(main())
