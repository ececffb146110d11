"""Class names of a data yaml."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.core import findings as say
from pipeline.core.findings import Finding
from pipeline.core.model.values import MAX_CLASSES
from pipeline.core.said import said
from pipeline.core.yamltext.file import YamlFile
from pipeline.core.yamltext.values import quoted, whole_number


def read_names(file: YamlFile) -> tuple[dict[int, str], list[Finding]]:
    """Give class id to name as Ultralytics does, and what is wrong with them."""
    given, where = file.data.get("names"), file.where("names")
    count, found = _class_count(file)
    if given is None:
        if "nc" not in file.data:
            message, hint = (
                said("neither 'names' nor 'nc' is given."),
                said("Add 'names:', one name a class."),
            )
            found.append(say.error("names-missing", message, where=file.name, next=hint))
        return {index: f"class_{index}" for index in range(count or 0)}, found
    if not isinstance(given, list | dict) or not given:
        message = said(
            "'names' is {given}, not a list or a map of class id to name.", given=quoted(given)
        )
        hint = said("Write one name a line.")
        found.append(say.error("names-invalid", message, where=where, next=hint))
        return {}, found
    items: dict[Any, Any] = given if isinstance(given, dict) else dict(enumerate(given))
    names, mistakes = _checked_names(file, items)
    found += mistakes
    if count is not None and count != len(items):
        message = said("'nc' is {count} but 'names' has {names}.", count=count, names=len(items))
        hint = said("Make them agree, or remove 'nc'.")
        found.append(say.error("names-nc-mismatch", message, where=file.where("nc"), next=hint))
    for name in (name for name, times in Counter(names.values()).items() if times > 1):
        message = said("'{name}' names more than one class.", name=name)
        found.append(say.warning("names-repeated", message, where=where, next=said("Rename one.")))
    return names, found


def _checked_names(file: YamlFile, items: dict[Any, Any]) -> tuple[dict[int, str], list[Finding]]:
    names: dict[int, str] = {}
    found: list[Finding] = []
    for key, value in items.items():
        index, where = whole_number(key), file.where("names", key)
        if index is None or not 0 <= index < len(items) or index in names:
            message = said(
                "class id '{key}' is not one of 0 to {last}, each once.",
                key=key,
                last=len(items) - 1,
            )
            hint = said("Number the classes from 0 without gaps.")
            found.append(say.error("names-invalid", message, where=where, next=hint))
            continue
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            message = said(
                "the name of class {index} is {value}, read as '{read}'.",
                index=index,
                value=quoted(value),
                read=value,
            )
            hint = said("Put the name in quotes.")
            found.append(say.warning("name-not-text", message, where=where, next=hint))
        names[index] = str(value)
    return dict(sorted(names.items())), found


def _class_count(file: YamlFile) -> tuple[int | None, list[Finding]]:
    if "nc" not in file.data or (file.data["nc"] is None and file.data.get("names") is not None):
        return None, []
    count = whole_number(file.data["nc"])
    if count is None or not 1 <= count <= MAX_CLASSES:
        message = said(
            "'nc' is {value}, not a whole number, 1 to {most:,}.",
            value=quoted(file.data["nc"]),
            most=MAX_CLASSES,
        )
        return None, [say.error("nc-invalid", message, where=file.where("nc"))]
    return count, []
