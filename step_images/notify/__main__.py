"""Report the end of a run to a webhook, if one is set; never fail the run.

This is the exit handler: it has neither volume nor run folder, because it also runs when the
volume could not be had.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from http.client import HTTPException
from urllib.request import Request, urlopen

from pipeline.core.addresses import basic_auth
from pipeline.core.errors import SlipwayError
from pipeline.core.settings import load_settings

TIMEOUT_S = 5
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
        status = post(url, {"text": text, **ids})
        print(f"run {args.launch or args.run_uid} ended: {args.status}; webhook says {status}")
    except (SlipwayError, OSError, HTTPException, ValueError) as reason:
        # Not the URL: the addresses of webhooks carry a token.
        print(f"the webhook was not reached: {type(reason).__name__}. The run is not affected.")
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
