"""What the state must not hold of a launch: values of secret variables. It has their names.

The values come from the environment of whoever launches. They are handed to the controller, which
keeps them in memory; see `handover`. Where that is lost, as when the machine was started anew, the
environment of whoever starts the next controller stands in for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.core.addresses import bare, is_secret, shown_webhook
from pipeline.core.said import said
from pipeline.core.setting_kinds import ADDRESSES, SECRET
from pipeline.core.settings import ENVIRONMENT, SETTINGS, Settings
from pipeline.engines.local.steps.environment import is_private, settings_environment

WEBHOOK = ENVIRONMENT["webhook_url"]
# Steps ask nothing there, so they are not given what opens it.
_NOT_FOR_STEPS = tuple(
    ENVIRONMENT[name] for name in ("kfp_endpoint", "pod_tracking_uri", "weights_url")
)
_ASKED = tuple(ENVIRONMENT[name] for name in ("tracking_uri", "s3_endpoint_url"))
_SECRETS = tuple(entry.variable for entry in SETTINGS if entry.kind is SECRET)
_ADDRESSES = tuple(entry.variable for entry in SETTINGS if entry.kind in ADDRESSES)
# Stands for every private variable in a run of an older state, which did not note them.
ANY = "*"


@dataclass(frozen=True)
class LaunchVariables:
    """The environment that steps get from whoever launches.

    Parameters
    ----------
    stored
        What anybody may know.
    secrets
        By the name of a variable the part of its value that anybody may know: the server of an
        address, else nothing. None of an older state: the variable need not be there; see `ANY`.
    values
        By the same names their values, never to be written to a disk.
    """

    stored: Mapping[str, str]
    secrets: Mapping[str, str | None]
    values: Mapping[str, str]


def variables_of(settings: Settings, asked: Iterable[str]) -> LaunchVariables:
    """Sort the own variables into those that may be stored and those that may not.

    Parameters
    ----------
    asked
        Further variables, which the workflow wants from a Secret.
    """
    stored, addresses = without_secrets(settings_environment(settings))
    values = {name: text for name, text in os.environ.items() if is_private(name)}
    values |= {name: os.environ[name] for name in asked if name in os.environ}
    values = {
        name: text for name, text in values.items() if text and name not in ENVIRONMENT.values()
    }
    values |= addresses
    return LaunchVariables(stored, {name: known(name, values[name]) for name in values}, values)


def without_secrets(variables: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part settings, as variables, into what may be stored and the secrets that steps need."""
    stored, secrets = dict(variables), {}
    for name in _SECRETS:
        stored.pop(name, None)
    for name in _NOT_FOR_STEPS:
        if name in stored:
            stored[name] = bare(stored[name])
    for name in (WEBHOOK, *_ASKED):
        if name in stored and (name == WEBHOOK or is_secret(stored[name])):
            secrets[name] = stored.pop(name)
    return stored, secrets


def known(name: str, value: str) -> str:
    """Give the part of a variable's value that anybody may know."""
    if name == WEBHOOK:
        return shown_webhook(value)
    return bare(value) if name in _ADDRESSES else ""


def values_for(
    secrets: Mapping[str, str | None], given: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Give the values of a run's secrets as far as there are any, and the names of the others.

    Parameters
    ----------
    secrets
        As stored with the run.
    given
        What was handed over for it. Else the own environment counts, but an address that leads to
        another server does not. MLflow is asked without credentials rather than not at all.
    """
    values, missing = {}, []
    unnoted = [name for name in os.environ if is_private(name)] if ANY in secrets else []
    for name, noted in {**dict.fromkeys(unnoted), **secrets}.items():
        own = os.environ.get(name, "")
        if value := given.get(name) or (own if not noted or known(name, own) == noted else ""):
            values[name] = value
        elif noted is not None:
            missing.append(name)
            if name in _ASKED:
                values[name] = noted
    return values, missing


def missing_sentence(names: Iterable[str], *, can_be_handed: bool) -> str:
    """Say which variables a step has to do without, and what to do.

    Parameters
    ----------
    can_be_handed
        Whether the engine takes values at all, from a launch or a retry.
    """
    why = said("which was started anew since, or did not take them in time")
    then = said("retry the run from there")
    if not can_be_handed:
        why = said("which cannot take them from a launch: its state folder takes no socket")
        then = said(
            "retry the run from there when no other one is at work, which starts the engine anew"
        )
    return said(
        "this step goes on without {names}: set at the launch, never written to a disk, and not"
        " in the environment of the engine, {why}. Set it in a shell and {then}.",
        names=" and ".join(sorted(names)),
        why=why,
        then=then,
    )
