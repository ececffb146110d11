"""Training cfgs: checking them, reading overrides, and what training gets in the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.cfg.check import check_value, clean
from pipeline.core.cfg.files import check_file_setting
from pipeline.core.cfg.merge import diff_text, merge_cfg
from pipeline.core.cfg.renamed import with_new_names
from pipeline.core.cfg.schema import NOT_IN_DEFAULTS, RENAMED, SCHEMA, UNUSED_GROUPS, Setting
from pipeline.core.cfg.unknown_keys import unknown_keys
from pipeline.core.errors import InputError, UsageError
from pipeline.core.findings import Finding, error, info, ordered, warning
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.edit import same
from pipeline.core.yamltext.file import YamlFile, parse_yaml

__all__ = [
    "SCHEMA",
    "Setting",
    "check_cfg",
    "diff_text",
    "effective_cfg",
    "merge_cfg",
    "parse_override",
    "parse_overrides",
]

_AUTO_IGNORES = ("lr0", "momentum")


def check_cfg(
    yaml_file: YamlFile, overrides: Mapping[str, Any], volume: Volume | None = None
) -> list[Finding]:
    """Find every mistake in a cfg file and the overrides on top of it.

    Parameters
    ----------
    yaml_file
        The parsed cfg; keys that are overridden are not checked in the file.
    overrides
        Settings of the launch.
    volume
        Where the files lie that settings name; None does not look for them.

    Returns
    -------
    list of Finding
        Errors first; `where` is ``file:line`` or ``overrides.KEY``.
    """
    findings: list[Finding] = []
    unknown: list[tuple[Any, str]] = []
    for key, value in {**yaml_file.data, **overrides}.items():
        where = _where(key, yaml_file, overrides)
        if key not in SCHEMA and key not in RENAMED:
            unknown.append((key, where))
        elif key in overrides:
            findings += _check_key(key, value, where) or _check_owned_override(key, where)
        else:
            findings += _check_key(key, value, where) or _check_owned(key, value, where)
    findings += unknown_keys(unknown, SCHEMA)
    if volume is not None:
        for key, value in {**yaml_file.data, **overrides}.items():
            where = _where(key, yaml_file, overrides)
            findings += check_file_setting(key, clean(key, value), where, volume)
    findings += _check_auto(yaml_file, overrides)
    return ordered(findings)


def effective_cfg(cfg_text: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Give what training gets: Ultralytics' defaults, the file over them, the overrides on top.

    Raises
    ------
    InputError
        The text is not a yaml mapping.
    """
    defaults = {key: entry.default for key, entry in SCHEMA.items() if key not in NOT_IN_DEFAULTS}
    given = with_new_names(parse_yaml(cfg_text, name="cfg").data) | with_new_names(overrides)
    return defaults | {str(key): clean(str(key), value) for key, value in given.items()}


def parse_override(text: str) -> tuple[str, Any]:
    """Read ``KEY=VALUE`` with the value as in a cfg file: ``lr0=1e-3``, ``classes=[0, 2]``.

    Raises
    ------
    UsageError
        No ``=``, no key, or a value that is not plain yaml.
    """
    key, equals, raw = text.partition("=")
    key, raw = key.strip(), raw.strip()
    if not equals or not re.fullmatch(r"\w+", key):
        raise UsageError(
            said("'{value}' is not KEY=VALUE.", value=text),
            where="overrides",
            next=said("Write epochs=5."),
        )
    if not raw.isprintable():
        raise UsageError(
            said("the value of '{key}' has control characters.", key=key), where=f"overrides.{key}"
        )
    try:
        value = parse_yaml(f"value: {raw}", name="value").data["value"]
    except InputError as reason:
        raise UsageError(
            said("'{raw}' is not a value: {message}", raw=raw, message=reason.message),
            where=f"overrides.{key}",
            next=said("Put text with special characters in quotes."),
        ) from reason
    if not isinstance(value, (bool, int, float, str, list, type(None))):
        value = raw  # dates, mappings and the like: no setting takes them, the check says so
    return key, clean(key, value)


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Read several ``KEY=VALUE``; the last one of a key counts.

    Raises
    ------
    UsageError
        All mistakes at once.
    """
    values: dict[str, Any] = {}
    mistakes: list[UsageError] = []
    for text in texts:
        try:
            key, value = parse_override(text)
            values[key] = value
        except UsageError as reason:
            mistakes.append(reason)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise UsageError(" ".join(str(mistake) for mistake in mistakes), where="overrides")
    return values


def _check_key(key: str, value: Any, where: str) -> list[Finding]:
    if key in SCHEMA and SCHEMA[key].owned:  # whatever it says, it is not used
        return []
    if key in RENAMED:
        message = said("'{key}' is an old name that Ultralytics is about to drop.", key=key)
        renamed = warning("setting-renamed", message, where=where, next=RENAMED[key])
        meant = with_new_names({key: value}).items()
        return [renamed, *(found for new in meant for found in _check_key(*new, where))]
    if key == "multi_scale" and value is True:
        message = said(
            "'multi_scale: true' counts as 1: image sizes from next to nothing to twice imgsz."
        )
        hint = said("Write 0.5 for what true meant up to Ultralytics 8.3, or 0 for none.")
        return [warning("setting-renamed", message, where=where, next=hint)]
    return check_value(SCHEMA[key], value, where)


def _check_owned(key: str, value: Any, where: str) -> list[Finding]:
    setting = SCHEMA.get(key)
    if setting is None or same(clean(key, value), setting.default):
        return []
    if setting.owned:
        message = said(
            "'{key}: {value}' is ignored: {owned}.",
            key=key,
            value=str(value)[:80],
            owned=setting.owned,
        )
        return [warning("setting-ignored", message, where=where, next=said("Remove it."))]
    if setting.group in UNUSED_GROUPS:
        message = said("'{key}' has no effect on training, testing or tuning.", key=key)
        return [info("setting-unused", message, where=where)]
    return []


def _check_owned_override(key: str, where: str) -> list[Finding]:
    reason = SCHEMA[key].owned
    if not reason:
        return []
    message = said("'{key}' cannot be set here: {reason}.", key=key, reason=reason)
    if key == "device":  # people paste it from their notebooks; the launch is good without it
        return [warning("setting-ignored", message, where=where, next=said("Remove it."))]
    return [error("setting-owned", message, where=where, next=said("Remove it."))]


def _check_auto(yaml_file: YamlFile, overrides: Mapping[str, Any]) -> list[Finding]:
    given = {**yaml_file.data, **overrides}
    if str(given.get("optimizer", SCHEMA["optimizer"].default)).lower() != "auto":
        return []
    ignored = [
        key
        for key in _AUTO_IGNORES
        if key in overrides
        or (key in given and not same(clean(key, given[key]), SCHEMA[key].default))
    ]
    return [
        warning(
            "auto-optimizer",
            said(
                "'{key}: {value}' is ignored: optimizer=auto chooses it.", key=key, value=given[key]
            ),
            where=_where(key, yaml_file, overrides),
            next=said("Name an optimizer, such as optimizer=AdamW."),
        )
        for key in ignored
    ]


def _where(key: str, yaml_file: YamlFile, overrides: Mapping[str, Any]) -> str:
    return f"overrides.{key}" if key in overrides else yaml_file.where(key)
